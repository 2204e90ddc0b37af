"""Bytes on their way in, one file an upload, written at their offset and never appended by the system.

The truth about an offset is min(file length, offset in the row): the row is written only after fdatasync, and the file
is cut to the truth whenever it is opened, so bytes that came without being promised can never be taken twice.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from collector.store.blobs import DiskFull
from collector.store.blobs_local import check_writable, disk_errors
from collector.store.private import private_folder
from collector.store.staging import PartialGone, StagedFile, Staging, UploadPiece
from collector.store.writeback import begin_writeback, reserve_blocks
from wire.files import sync_folder

COPY_BYTES = 1 << 20
WRITEBACK_BYTES = 2 << 20  # written since the disk was last given something to do
RESERVED_BYTES = 16 << 20  # of what is about to come, that get their blocks at once
log = logging.getLogger("gleaner.ingest")


def _disk_errors() -> contextlib.AbstractContextManager[None]:
    return disk_errors("Nothing more is received")


class LocalStaging(Staging):
    """A folder: one file an upload. `reserve_bytes` stay free for the database."""

    checkpoint_seconds = 1.0
    in_pieces = False

    def __init__(self, folder: Path, reserve_bytes: int) -> None:
        super().__init__()
        self.folder = folder
        self._reserve = reserve_bytes
        private_folder(folder)

    def open_now(self, name: str, offset: int, fence: int = 0) -> LocalStagedFile:
        return LocalStagedFile.open(self, self.folder / name, offset)

    async def true_offset(self, name: str, offset: int) -> int:
        path = self.folder / name
        return min(offset, await self.run(lambda: path.stat().st_size if path.exists() else 0))

    async def join(self, target: str, sources: Sequence[tuple[str, int]]) -> int:
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

    def remove_now(self, names: Sequence[str]) -> None:
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    def leftovers(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []

    def check_space(self, wanted: int, file: int | None = None) -> int:
        """How many bytes more than `wanted` there are at present. Raises DiskFull, StorageUnusable.

        Args:
            file: an open one of the folder, which is found faster.
        """
        with _disk_errors():
            stat = os.statvfs(self.folder if file is None else file)
        spare = stat.f_bavail * stat.f_frsize - wanted - self._reserve
        if spare < 0:
            raise DiskFull("The collector's disk is full: nothing more is received.")
        return spare

    def source(self, name: str, pieces: Sequence[UploadPiece]) -> str:
        return str(self.folder / name)

    def check_usable(self) -> None:
        self.check_space(0)
        check_writable(self.folder)


class LocalStagedFile(StagedFile):
    """One open file."""

    _staging: LocalStaging

    def __init__(self, staging: LocalStaging, fd: int, offset: int) -> None:
        super().__init__(staging, offset)
        self._fd: int | None = fd
        self._on_its_way = offset  # to the disk, up to here
        self._reserved = offset  # up to here there are blocks
        self._expected = offset

    def expect(self, size: int) -> None:
        self._expected = self.written + size

    @classmethod
    def open(cls, staging: LocalStaging, path: Path, offset: int) -> LocalStagedFile:
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

    def _put_now(self, pieces: Sequence[bytes]) -> None:
        self._make_room(sum(map(len, pieces)))
        with _disk_errors():
            for piece in pieces:
                view = memoryview(piece)
                while view:
                    count = os.pwrite(self._open, view, self.written)
                    self.written += count
                    view = view[count:]
            if self.written - self._on_its_way >= WRITEBACK_BYTES:
                begin_writeback(self._open, self._on_its_way, self.written - self._on_its_way)
                self._on_its_way = self.written

    def _make_room(self, size: int) -> None:
        """Blocks for the next bytes, and for some that are expected after them. Raises DiskFull, StorageUnusable."""
        end = self.written + size
        if end <= self._reserved:
            return
        spare = self._staging.check_space(size, self._open)
        ahead = min(self._expected - end, RESERVED_BYTES - size, spare)
        if ahead > 0:
            with _disk_errors():
                if reserve_blocks(self._open, self.written, size + ahead):
                    self._reserved = end + ahead

    def _make_durable_now(self) -> None:
        with _disk_errors():
            os.fdatasync(self._open)

    def _discard_now(self) -> None:
        os.ftruncate(self._open, self.durable)
        self.written = self._on_its_way = self._reserved = self.durable

    def _is_open(self) -> bool:
        return self._fd is not None

    def _close_now(self) -> None:
        fd, self._fd = self._fd, None
        if fd is None:
            return
        try:
            if self._reserved > self.written:  # what was expected did not come
                os.ftruncate(fd, self.written)
        finally:
            os.close(fd)
