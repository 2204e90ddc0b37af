"""Of what strangers cause, the security log has so many lines per minute; the rest is counted.

Each kind of event is limited alone: thousands of requests of a wrong shape leave the lines of a guessed token readable.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

MINUTE_SECONDS = 60.0
LINES_PER_ADDRESS = 20
LINES_IN_ALL = 200
MAX_ADDRESSES = 200  # whose counts have a line each in a minute; beyond these the count has no address


@dataclass(frozen=True)
class LeftOut:
    """So many events of a kind got no line. `address` None: of many addresses."""

    event: str
    address: str | None
    count: int


class FloodLimit:
    """One window of a minute at a time. One thread at a time may use it."""

    def __init__(
        self,
        per_address: int = LINES_PER_ADDRESS,
        in_all: int = LINES_IN_ALL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_address, self._in_all, self._clock = per_address, in_all, clock
        self._began = clock()
        self._written: dict[tuple[str, str], int] = {}
        self._all: Counter[str] = Counter()
        self._left_out: dict[tuple[str, str | None], int] = {}

    def allows(self, event: str, address: str) -> bool:
        """Whether this one gets a line; one that does not is counted."""
        key: tuple[str, str | None] = (event, address)
        written = self._written.get((event, address), 0)
        if self._all[event] < self._in_all and written < self._per_address:
            self._written[event, address] = written + 1
            self._all[event] += 1
            return True
        if key not in self._left_out and len(self._left_out) >= MAX_ADDRESSES:
            key = (event, None)
        self._left_out[key] = self._left_out.get(key, 0) + 1
        return False

    def seconds_left(self) -> float | None:
        """Until the counts of this minute are due; None: nothing was left out."""
        return max(0.0, self._began + MINUTE_SECONDS - self._clock()) if self._left_out else None

    def end_minute(self, *, at_once: bool = False) -> list[LeftOut]:
        """After a minute, or `at_once`: what was left out in it, the most first; a new minute begins."""
        if not at_once and self._clock() < self._began + MINUTE_SECONDS:
            return []
        counts = [LeftOut(event, address, count) for (event, address), count in self._left_out.items()]
        self._began = self._clock()
        self._written, self._left_out, self._all = {}, {}, Counter()
        return sorted(counts, key=lambda row: -row.count)
