"""What the collector keeps is for its own user: folders 0700, files 0600, whatever the umask is."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600


def private_folder(folder: Path) -> None:
    """Make a folder only its owner may enter; one that is there already is closed to others.

    A folder that everybody shares on purpose (sticky, as /tmp) stays as it is: other programs live in it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    if not folder.stat().st_mode & stat.S_ISVTX:
        _set_mode(folder, FOLDER_MODE)


def private_file(path: Path) -> None:
    """Close an existing file to others."""
    _set_mode(path, FILE_MODE)


def private_database(path: Path) -> None:
    """Make a database's file private before SQLite opens it: SQLite gives its mode to -wal and -shm."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        with contextlib.suppress(FileNotFoundError):
            private_file(path.with_name(name))


def _set_mode(path: Path, mode: int) -> None:
    # Some file systems have no modes, and a folder may belong to somebody else: that is no reason not to start.
    with contextlib.suppress(PermissionError):
        if path.stat().st_mode & 0o777 != mode:
            path.chmod(mode)
