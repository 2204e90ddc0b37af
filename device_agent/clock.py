"""The device's wall clock, compared with its monotonic clock and the collector's: its steps and its offset are known.

A small computer without a battery starts in 1970 and jumps when it has a network. Durations come from the monotonic
clock and are right all the same; what is wrong is only what date they are given.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from device_agent.sensors.clock import monotonic_us
from wire.capture import Wall

MIN_STEP_US = 100_000  # more than this between two calls is a step; what time services slew in between is far less
DRIFT_PPM = 50  # what an estimate may be wrong by more for every second that it is old
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ClockEstimate:
    """The collector's wall time minus the device's monotonic time, as it was at `known_at_us`."""

    apart_us: int
    uncertainty_us: int
    known_at_us: int

    def uncertainty_at(self, now_us: int) -> int:
        return self.uncertainty_us + max(0, now_us - self.known_at_us) * DRIFT_PPM // 1_000_000


def system_wall_us() -> int:
    return time.time_ns() // 1000


class DeviceClock:
    """Any thread may ask; `synchronise` is called by the uplink."""

    def __init__(
        self, wall_us: Callable[[], int] = system_wall_us, monotonic_us: Callable[[], int] = monotonic_us
    ) -> None:
        self._wall_us, self._monotonic_us = wall_us, monotonic_us
        self._counting = threading.Lock()
        self._apart_us = wall_us() - monotonic_us()
        self._steps = 0
        self._estimate: ClockEstimate | None = None

    def count_steps(self) -> int:
        """How many steps of the wall clock there have been; the session asks several times per second."""
        with self._counting:
            apart = self._wall_us() - self._monotonic_us()
            if abs(apart - self._apart_us) > MIN_STEP_US:
                self._steps += 1
            self._apart_us = apart
            return self._steps

    def synchronise(self, sent_us: int, received_us: int, collector: datetime) -> None:
        """Take over the collector's time, which was read somewhere between two moments of the monotonic clock."""
        middle, half = (sent_us + received_us) // 2, (received_us - sent_us + 1) // 2
        known = self._estimate
        if known is None or half <= known.uncertainty_at(received_us):
            self._estimate = ClockEstimate(to_us(collector) - middle, half, received_us)

    def now(self) -> datetime:
        """The time: the collector's where it is known, else the device's own."""
        known = self._estimate
        return to_utc(self._wall_us() if known is None else known.apart_us + self._monotonic_us())

    def wall(self) -> Wall:
        """The device's own time, and what has to be added to it to have the collector's."""
        at_us, now_us, known = self._wall_us(), self._monotonic_us(), self._estimate
        if known is None:
            return Wall(at=to_utc(at_us))
        return Wall(
            at=to_utc(at_us),
            offset_us=known.apart_us + now_us - at_us,
            uncertainty_us=known.uncertainty_at(now_us),
        )


def to_us(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def to_utc(moment_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=moment_us)
