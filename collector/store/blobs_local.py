"""Blobs in a local folder, `ab/cd/abcd…`: temp next to the target, fdatasync, rename, fsync of the folder."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from collector.store.blobs import MARK, PIECE, BlobMissing, DiskFull, StorageUnusable, StoredBlob, blob_name
from collector.store.private import private_file, private_folder
from collector.store.working_folders import MAKING_PREFIX, remove_abandoned, working_folder
from wire.files import file_sha256, sync_folder, write_whole


class LocalBlobs:
    """See `collector.store.blobs.BlobStore` for the meaning of each method. Safe in several processes at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        private_folder(root)

    def put_file(self, path: Path, key: str | None = None) -> str:
        key = file_sha256(path) if key is None else key
        target = self._place(key)
        if target.exists():
            return key
        with disk_errors("A capture could not be stored"):
            _make_synced_folders(self.root, target.parent)
            temp = target.parent / f".{key[:16]}.{secrets.token_hex(8)}"
            try:
                _link_or_copy(path, temp)
                private_file(temp)
                fd = os.open(temp, os.O_RDONLY)
                try:
                    os.fdatasync(fd)
                finally:
                    os.close(fd)
                temp.rename(target)
                sync_folder(target.parent)
            finally:
                # rename() of two links to one file does nothing, so the temp name may still be there.
                with contextlib.suppress(OSError):
                    temp.unlink(missing_ok=True)
        return key

    @contextlib.contextmanager
    def working_folder(self) -> Iterator[Path]:
        with contextlib.ExitStack() as held:
            with disk_errors("A working folder could not be made"):
                folder = held.enter_context(working_folder(self.root))
            yield folder

    def remove_unfinished(self) -> None:
        remove_abandoned(self.root)

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        with self._found(key).open("rb") as file:
            file.seek(start)
            left = end - start
            while left > 0 and (piece := file.read(min(PIECE, left))):
                left -= len(piece)
                yield piece

    def size(self, key: str) -> int:
        return self._found(key).stat().st_size

    def exists(self, key: str) -> bool:
        return self._place(key).exists()

    def link(self, _key: str, _media_type: str, _seconds: int) -> None:
        return None

    def delete(self, key: str) -> None:
        place = self._place(key)
        with contextlib.suppress(FileNotFoundError):
            place.unlink()
            sync_folder(place.parent)

    def list(self) -> Iterator[StoredBlob]:
        for place, folders, names in os.walk(self.root):
            folders[:] = sorted(name for name in folders if not name.startswith(MAKING_PREFIX))
            for name in sorted(names):
                if name.startswith("."):
                    continue
                with contextlib.suppress(FileNotFoundError):  # erased a moment ago
                    found = Path(place, name).stat()
                    yield StoredBlob(name, found.st_size, found.st_mtime)

    @contextlib.contextmanager
    def local_file(self, key: str) -> Iterator[Path]:
        yield self._found(key)

    def check_usable(self) -> None:
        check_writable(self.root)

    def read_mark(self) -> str | None:
        with disk_errors("The mark of the blobs cannot be read"):
            file = self.root / MARK
            return file.read_text(encoding="ascii") if file.exists() else None

    def write_mark(self, mark: str) -> None:
        with disk_errors("The mark of the blobs cannot be written"):
            write_whole(self.root / MARK, mark.encode())

    def _found(self, key: str) -> Path:
        place = self._place(key)
        if not place.exists():
            raise BlobMissing(f"The blob {key[:12]}… is not there.")
        return place

    def _place(self, key: str) -> Path:
        return self.root / blob_name(key)


@contextlib.contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Map what the system says of a disk, at the edge where it enters: `what` begins the sentence.

    Raises:
        DiskFull, StorageUnusable.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"{what}: the collector's disk is full.") from error
        place = f" ({error.filename})" if error.filename else ""
        raise StorageUnusable(f"{what}: {error.strerror or error}{place}.") from error


def check_writable(folder: Path) -> None:
    """Write a file into the folder, sync it and remove it again. Raises DiskFull, StorageUnusable."""
    with disk_errors("The data folder cannot be written"):
        place = folder / f"{MAKING_PREFIX}{secrets.token_hex(8)}"
        fd = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(fd, b"written to see whether this folder can be written")
            os.fsync(fd)
        finally:
            os.close(fd)
            place.unlink()


def _make_synced_folders(root: Path, folder: Path) -> None:
    missing = []
    while folder != root and not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for child in reversed(missing):
        private_folder(child)
        sync_folder(child.parent)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        # Another file system, or one without hard links: a copy says the same.
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        shutil.copyfile(source, target)
