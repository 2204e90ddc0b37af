"""Of what strangers cause, the security log has so many lines per minute; the rest is counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

MINUTE_SECONDS = 60.0
LINES_PER_ADDRESS = 20
LINES_IN_ALL = 600
MAX_ADDRESSES = 1000  # beyond these the count has no address


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
        self._written: dict[str, int] = {}
        self._all = 0
        self._left_out: dict[tuple[str, str | None], int] = {}

    def allows(self, event: str, address: str) -> bool:
        """Whether this one gets a line; one that does not is counted."""
        written = self._written.get(address, 0)
        is_known = address in self._written or len(self._written) < MAX_ADDRESSES
        if self._all < self._in_all and written < self._per_address and is_known:
            self._written[address] = written + 1
            self._all += 1
            return True
        key = (event, address if (event, address) in self._left_out or len(self._left_out) < MAX_ADDRESSES else None)
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
        self._written, self._left_out, self._all = {}, {}, 0
        return sorted(counts, key=lambda row: -row.count)
