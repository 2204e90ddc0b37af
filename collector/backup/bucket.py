"""A backup repository in a bucket of an S3 server, and the blobs of a restore there."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from secrets import token_hex
from typing import BinaryIO

from collector.backup.bucket_lock import LOCKS, BucketLock
from collector.backup.problems import BackupStorageUnusable, storage_errors
from collector.store.blobs import MAX_BYTES, DiskFull, StorageUnusable
from collector.store.objects import PART_BYTES, Objects, is_no_bucket
from collector.store.s3_place import S3Place

AT_ONCE = 8  # files that are on their way together
MAX_WAITING_BYTES = 64 * 2**20
DELETED_AT_ONCE = 500
HINT = (
    "Check the address, the credentials in the environment and the server; then run the same command: what was saved is"
    " not copied again."
)


class S3BackupStorage:
    """See `collector.backup.storage.BackupStorage` for the meaning of each method. One thread at a time may use it.

    Attributes:
        address: of the bucket, for sentences.
    """

    def __init__(self, place: S3Place, folder: str = "", name: str = "The backup") -> None:
        """`folder`: of the place. `name`: what this is, for sentences.

        Raises:
            StorageDriverMissing.
        """
        self.address = place.address
        self._objects = Objects(place, folder)
        self._reading, self._writing = f"{name} cannot be read", f"{name} cannot be written"
        self._senders: ThreadPoolExecutor | None = None
        self._sent: deque[tuple[Future[None], int]] = deque()
        self._locks: list[BucketLock] = []

    def list(self, folder: str) -> Iterator[tuple[str, int]]:
        with self._errors(self._reading):
            for name, size, _at in self._objects.list(folder):
                if not name.startswith((".", f"{LOCKS}/")):
                    yield name, size

    def open(self, name: str) -> BinaryIO:
        pieces = self._pieces(name)
        first = next(pieces, b"")
        return io.BufferedReader(_PieceReader(chain((first,), pieces)), 2**20)

    def _pieces(self, name: str) -> Iterator[bytes]:
        """Raises FileNotFoundError."""
        found = self._objects.read(name, 0, MAX_BYTES)
        while (piece := self._next(found)) is not None:
            if isinstance(piece, FileNotFoundError):
                raise piece
            yield piece

    def _next(self, found: Iterator[bytes]) -> bytes | FileNotFoundError | None:
        with self._errors(self._reading):
            try:
                return next(found, None)
            except FileNotFoundError as error:
                if is_no_bucket(error):
                    raise
                return error

    def write(self, name: str, data: bytes) -> None:
        with self._errors(self._writing):
            self._objects.put(name, data)

    def put(self, name: str, pieces: Iterable[bytes]) -> None:
        with contextlib.ExitStack() as held:
            # What is larger than a part goes through a temporary file: it is encrypted, or a recording of a restore.
            small, file = bytearray(), None
            for piece in pieces:
                if file is None and len(small) + len(piece) <= PART_BYTES:
                    small += piece
                    continue
                with storage_errors("The temporary file of a backup cannot be written"):
                    if file is None:
                        file = held.enter_context(tempfile.NamedTemporaryFile(prefix="gleaner-backup-"))
                        file.write(small)
                        small.clear()
                    file.write(piece)
            if file is None:
                self._send(name, bytes(small))
                return
            with storage_errors("The temporary file of a backup cannot be written"):
                file.flush()
            self._put_parts(name, file.name, file.tell())

    def commit(self) -> None:
        while self._sent:
            self._wait_for_one()

    def delete(self, names: Iterable[str]) -> None:
        waiting = list(names)
        with self._errors(self._writing):
            for start in range(0, len(waiting), DELETED_AT_ONCE):
                self._objects.delete(waiting[start : start + DELETED_AT_ONCE])

    def is_versioned(self) -> bool:
        with self._errors(self._writing):
            return self._objects.is_versioned(f".{token_hex(8)}.versions")

    def delete_unfinished(self) -> None:
        """An object is there whole or not at all; parts of uploads that never ended are seen by the server alone."""

    @contextlib.contextmanager
    def lock(self, name: str, *, shared: bool = False) -> Iterator[None]:
        lock = BucketLock(self._objects, name, self.address, shared=shared)
        with self._errors(self._writing):
            lock.take()
        self._locks.append(lock)
        try:
            yield
        finally:
            self._locks.remove(lock)
            lock.release()

    def _send(self, name: str, data: bytes) -> None:
        if self._senders is None:
            self._senders = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="backup")
        self._sent.append((self._senders.submit(self.write, name, data), len(data)))
        while sum(size for _future, size in self._sent) > MAX_WAITING_BYTES:
            self._wait_for_one()

    def _wait_for_one(self) -> None:
        """Raises what its sending raised; then nothing of the others counts, either."""
        future, _size = self._sent.popleft()
        try:
            future.result()
        except BaseException:
            for other, _size in self._sent:
                other.cancel()
            self._sent.clear()
            raise

    def _put_parts(self, name: str, path: str, size: int) -> None:
        with self._errors(self._writing):
            there = self._objects.put_file(name, path, size)
        if there != size:
            raise BackupStorageUnusable(f"{self._writing}: the S3 server has {there} of {size} bytes.", hint=HINT)

    @contextlib.contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        """Raises BackupStorageUnusable; also where a lock was lost, so that nobody writes who may not any more."""
        for lock in self._locks:
            lock.check()
        try:
            with self._objects.errors(what):
                yield
        except (DiskFull, StorageUnusable) as error:
            raise BackupStorageUnusable(error.message, hint=HINT) from None


class _PieceReader(io.RawIOBase):
    """Pieces as a file. What they raise, a read raises."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count
