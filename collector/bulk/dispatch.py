"""Items out, outcomes back: what is lost with a process or a machine is sent again, alone."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from collector.bulk.batch import ITEM_SECONDS, RETRY_SECONDS
from collector.bulk.engine import BulkEngine

log = logging.getLogger("gleaner.bulk")
MAX_LOSSES = 3
AHEAD = 2  # batches per slot: one is done while the next one is on its way
LOST = {
    "code": "bulk-lost",
    "message": f"The process that did it ended {MAX_LOSSES} times: it crashed, was ended, or took too long.",
    "hint": "Look at the capture, or give the processes more memory.",
    "unable": False,
}


@dataclass
class _Sending:
    """Items of one `submit`; `places` are theirs in it."""

    submission: int
    places: list[int]
    items: list[dict[str, Any]]
    losses: int = 0


@dataclass
class _Submission:
    outcomes: list[dict[str, Any] | None] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        return None not in self.outcomes


class Dispatcher:
    """Batches of one work, done by an engine. For one thread.

    Args:
        work: `module:function`, as `do_batch` takes it.
        common: the input that all items share.
        item_seconds: an item that takes longer is lost.
    """

    def __init__(
        self, engine: BulkEngine, work: str, common: dict[str, Any], *, item_seconds: float = ITEM_SECONDS
    ) -> None:
        self._engine = engine
        self._request = {
            "work": work,
            "common": common,
            "item_seconds": item_seconds,
            "retry_seconds": list(RETRY_SECONDS),
        }
        self._numbers = count()
        self._sent: dict[int, _Sending] = {}
        self._waiting: deque[_Sending] = deque()
        self._open: dict[int, _Submission] = {}

    @property
    def wants_more(self) -> bool:
        """Whether a further `submit` keeps the processes busy; otherwise what is submitted waits in memory."""
        return len(self._sent) + len(self._waiting) < self._engine.slots * AHEAD

    def submit(self, items: Sequence[dict[str, Any]]) -> int:
        """Have some items done; returns the number under which `results` gives their outcomes."""
        number = next(self._numbers)
        self._open[number] = _Submission([None] * len(items))
        self._waiting.append(_Sending(number, list(range(len(items))), list(items)))
        self._send_waiting()
        return number

    def results(self, seconds: float) -> list[tuple[int, list[dict[str, Any]]]]:
        """What is complete: the number of the submission and an outcome (`do_batch`) for each of its items.

        Waits for the next answer for so long at most.

        Raises:
            EngineClosed, and what is wrong with the engine as a whole.
        """
        done = []
        for number, answer in self._engine.receive(seconds):
            batch = self._sent.pop(number)
            submission = self._open[batch.submission]
            if answer is None:
                self._lost(batch, submission)
            else:
                for place, outcome in zip(batch.places, answer["outcomes"], strict=True):
                    submission.outcomes[place] = outcome
            if submission.is_complete:
                done.append((batch.submission, [one for one in submission.outcomes if one is not None]))
                del self._open[batch.submission]
        self._send_waiting()
        return done

    def _lost(self, batch: _Sending, submission: _Submission) -> None:
        """One item of it may have ended the process, so each is tried alone."""
        losses = batch.losses + 1
        log.info("a batch of %d items was lost (%d)", len(batch.items), losses)
        for place, item in zip(batch.places, batch.items, strict=True):
            if losses >= MAX_LOSSES:
                submission.outcomes[place] = {"error": LOST}
            else:
                self._waiting.append(_Sending(batch.submission, [place], [item], losses))

    def _send_waiting(self) -> None:
        while self._waiting and len(self._sent) < self._engine.slots * AHEAD:
            batch = self._waiting.popleft()
            number = next(self._numbers)
            self._sent[number] = batch
            self._engine.send(number, {**self._request, "items": batch.items})
