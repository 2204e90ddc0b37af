"""Have the disk begin early: what was written goes on its way while more arrives, so the sync at the end is short."""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache
from typing import Any

_SYNC_FILE_RANGE_WRITE = 2  # Linux, sync_file_range(2): start writing, wait for nothing
_NOT_HERE = (errno.ENOSYS, errno.EINVAL, errno.ESPIPE)  # a file system or kernel without it


@cache
def _sync_file_range() -> Any:
    """The function of the C library, None where it has none."""
    try:
        function = ctypes.CDLL(None, use_errno=True).sync_file_range
    except (OSError, AttributeError):
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return function


def begin_writeback(fd: int, start: int, size: int) -> None:
    """Start writing these bytes of an open file to the disk, without waiting. It promises nothing: fdatasync does.

    A disk's error stays for the fdatasync to report.

    Raises:
        OSError: the disk refused to begin.
    """
    function = _sync_file_range()
    if function is None or function(fd, start, size, _SYNC_FILE_RANGE_WRITE) == 0:
        return
    number = ctypes.get_errno()
    if number not in _NOT_HERE:
        raise OSError(number, os.strerror(number))
