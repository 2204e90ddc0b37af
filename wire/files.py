"""Files that outlive a power cut: written whole or not at all, put in place in one step, hashed, locked."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path

LEFTOVER = ".part"  # how the name of a temporary file ends that a kill or a power cut has left


def write_whole(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file in one step: a temporary file next to it, synced and renamed, then the folder synced.

    Once this returns, the file and its name outlive a power cut. A reader, and whoever looks after a kill or a power
    cut at any moment, finds the old file or the new one, each whole; a temporary file, `.NAME.part`, may be left, which
    the next write takes. Several processes may write the same path: one of them wins.

    Args:
        mode: what the file has in the end, whatever the umask is; ignored by a file system without modes.

    Raises:
        OSError: the target is as it was and no temporary file is left. Where only the last step, the sync of the
            folder, fails, the new file is there, but a power cut may still bring back the old one.
    """
    made, handle = _temporary_file(path)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
        if os.fstat(handle).st_mode & 0o777 != mode:
            with contextlib.suppress(PermissionError):  # a file system without modes
                os.fchmod(handle, mode)
        os.fsync(handle)
        made.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            made.unlink()
        raise
    finally:
        os.close(handle)
    sync_folder(path.parent)


def _temporary_file(path: Path) -> tuple[Path, int]:
    """An empty file next to a path for this process alone, and its handle; what a kill has left is used again."""
    made = path.with_name(f".{path.name}{LEFTOVER}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    handle = os.open(made, flags, 0o600)
    if _is_locked_here(handle, made):
        try:
            os.ftruncate(handle, 0)
            if os.fstat(handle).st_mode & 0o777 != 0o600:
                with contextlib.suppress(PermissionError):
                    os.fchmod(handle, 0o600)
        except BaseException:
            made.unlink()
            os.close(handle)
            raise
        return made, handle
    os.close(handle)
    made = path.with_name(f".{path.name}.{secrets.token_hex(4)}{LEFTOVER}")
    return made, os.open(made, flags | os.O_EXCL, 0o600)


def _is_locked_here(handle: int, made: Path) -> bool:
    """Whether this process alone has the file, until it closes it: nobody else writes it or has given it its name."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(handle), made.lstat())
    except OSError:  # somebody has it, or had it a moment ago; or the file system has no locks
        return False


def put_in_place(made: Path, target: Path) -> None:
    """Sync a file that is whole and give it its name in one step; once this returns, both outlive a power cut.

    Args:
        made: on the same file system as the target. When this raises, it may still be there.

    Raises:
        OSError: as `write_whole`.
    """
    sync_file(made)
    made.replace(target)
    sync_folder(target.parent)


def sync_file(path: Path) -> None:
    """Make what a file holds outlive a power cut; not its name, which is its folder's.

    Raises:
        OSError: what was written since the last sync may be lost, even if another try succeeds.
    """
    _sync(path, os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a power cut: what was made, renamed and deleted in it.

    Raises:
        OSError: it is no folder, or the disk's answer.
    """
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def file_sha256(path: Path) -> str:
    """The sha256 of what a file holds, 64 lower-case hex digits. Raises OSError."""
    with path.open("rb") as file:
        return rest_sha256(file)


def rest_sha256(file: BufferedIOBase) -> str:
    """The same of an open file, from where it is read next to its end. Raises what reading it raises."""
    return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for the lock of a file, made if need be, and hold it: one process at a time is in the block.

    The lock ends with the process, however that ends; the file stays. Raises OSError.
    """
    with path.open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
