"""Active time: how long a person worked on a task, counted from signs of life. Pure.

The page says every 15 seconds, and when something happens, whether it is visible, whether media plays and whether
there was input. The time after a sign counts while the page is visible and media plays or the newest input is less
than 30 seconds old; a hidden tab counts nothing, and no silence counts more than 30 seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

INPUT_HOLDS_MS = 30_000
GAP_LIMIT_MS = 30_000


@dataclass(frozen=True)
class Sign:
    """One sign of life of the page at a moment."""

    at: datetime
    visible: bool
    playing: bool
    input: bool


def active_ms(signs: Sequence[Sign], until: datetime) -> int:
    """Active milliseconds from the first sign to `until`, by the rule above. Signs may come in any order."""
    rows = sorted((sign for sign in signs if sign.at <= until), key=lambda sign: sign.at)
    total = 0
    newest_input: datetime | None = None
    for index, sign in enumerate(rows):
        if sign.input:
            newest_input = sign.at
        end = rows[index + 1].at if index + 1 < len(rows) else until
        gap = _milliseconds(sign.at, end)
        if not sign.visible:
            continue
        allowed = GAP_LIMIT_MS if sign.playing else 0
        if newest_input is not None:
            allowed = max(allowed, INPUT_HOLDS_MS - _milliseconds(newest_input, sign.at))
        total += max(0, min(gap, allowed, GAP_LIMIT_MS))
    return total


def counted_ms(
    heard: Sequence[Sign], told: Sequence[Sign], leased_at: datetime, opened_at: datetime, now: datetime
) -> int:
    """Active milliseconds of one lease, up to its submit at `now`.

    What the service heard while the task was open (`heard`, its own clock) counts. The list that comes with the
    submit (`told`, the page's clock) fills in for what was lost on the way: it can only add up to the time between
    opening and submitting by the service's clock. Opening the task is an input.
    """
    opened = min(max(opened_at, leased_at), now)
    ceiling = _milliseconds(opened, now)
    own = active_ms([Sign(opened, True, False, True), *(sign for sign in heard if sign.at >= opened)], now)
    page = active_ms(told, max(sign.at for sign in told)) if told else 0
    return min(max(own, page), ceiling)


def _milliseconds(start: datetime, end: datetime) -> int:
    return round((end - start).total_seconds() * 1000)
