"""The one thread that writes the spool: appends, syncs every half second, publishes what is durable.

Recorders hand it bytes over a queue bounded by bytes and never touch the disk; it is the only one that can meet a
full disk. Whole files (headers, labels, manifests) are written by it too, through `call`, in the order asked for.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from device_agent.spool.space import SpoolFailed, SpoolFull, SpoolSpace, spool_error
from wire.errors import GleanerError
from wire.files import sync_folder

T = TypeVar("T")
SYNC_SECONDS = 0.5
MAX_QUEUE_BYTES = 16 << 20


class AppendFile:
    """A growing file. `durable` bytes of it survive a power cut; `failed` says why no more will come."""

    def __init__(self, path: Path, handle: int, is_media: bool) -> None:
        self.path = path
        self.is_media = is_media
        self.written = 0
        self.durable = 0
        self.closed = False
        self.failed: GleanerError | None = None
        self._handle = handle
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of the bytes written so far; the file's hash once it is closed."""
        return self._hash.hexdigest()

    def append(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            count = os.write(self._handle, left)
            self._hash.update(left[:count])
            self.written += count
            left = left[count:]

    def sync(self) -> None:
        os.fdatasync(self._handle)

    def release(self) -> None:
        os.close(self._handle)


class SpoolWriter:
    """Start with `start`; every other method may be called from any thread but its own."""

    def __init__(
        self, space: SpoolSpace, published: Callable[[], None], on_full: Callable[[GleanerError], None]
    ) -> None:
        self._space, self._published, self._on_full = space, published, on_full
        self._changed = threading.Condition()
        self._queue: deque[tuple[AppendFile, bytes] | Callable[[], None]] = deque()
        self._queued = 0
        self._stopping = False
        self._dirty: list[AppendFile] = []
        self._full_reported = False
        self._thread = threading.Thread(target=self._run, name="spool-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """Write what is queued, sync, end. False: the disk did not answer in time."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def open(self, path: Path, is_media: bool) -> AppendFile:
        """A new file, its name durable."""

        def create() -> AppendFile:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
            sync_folder(path.parent)
            return AppendFile(path, handle, is_media)

        return self.call(create, f"opening {path.name}")

    def append(self, file: AppendFile, data: bytes) -> None:
        """Queue bytes; waits while the queue is full.

        Raises:
            GleanerError: why the file takes no more, e.g. SpoolFull.
        """
        with self._changed:
            while self._queued >= MAX_QUEUE_BYTES and file.failed is None and self._thread.is_alive():
                self._changed.wait(1.0)
            self._refuse_if_over(file)
            self._queue.append((file, bytes(data)))
            self._queued += len(data)
            self._changed.notify_all()

    def close(self, file: AppendFile) -> None:
        """Returns when every byte of the file is durable. A second close does nothing.

        Raises:
            GleanerError: why not all bytes are there; the file is closed all the same.
        """

        def finish() -> None:
            if file.closed:
                return
            if file.failed is None and file.durable < file.written:
                self._sync([file])
            file.closed = True
            file.release()
            self._dirty = [other for other in self._dirty if other is not file]
            self._published()

        self.call(finish, f"closing {file.path.name}")
        if file.failed is not None:
            raise file.failed

    def call(self, work: Callable[[], T], doing: str) -> T:
        """Run `work` on the writer thread after everything queued before, and return what it returns.

        Raises:
            SpoolFull, SpoolFailed: the disk's answer. Whatever else `work` raises.
        """
        answer: list[T] = []
        problem: list[Exception] = []
        done = threading.Event()

        def run() -> None:
            try:
                answer.append(work())
            except OSError as error:
                problem.append(spool_error(error, doing))
            except Exception as error:  # noqa: BLE001 - handed to the caller, whose work it is
                problem.append(error)
            finally:
                done.set()

        with self._changed:
            if self._stopping:
                raise SpoolFailed("The spool is closed.")
            self._queue.append(run)
            self._changed.notify_all()
        while not done.wait(1.0):
            if not self._thread.is_alive() and not done.is_set():
                raise SpoolFailed("The spool's writer has ended.")
        if problem:
            raise problem[0]
        return answer[0]

    def full_is_over(self) -> None:
        """Space was found again: the next time it runs out is news."""
        self._full_reported = False

    # ---------------------------------------------------------------- the writer thread
    def _run(self) -> None:
        due: float | None = None
        while True:
            with self._changed:
                while not self._queue and not self._stopping and (due is None or time.monotonic() < due):
                    self._changed.wait(None if due is None else max(0.0, due - time.monotonic()))
                batch = list(self._queue)
                self._queue.clear()
                self._queued = 0
                ending = self._stopping and not batch
                self._changed.notify_all()
            for item in batch:
                if isinstance(item, tuple):
                    self._write(*item)
                else:
                    item()
            if ending or (due is not None and time.monotonic() >= due):
                self._sync(self._dirty)
                self._dirty = []
                self._published()
                due = None
            if ending:
                return
            if self._dirty and due is None:
                due = time.monotonic() + SYNC_SECONDS

    def _write(self, file: AppendFile, data: bytes) -> None:
        if file.failed is not None:
            return
        before = file.written
        try:
            if file.is_media:
                self._space.check(len(data))
            file.append(data)
        except SpoolFull as error:
            self._fail([file], error)
        except OSError as error:
            self._fail([file], spool_error(error, "recording"))
        self._space.reserve(file.written - before)
        if file.written > file.durable and file not in self._dirty:
            # Times before media: what is published never holds a frame whose time is not on the disk.
            self._dirty.insert(len(self._dirty) if file.is_media else 0, file)

    def _sync(self, files: list[AppendFile]) -> None:
        for file in files:
            try:
                file.sync()
            except OSError as error:
                self._fail([file], spool_error(error, "syncing"))
            else:
                file.durable = file.written

    def _fail(self, files: list[AppendFile], error: GleanerError) -> None:
        for file in files:
            file.failed = file.failed or error
        with self._changed:
            self._changed.notify_all()
        if not self._full_reported:
            self._full_reported = True
            self._on_full(error)

    def _refuse_if_over(self, file: AppendFile) -> None:
        if file.failed is not None:
            raise file.failed
        if file.closed:
            raise SpoolFailed(f"{file.path.name} is closed; nothing can be appended.")
        if self._stopping or not self._thread.is_alive():
            raise SpoolFailed("The spool is closed.")


class SpoolSink:
    """A ByteSink of one file of the spool."""

    def __init__(self, writer: SpoolWriter, file: AppendFile) -> None:
        self._writer, self.file = writer, file

    def write(self, data: bytes) -> None:
        self._writer.append(self.file, data)

    def close(self) -> None:
        self._writer.close(self.file)
