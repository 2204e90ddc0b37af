"""Blobs in a local folder, `ab/cd/abcd…`: temp beside the target, fdatasync, rename, fsync of the folder."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from collector.store.blobs import BlobMissing, DiskFull
from collector.store.private import private_file, private_folder

PIECE = 1 << 20


class LocalBlobs:
    """See `collector.store.blobs.BlobStore` for the meaning of each method. Safe in several processes at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        private_folder(root)

    def put_file(self, path: Path) -> str:
        key = hash_file(path)
        target = self._place(key)
        if target.exists():
            return key
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
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull("The collector's disk is full: a capture could not be kept.") from error
            raise
        finally:
            # rename() of two links to one file does nothing, so the temp name may still be there.
            temp.unlink(missing_ok=True)
        return key

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        with self.path_of(key).open("rb") as file:
            file.seek(start)
            left = end - start
            while left > 0 and (piece := file.read(min(PIECE, left))):
                left -= len(piece)
                yield piece

    def size(self, key: str) -> int:
        return self.path_of(key).stat().st_size

    def exists(self, key: str) -> bool:
        return self._place(key).exists()

    def delete(self, key: str) -> None:
        place = self._place(key)
        with contextlib.suppress(FileNotFoundError):
            place.unlink()
            sync_folder(place.parent)

    def path_of(self, key: str) -> Path:
        place = self._place(key)
        if not place.exists():
            raise BlobMissing(f"The blob {key[:12]}… is not there.")
        return place

    def _place(self, key: str) -> Path:
        return self.root / key[:2] / key[2:4] / key


def hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


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
