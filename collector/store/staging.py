"""Bytes on their way in: one interface for the folder of one process and for a bucket that several processes share.

What both have in common is here: threads that write while more arrives, checksums of chunks, and the order in which
bytes become durable, are promised in a row, and are reported.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

from collector.store.crc32c import Crc32c
from collector.store.in_order import InOrder
from wire.errors import GleanerError

T = TypeVar("T")
THREADS = 8
BATCH_BYTES = 1 << 19  # of an upload that are received before they are given to a thread
WAITING_BATCHES = 4  # of an upload, received and not written yet


class PartialGone(GleanerError):
    """The bytes of a partial upload are not on the disk any more."""

    code = "upload-partial-gone"
    status = 409
    hint = "End the final and the partial uploads with DELETE and send them again."


class ChecksumMismatch(GleanerError):
    code = "checksum-mismatch"
    status = 460
    retryable = True
    hint = "The chunk was discarded; send it again from the same offset."


class Digest(Protocol):
    @property
    def digest_size(self) -> int: ...

    def update(self, data: Any, /) -> None: ...

    def digest(self) -> bytes: ...


@dataclass(frozen=True)
class Checksum:
    algorithm: str
    expected: bytes

    def start(self) -> Digest:
        return Crc32c() if self.algorithm == "crc32c" else hashlib.new(self.algorithm)


class UploadPiece(NamedTuple):
    """The bytes [start, end) of an upload are the object `name`."""

    start: int
    end: int
    name: str


# Saves in rows that bytes up to the offset are durable, and the pieces that lie there since the promise before.
Promise = Callable[[int, Sequence[UploadPiece]], None]


class Staging:
    """Where uploads lie until they are opened, and the threads that write them."""

    checkpoint_seconds: float  # that bytes wait at most until they are durable
    # Whether rows say where the bytes are, in pieces; else the file of an upload is all there is.
    in_pieces: bool

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="staging")
        # For one chunk at a time; apart from those that write, which wait for it.
        self.hash_thread = ThreadPoolExecutor(1, thread_name_prefix="staging-hash")
        self.hash_thread_of: StagedFile | None = None  # changed on the event loop alone

    async def open(self, name: str, offset: int, fence: int = 0) -> StagedFile:
        """Open at `offset`, or at what is really there if that is less. Raises DiskFull, StorageUnusable.

        Args:
            fence: that of the upload; nothing is promised once its row has a higher one.
        """
        return await self.run(lambda: self.open_now(name, offset, fence))

    def open_now(self, name: str, offset: int, fence: int = 0) -> StagedFile:
        """The same, for who is in a thread of the staging already."""
        raise NotImplementedError

    async def true_offset(self, name: str, offset: int) -> int:
        """The `offset` that a row promises, or what is really there if that is less."""
        raise NotImplementedError

    async def join(self, target: str, sources: Sequence[tuple[str, int]]) -> int:
        """Make one upload of several, each of (name, bytes that count); returns its size, once durable.

        Raises:
            DiskFull, PartialGone (there are fewer bytes than there should be): nothing was made then.
        """
        raise NotImplementedError

    async def remove(self, names: Sequence[str]) -> None:
        await self.run(lambda: self.remove_now(names))

    def remove_now(self, names: Sequence[str]) -> None:
        """Files or objects; one that is not there is no error."""
        raise NotImplementedError

    def leftovers(self) -> list[str]:
        """Names of all files, or of all objects."""
        raise NotImplementedError

    def batch_bytes(self) -> int:
        """How many bytes of one upload are received before they are written, at the moment."""
        return BATCH_BYTES

    def unnamed(self) -> list[str]:
        """Names of objects that this process made, or may have made, and is done with; perhaps no row has them."""
        return []

    def has_named(self, names: Sequence[str]) -> None:
        """Rows have these objects: they are not among `unnamed` any more."""

    def source(self, name: str, pieces: Sequence[UploadPiece]) -> Any:
        """Where a worker process finds the bytes of an upload, as JSON."""
        raise NotImplementedError

    def place(self) -> dict[str, Any] | None:
        """The server with the pieces, for a worker process; None: sources are local files."""
        return None

    def check_usable(self) -> None:
        """Raises DiskFull, StorageUnusable."""
        raise NotImplementedError

    async def run(self, work: Callable[[], T]) -> T:
        return await self.begin(work)

    def begin(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Have a thread do it; for callers on the event loop."""
        return asyncio.get_running_loop().run_in_executor(self.threads, work)

    def close(self) -> None:
        self.threads.shutdown(wait=True)
        self.hash_thread.shutdown(wait=True)


