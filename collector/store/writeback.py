"""Have the disk begin early: blocks are found for many bytes at once, and what was written goes on its way while more
arrives, so that writing is cheap and the sync at the end is short.
"""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache
from typing import Any

_SYNC_FILE_RANGE_WRITE = 2  # Linux, sync_file_range(2): start writing, wait for nothing
_KEEP_SIZE = 1  # Linux, fallocate(2): the file does not become longer
# A file system or kernel without it, or a signal that came between.
_NOT_DONE = (errno.ENOSYS, errno.EINVAL, errno.ESPIPE, errno.EOPNOTSUPP, errno.ENODEV, errno.EINTR)


@cache
def _function(name: str, *types: Any) -> Any:
    """A function of the C library, None where it has none."""
    try:
        function = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (OSError, AttributeError):
        return None
    function.argtypes = types
    return function


def reserve_blocks(fd: int, start: int, size: int) -> bool:
    """Give an open file the blocks for bytes that are about to come, without making it longer; False: not to be had.

    The file system finds them in one go, where it would look for each page that is written.

    Raises:
        OSError: the disk has none left, or refused.
    """
    function = _function("fallocate", ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return function is not None and _succeeded(function(fd, _KEEP_SIZE, start, size))


def begin_writeback(fd: int, start: int, size: int) -> None:
    """Start writing these bytes of an open file to the disk, without waiting. It promises nothing: fdatasync does.

    A disk's error stays for the fdatasync to report.

    Raises:
        OSError: the disk refused to begin.
    """
    function = _function("sync_file_range", ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    if function is not None:
        _succeeded(function(fd, start, size, _SYNC_FILE_RANGE_WRITE))


def _succeeded(result: int) -> bool:
    """False: it was not done, and need not be. Raises OSError."""
    number = ctypes.get_errno()
    if result != 0 and number not in _NOT_DONE:
        raise OSError(number, os.strerror(number))
    return result == 0
