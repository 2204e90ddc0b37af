"""Folders for files in the making: held by a lock as long as their process lives, so that others know the abandoned."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

MAKING_PREFIX = ".made-"


@contextlib.contextmanager
def working_folder(root: Path) -> Iterator[Path]:
    """A folder in `root`, deleted afterwards. Raises OSError: it cannot be made."""
    lock = None
    while lock is None:  # another process may take it for an abandoned one before it is locked
        folder = Path(tempfile.mkdtemp(dir=root, prefix=MAKING_PREFIX))
        lock = _lock(folder)
        if lock is not None and not folder.exists():
            os.close(lock)
            lock = None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def remove_abandoned(root: Path) -> None:
    """Remove what killed processes left in `root`; what somebody still works in stays."""
    for left in root.glob(f"{MAKING_PREFIX}*"):
        lock = _lock(left)
        if lock is None:
            continue
        try:
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
        finally:
            os.close(lock)


def _lock(place: Path) -> int | None:
    """Ends with the process, however that ends. None: another one has it, or the place is gone."""
    try:
        handle = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle
