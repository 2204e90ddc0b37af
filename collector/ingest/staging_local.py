"""Bytes on their way in, one file an upload, written at their offset and never appended by the system.

The truth about an offset is min(file length, offset in the row): the row is written only after fdatasync, and the file
is cut to the truth whenever it is opened, so bytes that came without being promised can never be taken twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from collector.ingest.tus import Checksum, ChecksumMismatch, Digest, PartialGone
from collector.ingest.writeback import begin_writeback
from collector.store.blobs import DiskFull
from collector.store.blobs_local import disk_errors
from collector.store.private import private_folder
from wire.errors import GleanerError
from wire.files import sync_folder

T = TypeVar("T")
Promise = Callable[[int], None]
FILE_THREADS = 8
COPY_BYTES = 1 << 20
log = logging.getLogger("gleaner.ingest")


def _disk_errors() -> contextlib.AbstractContextManager[None]:
    return disk_errors("Nothing more is received")


class LocalStaging:
    """The staging folder and its file threads. `reserve_bytes` stay free for the database."""

    def __init__(self, folder: Path, reserve_bytes: int) -> None:
        self.folder = folder
        self._reserve = reserve_bytes
        self._threads = ThreadPoolExecutor(FILE_THREADS, thread_name_prefix="staging")
        private_folder(folder)

    async def open(self, name: str, offset: int) -> StagedFile:
        """Open at `offset`, or at what the disk really has if that is less. Raises DiskFull."""
        return await self.run(lambda: self.open_now(name, offset))

    def open_now(self, name: str, offset: int) -> StagedFile:
        """The same, for who is in a file thread already."""
        return StagedFile.open(self, self.folder / name, offset)

    async def length(self, name: str) -> int:
        """Bytes the disk really has."""
        return await self.run(lambda: path.stat().st_size if (path := self.folder / name).exists() else 0)

    async def join(self, target: str, sources: Sequence[tuple[str, int]]) -> int:
        """Copy files, each of (name, bytes that count), into one new file; returns its size, once durable.

        Raises:
            DiskFull, PartialGone (a file has fewer bytes than it should): there is no new file then.
        """
        return await self.run(lambda: self._join_now(self.folder / target, sources))

    def _join_now(self, target: Path, sources: Sequence[tuple[str, int]]) -> int:
        self.check_space(sum(size for _, size in sources))
        try:
            with _disk_errors():
                into = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
                try:
                    size = sum(self._copy_now(name, size, into) for name, size in sources)
                    os.fsync(into)
                finally:
                    os.close(into)
                sync_folder(self.folder)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return size

    def _copy_now(self, name: str, size: int, into: int) -> int:
        if size == 0:
            return 0  # an empty upload has no file
        try:
            source = os.open(self.folder / name, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise PartialGone("The bytes of a partial upload are not there any more.") from error
        try:
            done = 0
            while done < size:
                piece = os.pread(source, min(COPY_BYTES, size - done), done)
                if not piece:
                    raise PartialGone("The bytes of a partial upload are not there any more.")
                view = memoryview(piece)
                while view:
                    view = view[os.write(into, view) :]
                done += len(piece)
            return done
        finally:
            os.close(source)

    async def remove(self, names: Sequence[str]) -> None:
        await self.run(lambda: self.remove_now(names))

    def remove_now(self, names: Sequence[str]) -> None:
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """Files in the folder; none when it is gone."""
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []

    def check_space(self, wanted: int) -> None:
        """Raises DiskFull, StorageUnusable."""
        with _disk_errors():
            stat = os.statvfs(self.folder)
        if stat.f_bavail * stat.f_frsize < wanted + self._reserve:
            raise DiskFull("The collector's disk is full: nothing more is received.")

    async def run(self, work: Callable[[], T]) -> T:
        return await self.begin(work)

    def begin(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Have a file thread do it; for callers on the event loop."""
        return asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        self._threads.shutdown(wait=True)


