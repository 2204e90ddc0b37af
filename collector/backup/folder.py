"""Files that become durable together: a backup repository in a folder (a disk, a USB disk, a mounted share), and the
blobs of a restore.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from collector.backup.problems import BackupInUse, storage_errors
from collector.store.private import FILE_MODE, private_folder
from wire.files import LEFTOVER, sync_file, sync_folder, write_whole

# ext4 and others bring files that are synced at the same time to the disk together.
SYNC_THREADS = 16


class LocalBackupFolder:
    """See `collector.backup.storage.BackupStorage` for the meaning of each method. One thread at a time may use it."""

    def __init__(self, root: Path, name: str = "The backup") -> None:
        """`name`: what the folder is, for sentences."""
        self.root = root
        self._reading, self._writing = f"{name} cannot be read", f"{name} cannot be written"
        self._put: list[tuple[Path, Path]] = []
        self._unsynced: set[Path] = set()  # folders in which folders were made

    def list(self, folder: str) -> Iterator[tuple[str, int]]:
        with storage_errors(self._reading):
            for place, _folders, names in os.walk(self.root / folder):
                for name in names:
                    path = Path(place, name)
                    if not name.startswith("."):
                        yield path.relative_to(self.root).as_posix(), path.stat().st_size

    def open(self, name: str) -> BinaryIO:
        try:
            return (self.root / name).open("rb")
        except FileNotFoundError:
            raise
        except OSError:
            with storage_errors(self._reading):
                raise

    def write(self, name: str, data: bytes) -> None:
        path = self.root / name
        with storage_errors(self._writing):
            self._make_folder(path.parent)
            write_whole(path, data, FILE_MODE)
            self._sync_folders(set())

    def put(self, name: str, pieces: Iterable[bytes]) -> None:
        target = self.root / name
        made = target.with_name(f".{target.name}{LEFTOVER}")
        with storage_errors(self._writing):
            self._make_folder(target.parent)
            handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
        try:
            for piece in pieces:
                with storage_errors(self._writing):
                    left = memoryview(piece)
                    while left:
                        left = left[os.write(handle, left) :]
        except BaseException:
            made.unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)
        self._put.append((made, target))

    def commit(self) -> None:
        with storage_errors(self._writing), ThreadPoolExecutor(SYNC_THREADS) as threads:
            list(threads.map(sync_file, [made for made, _target in self._put]))
            for made, target in self._put:
                made.replace(target)
            self._sync_folders({target.parent for _made, target in self._put})
        self._put.clear()

    def delete(self, names: Iterable[str]) -> None:
        folders = set()
        with storage_errors(self._writing):
            for name in names:
                path = self.root / name
                path.unlink(missing_ok=True)
                folders.add(path.parent)
            for folder in folders:
                if folder.is_dir():
                    sync_folder(folder)

    def is_versioned(self) -> bool:
        return False

    def delete_unfinished(self) -> None:
        with storage_errors(self._writing):
            for path in self.root.rglob(f".*{LEFTOVER}"):
                path.unlink()

    @contextlib.contextmanager
    def lock(self, name: str, *, shared: bool = False) -> Iterator[None]:
        try:
            self._make_folder(self.root)
            handle = os.open(self.root / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            if shared and error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
                yield  # mounted for reading only, as one does to restore: through here nobody deletes anything
                return
            with storage_errors(self._writing):
                raise
        try:
            try:
                fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BackupInUse(f"Another process is using the backups in {self.root}.") from error
            yield
        finally:
            os.close(handle)

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self._make_folder(folder.parent)
            private_folder(folder)
            self._unsynced.add(folder.parent)

    def _sync_folders(self, folders: set[Path]) -> None:
        with ThreadPoolExecutor(SYNC_THREADS) as threads:
            list(threads.map(sync_folder, folders | self._unsynced))
        self._unsynced.clear()
