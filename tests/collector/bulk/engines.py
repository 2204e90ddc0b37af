"""An engine of this thread: batches are done when somebody waits for them, in the order in which a test wants them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from collector.bulk.batch import do_batch
from collector.bulk.engine import Request


class HereEngine:
    """See `collector.bulk.engine.BulkEngine`. One batch per call of `receive`.

    Args:
        choose: which of the batches that wait is done next, by its place.
        is_lost: whether its answer is lost on the way.
        before: called before each batch.
    """

    def __init__(
        self,
        slots: int = 2,
        choose: Callable[[int], int] = lambda count: 0,
        is_lost: Callable[[], bool] = lambda: False,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self._slots, self._choose, self._is_lost, self._before = slots, choose, is_lost, before
        self._waiting: list[tuple[int, Request]] = []
        self.most = 0

    @property
    def slots(self) -> int:
        return self._slots

    def send(self, number: int, request: Request) -> None:
        self._waiting.append((number, request))
        self.most = max(self.most, len(self._waiting))

    def receive(self, seconds: float) -> list[tuple[int, dict[str, Any] | None]]:
        if not self._waiting:
            return []
        self._before()
        number, request = self._waiting.pop(self._choose(len(self._waiting)))
        return [(number, None if self._is_lost() else do_batch(request))]

    def close(self) -> None:
        self._waiting.clear()
