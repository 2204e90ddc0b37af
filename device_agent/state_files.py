"""Small files of the state folder: the names that several parts use, and how one is written whole."""

from __future__ import annotations

from pathlib import Path

from wire.errors import GleanerError
from wire.files import write_whole

# In the folder of a session, beside its journal.
PAGE_KEY_FILE = "page.key"
PAGE_CONTROL_FILE = "page.control"


class StateUnwritable(GleanerError):
    """The folder of the device's state takes no file."""

    code = "state-unwritable"
    exit_code = 3
    retryable = True
    hint = "Free space on its disk, or name a folder that this user may write to with --state."


def write_state(path: Path, data: bytes) -> None:
    """Write a file whole, mode 0600, in a folder of its own user.

    Raises:
        StateUnwritable: the disk is full or read-only, or the folder is somebody else's.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise StateUnwritable(f"{path} cannot be written: {error.strerror or error}.") from error
