"""The device's one clock: every capture of every sensor is stamped on it."""

from __future__ import annotations

import time


def monotonic_us() -> int:
    """Microseconds of the monotonic clock. Its zero means nothing; its differences are elapsed time."""
    return time.monotonic_ns() // 1000
