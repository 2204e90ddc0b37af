"""Local copies of blobs that lie on a server, for decoders: a folder of bounded size that several processes share.

A copy has the name of its blob and appears once its bytes were compared with that name. Who reads one holds a shared
lock on it, and what is locked is not removed; locks end with their process. Names change only under the lock of the
folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from collector.store.blobs import BlobDamaged
from collector.store.blobs_local import disk_errors
from collector.store.private import FILE_MODE, private_folder
from collector.store.working_folders import remove_abandoned, working_folder

_LOCK = ".lock"


class BlobCache:
    """`max_bytes` is exceeded only by copies that are being read."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder, self._max_bytes = folder, max_bytes
        private_folder(folder)

    @contextlib.contextmanager
    def file(self, key: str, size: int, pieces: Iterable[bytes]) -> Iterator[Path]:
        """A copy of a blob, which `pieces` bring where there is none yet.

        Raises:
            BlobDamaged: they are not the bytes that the key promises. DiskFull, StorageUnusable; what `pieces` raise.
        """
        handle = self._held(key)
        if handle is None:
            handle = self._fetched(key, size, pieces)
        try:
            yield self.folder / key
        finally:
            os.close(handle)

    def add(self, path: Path, key: str) -> None:
        """Have a file that was just stored as a copy too, where that costs nothing: what is opened is remuxed next."""
        with contextlib.suppress(OSError), self._names_locked():
            size = path.stat().st_size
            if size <= self._max_bytes and not (self.folder / key).exists():
                self._make_room(size)
                os.link(path, self.folder / key)

    @contextlib.contextmanager
    def working_folder(self) -> Iterator[Path]:
        """Raises DiskFull, StorageUnusable: it cannot be made."""
        with contextlib.ExitStack() as held:
            with disk_errors("A working folder could not be made"):
                folder = held.enter_context(working_folder(self.folder))
            yield folder

    def remove_unfinished(self) -> None:
        remove_abandoned(self.folder)

    def drop(self, key: str) -> None:
        """Its blob was deleted. Who reads the copy goes on."""
        with self._names_locked():
            (self.folder / key).unlink(missing_ok=True)

    def _fetched(self, key: str, size: int, pieces: Iterable[bytes]) -> int:
        """Bring a copy; returns the lock on it."""
        with self.working_folder() as folder:
            made = folder / key
            digest = hashlib.sha256()
            with disk_errors("A local copy could not be made"):
                with self._names_locked():
                    self._make_room(size)
                handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
            try:
                for piece in pieces:
                    digest.update(piece)
                    with disk_errors("A local copy could not be written"):
                        left = memoryview(piece)
                        while left:
                            left = left[os.write(handle, left) :]
                with disk_errors("A local copy could not be written"):
                    os.fdatasync(handle)
            finally:
                os.close(handle)
            if digest.hexdigest() != key:
                raise BlobDamaged(f"The blob {key[:12]}… has changed since it was stored.")
            with disk_errors("A local copy could not be made"), self._names_locked():
                target = self.folder / key
                if not target.exists():  # else another process was first, and some may hold that one
                    made.rename(target)
                held = self._lock_shared(target)
                assert held is not None, "nobody removes it under the lock of the names"
                return held

    def _held(self, key: str) -> int | None:
        """The lock on a copy that is there already."""
        with disk_errors("A local copy could not be read"), self._names_locked():
            return self._lock_shared(self.folder / key)

    def _lock_shared(self, path: Path) -> int | None:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        fcntl.flock(handle, fcntl.LOCK_SH)  # exclusive ones are held under the lock of the names alone
        os.utime(handle)
        return handle

    @contextlib.contextmanager
    def _names_locked(self) -> Iterator[None]:
        private_folder(self.folder)
        handle = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _make_room(self, size: int) -> None:
        """Remove copies that nobody reads, those first that were not read for the longest time."""
        copies = sorted(
            (found.st_mtime, found.st_size, Path(entry.path))
            for entry in os.scandir(self.folder)
            if not entry.name.startswith(".") and (found := entry.stat())
        )
        left = sum(found for _, found, _ in copies) + size
        for _, size_there, path in copies:
            if left <= self._max_bytes:
                return
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                left -= size_there
            except BlockingIOError:
                continue
            finally:
                os.close(handle)