class StagedFile:
    """One open upload. `written` is where the next byte goes; `durable` is promised already.

    With a checksum nothing is promised before the whole chunk was verified. One thing at a time is done to the file: a
    write goes on in a thread while its caller receives more, and whatever is asked next waits for its end.
    """

    def __init__(self, staging: LocalStaging, fd: int, offset: int) -> None:
        self._staging = staging
        self._fd: int | None = fd
        self.written = offset
        self.durable = offset
        self._digest: Digest | None = None
        self._writing: asyncio.Future[None] | None = None

    @classmethod
    def open(cls, staging: LocalStaging, path: Path, offset: int) -> StagedFile:
        with _disk_errors():
            if not path.parent.exists():
                log.error(
                    "The staging folder %s was gone and is made again; what was in it is sent again.", path.parent
                )
                private_folder(path.parent)
            is_new = not path.exists()
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                size = os.fstat(fd).st_size
                if size > offset:
                    os.ftruncate(fd, offset)
                if is_new:
                    sync_folder(path.parent)
            except BaseException:
                os.close(fd)
                raise
        return cls(staging, fd, min(size, offset))

    @property
    def _open(self) -> int:
        assert self._fd is not None
        return self._fd

    async def write(self, pieces: Sequence[bytes], checksum: Checksum | None) -> None:
        """Begin to write pieces at the current place, in order. The next call on this file waits for it.

        Raises:
            DiskFull: also of the write before; then nothing after `durable` counts.
        """
        await self._written()
        self._writing = self._staging.begin(lambda: self._write_now(pieces, checksum))

    def _write_now(self, pieces: Sequence[bytes], checksum: Checksum | None) -> None:
        if not pieces:
            return
        self._staging.check_space(sum(map(len, pieces)))
        if checksum is not None and self._digest is None:
            self._digest = checksum.start()
        start = self.written
        with _disk_errors():
            for piece in pieces:
                if self._digest is not None:
                    self._digest.update(piece)
                # Piece by piece, right after its hash: then it is still in the processor's cache.
                view = memoryview(piece)
                while view:
                    count = os.pwrite(self._open, view, self.written)
                    self.written += count
                    view = view[count:]
            begin_writeback(self._open, start, self.written - start)

    async def sync(self, promise: Promise) -> None:
        """Make everything written durable, then promise it: `promise` is called in the file thread with the offset.

        Raises:
            DiskFull, and what `promise` raises.
        """
        await self._do(lambda: self._sync_now(promise))

    def _sync_now(self, promise: Promise) -> None:
        if self.written != self.durable:
            with _disk_errors():
                os.fdatasync(self._open)
            self.durable = self.written
        promise(self.durable)

    async def finish(self, pieces: Sequence[bytes], checksum: Checksum | None, promise: Promise) -> None:
        """Write the last pieces of a chunk, compare it with its checksum, make it durable, promise it, close the file.

        Raises:
            ChecksumMismatch: the chunk is another one, and was cut off.
            DiskFull: as `write`; the file is still open. And what `promise` raises.
        """
        await self._do(lambda: self._finish_now(pieces, checksum, promise))

    def _finish_now(self, pieces: Sequence[bytes], checksum: Checksum | None, promise: Promise) -> None:
        self._write_now(pieces, checksum)
        if checksum is not None:
            digest = self._digest if self._digest is not None else checksum.start()
            self._digest = None
            if digest.digest() != checksum.expected:
                self._discard_now()
                raise ChecksumMismatch(f"The chunk's {checksum.algorithm} is not the one it was sent with.")
        self._sync_now(promise)
        self._close_now()

    async def discard(self) -> None:
        """Drop what was written after the last promise."""
        with contextlib.suppress(GleanerError):  # of a write that is dropped as well
            await self._written()
        await self._do(self._discard_now)

    def _discard_now(self) -> None:
        os.ftruncate(self._open, self.durable)
        self.written = self.durable

    async def close(self) -> None:
        """Close the file, after what is being done to it; what was written and not made durable may be lost."""
        try:
            with contextlib.suppress(GleanerError):
                await self._written()
        finally:
            if self._fd is not None:
                await self._do(self._close_now)

    def _close_now(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    async def _do(self, work: Callable[[], None]) -> None:
        """The next thing that is done to the file, to its end."""
        await self._written()
        self._writing = self._staging.begin(work)
        await self._written()

    async def _written(self) -> None:
        """Wait for what is being done to the file, and raise what it did.

        Who is cancelled meanwhile leaves it to `close`: a thread may still be at the file.
        """
        while (writing := self._writing) is not None:
            await asyncio.wait((writing,))
            self._writing = None
            writing.result()
