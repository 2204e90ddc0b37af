"""What the log says of a failure that comes again and again: when it begins or changes, then once an hour."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from wire.errors import GleanerError

log = logging.getLogger("gleaner.uplink")
SAID_AGAIN_SECONDS = 3600.0


class FailureLog:
    """Of one thing that is tried again until it succeeds. One thread uses it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sentence: str | None = None
        self._count, self._since, self._said_at = 0, datetime.now(UTC), 0.0

    def failed(self, error: Exception) -> None:
        """An error of the program itself is logged with where it happened, the first time."""
        sentence, now = f"{type(error).__name__}: {error}", self._clock()
        if sentence != self._sentence:
            self._sentence, self._count, self._since, self._said_at = sentence, 1, datetime.now(UTC), now
            if isinstance(error, GleanerError):
                log.warning("%s", error)
            else:
                log.error("the uplink failed", exc_info=error)
            return
        self._count += 1
        if now - self._said_at >= SAID_AGAIN_SECONDS:
            self._said_at = now
            log.warning("%s (%d times since %s)", error, self._count, f"{self._since:%Y-%m-%d %H:%M} UTC")

    def succeeded(self) -> None:
        if self._count > 1:
            log.info("It works again, after %d failures since %s", self._count, f"{self._since:%Y-%m-%d %H:%M} UTC")
        self._sentence, self._count = None, 0
