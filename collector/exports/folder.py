"""An export appears whole or not at all: it is filled next to its place, then renamed into it.

One that was interrupted stays next to its place, `.NAME.partial`. The same command continues it: media files that are
there are used, everything else is written anew, for people have gone on reviewing meanwhile.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.exports.problems import ExportRunning, FolderNotEmpty, FolderNotWritable
from wire.files import sync_folder

# Folders that a partial export has besides its own: files that an earlier attempt left, and what has been made.
EARLIER, DONE = ".earlier", ".done"


def partial_folder(to: Path) -> Path:
    """Where an export is while it is not whole."""
    to = to.absolute()
    return to.parent / f".{to.name}.partial"


def partial_names(folder: Path) -> list[str]:
    """The names of what is being made in a folder."""
    found = folder.glob(".*.partial") if folder.is_dir() else ()
    return sorted(path.name.removeprefix(".").removesuffix(".partial") for path in found)


@contextmanager
def whole_folder(to: Path) -> Iterator[Path]:
    """A folder that becomes `to` when the block ends well. When it does not, it stays for the next attempt.

    Raises:
        FolderNotEmpty: `to` has something in it.
        ExportRunning, FolderNotWritable: as `filling` does.
    """
    to = to.absolute()
    if to.is_dir() and any(to.iterdir()):
        raise FolderNotEmpty(f"The folder {to} is not empty.")
    if to.exists() and not to.is_dir():
        raise FolderNotWritable(f"The export to {to} failed: {to} is a file, not a folder.")
    with filling(to) as partial:
        yield partial
        for name in (EARLIER, DONE):
            shutil.rmtree(partial / name)
        sync_folder(partial)
        partial.rename(to)
        sync_folder(to.parent)


@contextmanager
def filling(to: Path) -> Iterator[Path]:
    """The partial folder of `to`, for this process alone. It stays as it is when the block ends.

    Raises:
        ExportRunning: another process fills it.
        FolderNotWritable: it cannot be made there, or the disk is full.
    """
    partial = partial_folder(to)
    lock: int | None = None
    try:
        partial.mkdir(parents=True, exist_ok=True)
        lock = _lock(partial)
        _set_earlier_aside(partial)
        yield partial
    except OSError as error:
        raise FolderNotWritable(f"The export to {to} failed: {error.strerror or error}.") from error
    finally:
        if lock is not None:
            if partial.exists() and not has_files(partial):
                shutil.rmtree(partial, ignore_errors=True)
            os.close(lock)


def has_files(partial: Path) -> bool:
    """Whether a partial export has media files, which the next attempt can use."""
    return any(path.is_dir() and path.name != DONE and any(path.iterdir()) for path in partial.iterdir())


def _lock(partial: Path) -> int:
    """The lock that shows that a partial folder is being filled; it ends with the process, however that ends."""
    fd = os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise ExportRunning(f"Another export is filling {partial}.") from None
    return fd


def _set_earlier_aside(partial: Path) -> None:
    """Media files go to EARLIER, from where they are fetched by name; records of what was made stay in DONE."""
    for name in (EARLIER, DONE):
        (partial / name).mkdir(exist_ok=True)
    for path in (partial / DONE).iterdir():
        if path.suffix != ".json":  # a file in the making
            path.unlink()
    for path in list(partial.iterdir()):
        if path.name in (EARLIER, DONE):
            continue
        if path.is_dir():
            for file in list(path.iterdir()):
                file.rename(partial / EARLIER / file.name)
            path.rmdir()
        else:
            path.unlink()
