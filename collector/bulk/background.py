"""Processes that work for minutes next to the service: commands, and what the service starts for long work."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

NICE = 19  # with 10 an export takes a tenth of a processor from people at work
STRETCH_SECONDS = 0.2
PAUSE_SHARE = 0.4
FREE_SHARE = 0.15


def stand_back() -> None:
    """Processor and disk are for the service first. Threads that were started before do not stand back."""
    import psutil

    process = psutil.Process()
    with contextlib.suppress(psutil.Error, OSError):
        process.nice(NICE)
        process.ionice(psutil.IOPRIO_CLASS_BE, 7)


def free_seconds() -> float:
    """The time that no process wanted, of each processor since the machine started, divided by their number."""
    import psutil

    times = psutil.cpu_times()
    return float(times.idle + getattr(times, "iowait", 0.0)) / (psutil.cpu_count() or 1)


class Pauses:
    """Pauses of long work while others want the processors.

    The lowest priority takes only time that is free, and yet slows the others: what it reads pushes theirs out of the
    caches. While less than 15 % of the processors is free, every stretch of work is followed by two fifths of it.
    """

    def __init__(
        self,
        free: Callable[[], float] = free_seconds,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._free, self._clock, self._sleep = free, clock, sleep
        self._began, self._free_before = clock(), free()

    def take(self) -> None:
        """To be called often: it sleeps where a stretch has ended and the machine is busy."""
        worked = self._clock() - self._began
        if worked < STRETCH_SECONDS:
            return
        if self._free() - self._free_before < FREE_SHARE * worked:
            self._sleep(PAUSE_SHARE * min(worked, 2 * STRETCH_SECONDS))
        self._began, self._free_before = self._clock(), self._free()
