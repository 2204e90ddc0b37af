"""Where finished exports lie until somebody has fetched them: one ZIP archive each, in a folder or on the S3 server.

exports/EXPORT.zip    in the data folder, or below the address of the media
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from collector.settings import Settings
from collector.store.blobs_local import disk_errors
from collector.store.private import FILE_MODE, private_folder
from wire.errors import GleanerError
from wire.files import put_in_place

ENDING = ".zip"
PIECE = 1 << 20
_WITH_HEADERS = 1.1  # the size is known before headers are written


class ArchiveMissing(GleanerError):
    """The archive of a finished export is not where this collector looks for it."""

    code = "export-archive-missing"
    status = 410
    hint = "Start the export again. A move to another place and a restore from a backup leave finished exports behind."


class ExportArchives:
    """Archives by the ids of their exports; one never changes. Each method may wait for a disk or a server.

    `takes_files`: they lie where the files do that they are made of, so that these may go as soon as they are in one.

    Raises (all of them): DiskFull, StorageUnusable.
    """

    takes_files: bool

    def put(self, export: str, pieces: Callable[[], Iterator[bytes]], size: int) -> None:
        """Save an archive whole or not at all; `pieces` may be asked for again. `size`: about how many bytes."""
        raise NotImplementedError

    def size(self, export: str) -> int:
        """Raises ArchiveMissing."""
        raise NotImplementedError

    def read(self, export: str, start: int, end: int) -> Iterator[bytes]:
        """Bytes [start, end). Raises ArchiveMissing."""
        raise NotImplementedError

    def delete(self, export: str) -> None:
        """One that is not there is no error."""
        raise NotImplementedError

    def list(self) -> list[str]:
        """The exports of which there is something."""
        raise NotImplementedError


class LocalArchives(ExportArchives):
    """See `ExportArchives`. In a folder, which partial exports share."""

    takes_files = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, export: str, pieces: Callable[[], Iterator[bytes]], size: int) -> None:
        with disk_errors("The archive of an export could not be written"):
            private_folder(self._folder)
            made = self._folder / f".{export}{ENDING}.part"
            fd = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
            with os.fdopen(fd, "wb", buffering=0) as file:
                for piece in pieces():
                    left = memoryview(piece)
                    while left:
                        left = left[file.write(left) :]
            put_in_place(made, self._place(export))

    def size(self, export: str) -> int:
        with self._found():
            return self._place(export).stat().st_size

    def read(self, export: str, start: int, end: int) -> Iterator[bytes]:
        with self._found(), self._place(export).open("rb") as file:
            file.seek(start)
            while start < end and (piece := file.read(min(PIECE, end - start))):
                start += len(piece)
                yield piece

    def delete(self, export: str) -> None:
        with disk_errors("The archive of an export could not be deleted"):
            self._place(export).unlink(missing_ok=True)
            (self._folder / f".{export}{ENDING}.part").unlink(missing_ok=True)

    def list(self) -> list[str]:
        if not self._folder.is_dir():
            return []
        names = [path.name.removesuffix(".part") for path in self._folder.iterdir()]
        return sorted({name.removesuffix(ENDING).lstrip(".") for name in names if name.endswith(ENDING)})

    def _place(self, export: str) -> Path:
        return self._folder / f"{export}{ENDING}"

    @contextlib.contextmanager
    def _found(self) -> Iterator[None]:
        with disk_errors("The archive of an export cannot be read"):
            try:
                yield
            except FileNotFoundError:
                raise ArchiveMissing("The files of this export are not on this collector any more.") from None


class S3Archives(ExportArchives):
    """See `ExportArchives`. On the S3 server that has the media, so that any process can send them."""

    takes_files = False

    def __init__(self, settings: Settings) -> None:
        """Raises StorageDriverMissing."""
        from collector.store.objects import Objects
        from collector.store.s3_place import S3Place

        assert settings.blobs is not None
        self._objects = Objects(S3Place(settings.blobs, settings.s3_endpoint, settings.s3_region), "exports")

    def put(self, export: str, pieces: Callable[[], Iterator[bytes]], size: int) -> None:
        with self._objects.errors("The archive of an export could not be stored"):
            self._objects.put_stream(f"{export}{ENDING}", pieces, int(size * _WITH_HEADERS))

    def size(self, export: str) -> int:
        with self._objects.errors("The archive of an export cannot be found"):
            size = self._objects.size(f"{export}{ENDING}")
        if size is None:
            raise ArchiveMissing("The files of this export are not on the S3 server any more.")
        return size

    def read(self, export: str, start: int, end: int) -> Iterator[bytes]:
        with self._objects.errors("The archive of an export cannot be read"):
            try:
                yield from self._objects.read(f"{export}{ENDING}", start, end)
            except FileNotFoundError:
                raise ArchiveMissing("The files of this export are not on the S3 server any more.") from None

    def delete(self, export: str) -> None:
        with self._objects.errors("The archive of an export could not be deleted"):
            self._objects.delete([f"{export}{ENDING}"])

    def list(self) -> list[str]:
        with self._objects.errors("The archives of exports cannot be listed"):
            return [name.removesuffix(ENDING) for name, _, _ in self._objects.list() if name.endswith(ENDING)]


def open_archives(settings: Settings) -> ExportArchives:
    """In the process that uses them. Raises StorageDriverMissing."""
    return LocalArchives(settings.exports_folder) if settings.blobs is None else S3Archives(settings)
