"""The lock of a data folder: one process writes to it. Loads no database, so that a command can ask it quickly."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Literal

from wire.errors import GleanerError

LOCK_FILE = "collector.lock"
# How a process is at work on a database where others may be: it takes uploads and does jobs alone, or together with
# those that can; or it does neither.
Work = Literal["alone", "together", "none"]
TRIES = 3
RETRY_SECONDS = 0.05


class DataInUse(GleanerError):
    """Another process holds the data folder."""

    code = "data-in-use"
    status = 503
    exit_code = 3
    hint = "Stop the other `gleaner collector` process, or name another folder with --data."


def lock_folder(folder: Path) -> int:
    """Hold the folder until the returned file descriptor is closed, or the process ends.

    Raises:
        DataInUse: another process holds it.
    """
    fd = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for _ in range(TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except OSError:
            time.sleep(RETRY_SECONDS)  # a command that only asks holds it for an instant
    os.close(fd)
    raise DataInUse(f"Another process is using the data in {folder}.")


def is_held(folder: Path) -> bool:
    """Whether a process holds the folder now; the answer may be out of date at once."""
    try:
        fd = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False
