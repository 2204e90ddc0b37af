"""Waiting for what another thread or process does: no longer than it takes, and never for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
FIRST_SECONDS, LAST_SECONDS = 0.002, 0.05  # between two looks


def until(what: Callable[[], T | None], seconds: float = 60.0, why: str = "") -> T:
    """The first true answer of `what`. Raises: AssertionError when none came in time, with `why`."""
    end, pause = time.monotonic() + seconds, FIRST_SECONDS
    while True:
        answer = what()
        if answer:
            return answer
        assert time.monotonic() < end, why or f"waited {seconds} s for {what}"
        time.sleep(pause)
        pause = min(2 * pause, LAST_SECONDS)