class ChunkSum:
    """The checksum of a chunk, taken while it is written: where that is done, or in a thread `apart`, in order."""

    def __init__(self, checksum: Checksum, apart: InOrder | None) -> None:
        self._digest = checksum.start()
        self._checksum = checksum
        self._apart = apart
        self._newest: Future[None] | None = None

    def begin(self, pieces: Sequence[bytes]) -> Sequence[Future[None]]:
        """Have the next bytes hashed apart, if it has a thread for that; ends when they are not needed for it."""
        if self._apart is None or not pieces:
            return ()
        self._newest = self._apart.begin(lambda: self._add(pieces))
        return (self._newest,)

    def add_now(self, pieces: Sequence[bytes]) -> None:
        """The same bytes are about to be written."""
        if self._apart is None:
            self._add(pieces)

    def _add(self, pieces: Sequence[bytes]) -> None:
        for piece in pieces:
            self._digest.update(piece)

    @property
    def is_ready(self) -> bool:
        return self._newest is None or self._newest.done()

    def check_now(self) -> None:
        """Wait for it, in a thread that writes. Raises ChecksumMismatch."""
        if self._newest is not None:
            self._newest.result()
        if self._digest.digest() != self._checksum.expected:
            raise ChecksumMismatch(f"The chunk's {self._checksum.algorithm} is not the one it was sent with.")


