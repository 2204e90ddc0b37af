"""How fast bulk work goes, lately."""

from __future__ import annotations

import time
from collections import deque

RATE_SECONDS = 60.0


class WorkPace:
    """How much is finished per second, over the last minute."""

    def __init__(self) -> None:
        self._finished = deque([(time.monotonic(), 0)])
        self._total = 0

    def add(self, count: int) -> None:
        self._total += count
        now = time.monotonic()
        self._finished.append((now, self._total))
        while len(self._finished) > 2 and self._finished[1][0] < now - RATE_SECONDS:
            self._finished.popleft()

    @property
    def per_second(self) -> float | None:
        (began, before), (ended, total) = self._finished[0], self._finished[-1]
        return (total - before) / (ended - began) if ended > began and total > before else None
