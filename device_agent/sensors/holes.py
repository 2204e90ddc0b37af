"""How many frames a stream lost, estimated from the times at which its frames arrived. Pure.

A network camera numbers nothing: what it did not send leaves only a hole between two arrivals. Frames that were held
up on the way come in a burst behind the hole and are not lost.
"""

from __future__ import annotations

from collections import deque
from statistics import median

MIN_HOLE_US = 500_000  # a shorter one may be the network's own unrest
MIN_HOLE_FRAMES = 5
WINDOW = 50  # gaps that the usual one is taken from
BURST = 0.5  # a frame that follows within this part of the usual gap was held up


class HoleCounter:
    """Feed the stamp of every frame in order. `usual_us`: the gap to be expected before some have been seen."""

    def __init__(self, usual_us: int) -> None:
        self._gaps: deque[int] = deque([usual_us], WINDOW)
        self._last_us: int | None = None
        self._owed = 0

    def lost_before(self, stamp_us: int) -> int:
        """Frames that are known by now to be lost; each is counted once, when no burst brings it any more."""
        last, self._last_us = self._last_us, stamp_us
        if last is None:
            return 0
        gap, usual = stamp_us - last, median(self._gaps)
        if gap > max(MIN_HOLE_US, MIN_HOLE_FRAMES * usual):
            settled, self._owed = self._owed, round(gap / usual) - 1
            return settled
        if self._owed and gap < BURST * usual:
            self._owed -= 1
            return 0
        self._gaps.append(gap)
        settled, self._owed = self._owed, 0
        return settled
