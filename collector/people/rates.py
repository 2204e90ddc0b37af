"""How many requests one person or device may make: token buckets in memory, by role. A restart refills them.

The limits are far above what the page and the agent do; they stop a program that runs wild with somebody's token before
it takes the service from everybody else.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wire.errors import GleanerError

MAX_BUCKETS = 10_000


class TooManyRequests(GleanerError):
    """One person or device asks faster than its role may. `Retry-After` has the seconds to wait."""

    code = "too-many-requests"
    status = 429
    retryable = True
    hint = "Send requests more slowly; the page and the agent never send this fast."


@dataclass(frozen=True)
class Rate:
    """Requests per second in the long run, and how many at once after a pause."""

    per_second: float
    burst: float


_OF_PEOPLE = Rate(200, 2000)
RATES: Mapping[str, Rate] = {
    "annotator": _OF_PEOPLE,
    "lead": _OF_PEOPLE,
    "admin": _OF_PEOPLE,
    "device": Rate(500, 5000),
}


class RequestRates:
    """A bucket per person and device."""

    def __init__(self, rates: Mapping[str, Rate] = RATES, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = rates
        self._clock = clock
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}  # (role, id) -> requests left, at that time

    def take_one(self, role: str, who: str) -> None:
        """Count one request. Raises TooManyRequests."""
        now, rate = self._clock(), self._rates[role]
        left = self._left(role, self._buckets.get((role, who), (rate.burst, now)), now)
        if left < 1:
            wait = max(1, math.ceil((1 - left) / rate.per_second))
            limit = f"{rate.per_second:g} requests per second"
            raise TooManyRequests(f"More than {limit} came from this {role}.", retry_after=wait)
        if len(self._buckets) >= MAX_BUCKETS:
            self._drop_full(now)
        self._buckets[role, who] = (left - 1, now)

    def _left(self, role: str, bucket: tuple[float, float], now: float) -> float:
        rate = self._rates[role]
        return min(rate.burst, bucket[0] + (now - bucket[1]) * rate.per_second)

    def _drop_full(self, now: float) -> None:
        full = [
            key for key, bucket in self._buckets.items() if self._left(key[0], bucket, now) >= self._rates[key[0]].burst
        ]
        for key in full:
            del self._buckets[key]
