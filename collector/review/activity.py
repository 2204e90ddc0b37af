"""Active time: how long a person worked on a task, counted from signs of life. Pure.

The page says every 15 seconds, and when something happens, whether it is visible, whether media plays and whether
there was input. The time after a sign counts while the page is visible and media plays or the newest input is less
than 30 seconds old; a hidden tab counts nothing, and no silence counts more than 30 seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

INPUT_HOLDS_MS = 30_000
GAP_LIMIT_MS = 30_000


@dataclass(frozen=True)
class Sign:
    """One sign of life of the page at a moment."""

    at: datetime
    visible: bool
    playing: bool
    input: bool


@dataclass(frozen=True)
class Stretch:
    """Half-open active time, by the service's clock."""

    start: datetime
    end: datetime


def stretches(signs: Sequence[Sign], until: datetime) -> list[Stretch]:
    """The active time from the first sign to `until`, by the rule above. Signs may come in any order."""
    rows = sorted((sign for sign in signs if sign.at <= until), key=lambda sign: sign.at)
    found = []
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
        length = min(gap, allowed, GAP_LIMIT_MS)
        if length > 0:
            found.append(Stretch(sign.at, sign.at + timedelta(milliseconds=length)))
    return found


def united(rows: Iterable[Stretch], since: datetime, until: datetime) -> list[Stretch]:
    """Between two moments, what lies in any of the stretches, in order and apart from each other."""
    inside = (Stretch(max(row.start, since), min(row.end, until)) for row in rows)
    result: list[Stretch] = []
    for row in sorted((row for row in inside if row.start < row.end), key=lambda row: row.start):
        if result and row.start <= result[-1].end:
            result[-1] = Stretch(result[-1].start, max(row.end, result[-1].end))
        else:
            result.append(row)
    return result


def length_ms(rows: Iterable[Stretch]) -> int:
    return sum(_milliseconds(row.start, row.end) for row in rows)


def active_ms(signs: Sequence[Sign], until: datetime) -> int:
    """Active milliseconds from the first sign to `until`."""
    return length_ms(stretches(signs, until))


def counted_ms(
    received: Sequence[Sign], reported: Sequence[Sign], leased_at: datetime, opened_at: datetime, now: datetime
) -> int:
    """Active milliseconds of one lease, up to its submit at `now`.

    What the service received while the task was open (`received`, its own clock) counts. The list that comes with the
    submit (`reported`, the page's clock) fills in for what was lost on the way: it can only add up to the time between
    opening and submitting by the service's clock. Opening the task is an input.
    """
    opened = _opened(leased_at, opened_at, now)
    page = active_ms(reported, max(sign.at for sign in reported)) if reported else 0
    return min(max(length_ms(_own(received, opened, now)), page), _milliseconds(opened, now))


def counted_stretches(
    received: Sequence[Sign], reported: Sequence[Sign], leased_at: datetime, opened_at: datetime, now: datetime
) -> list[Stretch]:
    """When the active time of one lease was. A list of a clock that is off is laid into the time the task was open."""
    opened = _opened(leased_at, opened_at, now)
    page: list[Stretch] = []
    if reported:
        first, last = min(sign.at for sign in reported), max(sign.at for sign in reported)
        shift = min(now - last, timedelta()) or max(opened - first, timedelta())
        page = stretches([replace(sign, at=sign.at + shift) for sign in reported], last + shift)
    return united([*_own(received, opened, now), *page], opened, now)


def _opened(leased_at: datetime, opened_at: datetime, now: datetime) -> datetime:
    """When the task was opened; by a clock that runs ahead of this one it was with the lease."""
    return max(leased_at, opened_at) if opened_at <= now else min(leased_at, now)


def _own(received: Sequence[Sign], opened: datetime, now: datetime) -> list[Stretch]:
    return stretches([Sign(opened, True, False, True), *(sign for sign in received if sign.at >= opened)], now)


def _milliseconds(start: datetime, end: datetime) -> int:
    return round((end - start).total_seconds() * 1000)
