"""When the next frame or block is due, and how many have to be let go when the machine is late. Pure."""

from __future__ import annotations

from dataclasses import dataclass

# A camera has about this many buffers in flight: within them a late reader catches up, beyond them frames are lost.
MAX_FRAMES_BEHIND = 10


@dataclass(frozen=True)
class Due:
    """What to do about event `number` of a regular series.

    `wait_us` > 0: it is not yet time. Else `number` is the one to make now, after `skipped` were lost.
    """

    number: int
    stamp_us: int
    wait_us: int
    skipped: int


def due(now_us: int, started_us: int, rate: float, number: int, *, behind: int = MAX_FRAMES_BEHIND) -> Due:
    """Where series event `number` (from 0, at `rate` a second from `started_us`) stands at `now_us`."""
    newest = int((now_us - started_us) * rate / 1_000_000)
    skipped = newest - number if newest - number > behind else 0
    number += skipped
    stamp = started_us + round(number * 1_000_000 / rate)
    return Due(number, stamp, max(0, stamp - now_us), skipped)
