"""Bulk work in this process: for little work, where other processes would take longer to start."""

from __future__ import annotations

from collections import deque
from typing import Any

from collector.bulk.batch import do_batch
from collector.bulk.engine import Request


class HereEngine:
    """See `BulkEngine`. A batch is done when somebody waits for it, on the main thread."""

    slots = 1

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, Request]] = deque()

    def send(self, number: int, request: Request) -> None:
        self._waiting.append((number, request))

    def receive(self, seconds: float) -> list[tuple[int, dict[str, Any] | None]]:
        if not self._waiting:
            return []
        number, request = self._waiting.popleft()
        return [(number, do_batch(request))]

    def close(self) -> None:
        self._waiting.clear()
