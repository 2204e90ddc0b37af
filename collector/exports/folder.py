"""An export appears whole or not at all: it is filled next to its place, then renamed into it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.exports.problems import FolderNotEmpty, FolderNotWritable, MediaDamaged
from collector.store.blobs import MAX_BYTES, BlobStore
from wire.files import sync_folder


@contextmanager
def whole_folder(to: Path) -> Iterator[Path]:
    """A new empty folder that becomes `to` when the block ends well, and vanishes when it does not.

    Raises:
        FolderNotEmpty: `to` has something in it.
        FolderNotWritable: it cannot be made there, or the disk is full.
    """
    to = to.absolute()
    if to.is_dir() and any(to.iterdir()):
        raise FolderNotEmpty(f"The folder {to} is not empty.")
    lock: int | None = None
    partial = to.parent / f".{to.name}.{secrets.token_hex(4)}.partial"
    try:
        if to.exists() and not to.is_dir():
            raise FolderNotWritable(f"{to} is a file, not a folder.")
        partial.mkdir(parents=True)
        lock = _lock(partial)
        _remove_abandoned(to)
        yield partial
        sync_folder(partial)
        partial.rename(to)
        sync_folder(to.parent)
    except OSError as error:
        raise FolderNotWritable(f"The export to {to} failed: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def copy_blob(blobs: BlobStore, key: str, target: Path) -> None:
    """Copy a blob and check on the way that its bytes are those its key names.

    Raises:
        MediaDamaged: they are not.
        BlobMissing: it is not there.
    """
    digest = hashlib.sha256()
    with target.open("wb") as file:
        for piece in blobs.read(key, 0, MAX_BYTES):
            digest.update(piece)
            file.write(piece)
    if digest.hexdigest() != key:
        raise MediaDamaged(f"The blob {key[:12]}… has changed since it was stored.")


def _lock(partial: Path) -> int:
    """The lock that shows that a partial folder is being filled; it ends with the process, however that ends."""
    fd = os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise
    return fd


def _remove_abandoned(to: Path) -> None:
    """Remove what killed exports to the same place left: partial folders that nobody holds the lock of."""
    pattern = re.compile(rf"\.{re.escape(to.name)}\.[0-9a-f]{{8}}\.partial")
    for left in to.parent.iterdir():
        if not pattern.fullmatch(left.name) or left.is_symlink() or not left.is_dir():
            continue
        try:
            fd = _lock(left)
        except OSError:
            continue
        try:
            shutil.rmtree(left, ignore_errors=True)
        finally:
            os.close(fd)