class StagedFile:
    """One open upload. `written` is where the next byte goes; `durable` is promised already.

    With a checksum nothing is promised before the whole chunk was verified. What is asked for is done by a thread, one
    thing after the other, while the caller receives more.
    """

    def __init__(self, staging: Staging, offset: int) -> None:
        self._work = InOrder(staging.threads)
        self._batch_bytes = staging.batch_bytes
        self.written = offset
        self.durable = offset
        self._stable = offset  # on the disk already, though perhaps not to be promised
        self._staging = staging
        self._sum: ChunkSum | None = None
        self._problem: BaseException | None = None
        self._newest: Future[None] | None = None
        self._writes: deque[tuple[tuple[Future[None], ...], int]] = deque()
        self._unwritten = 0

    def expect(self, size: int) -> None:
        """So many bytes are announced: about to be written, unless the sender goes away."""

    async def write(self, pieces: Sequence[bytes], checksum: Checksum | None) -> None:
        """Hand over pieces that are written at the current place, in order. Waits while more than WAITING_BATCHES wait.

        Raises:
            DiskFull, StorageUnusable: of this write or one before; then nothing after `durable` counts.
        """
        size = sum(map(len, pieces))
        chunk = self._sum_of(checksum)
        hashed = () if chunk is None else chunk.begin(pieces)
        self._newest = self._work.begin(lambda: self._write_now(pieces, chunk))
        self._writes.append(((self._newest, *hashed), size))
        self._unwritten += size
        most = WAITING_BATCHES * self._batch_bytes()
        while self._writes and (self._unwritten > most or all(done.done() for done in self._writes[0][0])):
            for done in self._writes[0][0]:
                await _ended(done)
            self._unwritten -= self._writes.popleft()[1]

    def _sum_of(self, checksum: Checksum | None) -> ChunkSum | None:
        """That of the chunk that arrives, begun with its first bytes; None where it came without a checksum.

        The first of several chunks that arrive has a thread for it, so that its sender waits less for the answer. The
        others are hashed where they are written, just before it: the processors are busy, and that takes less of them.
        """
        if self._sum is None and checksum is not None:
            staging = self._staging
            if staging.hash_thread_of is None:
                staging.hash_thread_of = self
            has_thread = staging.hash_thread_of is self
            self._sum = ChunkSum(checksum, InOrder(staging.hash_thread) if has_thread else None)
        return self._sum

    def _end_sum(self) -> None:
        self._sum = None
        if self._staging.hash_thread_of is self:
            self._staging.hash_thread_of = None

    def _write_now(self, pieces: Sequence[bytes], chunk: ChunkSum | None) -> None:
        self._raise_problem()
        if not pieces:
            return
        try:
            if chunk is not None:
                chunk.add_now(pieces)
            self._put_now(pieces)
        except BaseException as problem:
            self._problem = problem
            raise

    def _raise_problem(self) -> None:
        """A write failed, so nothing that comes after it has its place."""
        if self._problem is not None:
            raise self._problem

    async def sync(self, promise: Promise) -> None:
        """Make everything written durable, then promise it: `promise` is called in the thread.

        Raises:
            DiskFull, StorageUnusable, and what `promise` raises.
        """
        await self._do(lambda: self._sync_now(promise))

    def _sync_now(self, promise: Promise) -> None:
        self._raise_problem()
        self._make_stable_now()
        self.durable = self.written
        promise(self.durable, self._pieces())
        self._promised()

    def _make_stable_now(self) -> None:
        if self.written != self._stable:
            self._make_durable_now()
            self._stable = self.written

    async def finish(self, pieces: Sequence[bytes], checksum: Checksum | None, promise: Promise) -> None:
        """Write the last pieces of a chunk, compare it with its checksum, make it durable, promise it, close the file.

        Raises:
            ChecksumMismatch: the chunk is another one, and was cut off.
            DiskFull, StorageUnusable: as `write`; the file is still open. And what `promise` raises.
        """
        chunk = self._sum_of(checksum)
        if chunk is not None:
            chunk.begin(pieces)
        try:
            await self._do(lambda: self._finish_now(pieces, chunk, promise))
        finally:
            self._end_sum()

    def _finish_now(self, pieces: Sequence[bytes], chunk: ChunkSum | None, promise: Promise) -> None:
        self._write_now(pieces, chunk)
        if chunk is not None:
            if not chunk.is_ready:
                self._make_stable_now()  # meanwhile
            try:
                chunk.check_now()
            except ChecksumMismatch:
                self._drop_now()
                raise
        self._sync_now(promise)
        self._close_now()

    async def discard(self) -> None:
        """Drop what was written after the last promise, also when writing it failed."""
        self._end_sum()
        await self._do(self._drop_now)

    def _drop_now(self) -> None:
        self._problem = None
        self._discard_now()
        self._stable = self.durable

    async def close(self) -> None:
        """Close the file, after what is being done to it; what was written and not made durable may be lost."""
        self._end_sum()
        if self._is_open() or (self._newest is not None and not self._newest.done()):
            await self._do(self._close_now)

    def _put_now(self, pieces: Sequence[bytes]) -> None:
        """Write pieces, and count them into `written`."""
        raise NotImplementedError

    def _make_durable_now(self) -> None:
        raise NotImplementedError

    def _pieces(self) -> Sequence[UploadPiece]:
        """Those up to `durable` that no promise has named yet."""
        return ()

    def _promised(self) -> None:
        """They are in rows now."""

    def _discard_now(self) -> None:
        raise NotImplementedError

    def _is_open(self) -> bool:
        raise NotImplementedError

    def _close_now(self) -> None:
        raise NotImplementedError

    async def _do(self, work: Callable[[], None]) -> None:
        """The next thing that is done to the file, after every write, to its end."""
        self._newest = self._work.begin(work)
        self._writes.clear()  # it comes after them
        self._unwritten = 0
        await _ended(self._newest)


async def _ended(done: Future[None]) -> None:
    """Wait for its end, and raise what it did. Who is cancelled meanwhile leaves it to go on."""
    if done.done():
        done.result()
        return
    waiting = asyncio.wrap_future(done)
    await asyncio.wait((waiting,))
    waiting.result()
