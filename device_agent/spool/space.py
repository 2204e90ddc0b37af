"""How much may still be written: the disk's free space less a reserve, and the quota."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import ClassVar

from wire.errors import GleanerError


class SpoolFull(GleanerError):
    """No room for more media. Nothing that waits for the collector is deleted to make some."""

    code: ClassVar[str] = "spool-full"
    status: ClassVar[int] = 507
    exit_code: ClassVar[int] = 3
    retryable: ClassVar[bool] = True
    hint = "Let the device upload what waits, or free space on its disk; then run the step again."


class SpoolFailed(GleanerError):
    """The disk refused for another reason than being full."""

    code: ClassVar[str] = "spool-failed"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 3
    hint = "Check the disk. What was recorded before is kept."


class PartDamaged(GleanerError):
    """A file of a closed capture is missing, too short, or holds other bytes than its manifest names."""

    code: ClassVar[str] = "part-damaged"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 3
    hint = "The capture is kept in the spool's folder `aside`. Check the disk; `gleaner agent status` lists it."


FULL = (errno.ENOSPC, errno.EDQUOT)


def spool_error(error: OSError, doing: str) -> GleanerError:
    """The operating system's error as ours."""
    if error.errno in FULL:
        return SpoolFull(f"The disk is full: {doing} stopped.")
    return SpoolFailed(f"The disk failed while {doing}: {error.strerror or error}.")


def mib(size: int) -> str:
    return f"{max(0, size) / (1 << 20):.0f} MiB"


class SpoolSpace:
    """Counts what the spool holds. `used` is right to the byte for what went through the spool."""

    def __init__(self, root: Path, quota_bytes: int | None, reserve_bytes: int) -> None:
        self._root, self._quota, self._reserve = root, quota_bytes, reserve_bytes
        self._lock = threading.Lock()
        self._used = 0

    @property
    def used(self) -> int:
        return self._used

    def reserve(self, size: int) -> None:
        with self._lock:
            self._used += size

    def release(self, size: int) -> None:
        with self._lock:
            self._used = max(0, self._used - size)

    def free(self) -> int:
        """Bytes of media that may still be written."""
        return min(self._disk(), self._quota - self._used if self._quota is not None else 1 << 62)

    def check(self, size: int) -> None:
        """Raises SpoolFull unless `size` more bytes of media fit."""
        if self._quota is not None and self._used + size > self._quota:
            raise SpoolFull(f"The spool holds {mib(self._used)} for the collector, and its quota is "
                            f"{mib(self._quota)}: recording stopped.")  # fmt: skip
        left = self._disk()
        if left < size:
            raise SpoolFull(f"The disk is full ({mib(left + self._reserve)} free, {mib(self._reserve)} reserved for "
                            f"closing open captures): recording stopped.")  # fmt: skip

    def _disk(self) -> int:
        status = os.statvfs(self._root)
        return status.f_bavail * status.f_frsize - self._reserve
