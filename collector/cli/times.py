"""Times that people type: a day, a moment, a word for a day, or how long ago. One reading for every option."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import typer

FORMATS = "2026-11-30, 2026-11-30T12:00+01:00, today, yesterday, or how long ago: 30m, 2h, 3d, 4w"
DAY_FORMATS = "2026-11-30, today or yesterday"
_AGO = re.compile(r"(\d{1,6})\s*([mhdw])", re.IGNORECASE)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS = {"today": 0, "yesterday": 1}


def moment(text: str, zone: tzinfo | None, now: datetime) -> datetime:
    """`zone`: that of days and of times without one; None: this machine's. `now` has a zone. Raises BadParameter."""
    typed = text.strip()
    ago = _AGO.fullmatch(typed)
    try:
        if ago is not None:
            return now - timedelta(**{_UNITS[ago[2].lower()]: int(ago[1])})
        if typed.lower() in _DAYS:
            today = now.astimezone(zone).date()
            return _in_zone(datetime.combine(today - timedelta(days=_DAYS[typed.lower()]), time()), zone)
        found = datetime.fromisoformat(typed)
        found = found if found.tzinfo is not None else _in_zone(found, zone)
        found.astimezone(UTC)  # of the first and the last day there is, not every zone has a UTC
        return found
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{text!r} is no time. Give one such as {FORMATS}.") from error


def day(text: str, now: datetime) -> date:
    """A day of this machine's zone. Raises BadParameter."""
    typed = text.strip().lower()
    try:
        if typed in _DAYS:
            return now.astimezone().date() - timedelta(days=_DAYS[typed])
        return date.fromisoformat(typed)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no day. Give one such as {DAY_FORMATS}.") from error


def parser(zone: tzinfo | None) -> Callable[[str], datetime]:
    """For `typer.Option(parser=…)`."""
    return lambda text: moment(text, zone, datetime.now(UTC))


def parse_day(text: str) -> date:
    return day(text, datetime.now(UTC))


def _in_zone(found: datetime, zone: tzinfo | None) -> datetime:
    return found.astimezone() if zone is None else found.replace(tzinfo=zone)
