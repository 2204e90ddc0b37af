"""The collector's wall clock as the text that rows keep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from wire.base import format_utc


def now_text(plus_seconds: float = 0.0) -> str:
    """Now (or so many seconds later) as `2026-01-31T12:00:00.123456Z`."""
    return format_utc(datetime.now(UTC) + timedelta(seconds=plus_seconds))
