"""The collector's clocks: the wall clock, which may be set, and a steady one, which never goes back.

What people read and sort by has wall time. What expires (one-time links, sessions of the page, join codes) goes by the
steady clock, so that nothing opens again, or lasts longer than it should, because somebody set the wall clock back.
The steady clock is the wall clock as long as nobody sets that back. From then on it is ahead, and goes on by the time
since the machine's start, until the wall clock has caught up. The latest time seen is a row of the database.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from collector.store.sql import Connection, text
from wire.base import format_utc

_SEEN = text("SELECT value FROM service_state WHERE name = 'time_seen'")
_RECORD = text(
    "INSERT INTO service_state (name, value) VALUES ('time_seen', :value)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


@dataclass(frozen=True)
class Reading:
    """The machine's clocks at one moment. `up_seconds`: since the start `boot` of the machine, whatever is set."""

    wall: datetime
    boot: str | None
    up_seconds: float


def now_text(plus_seconds: float = 0.0) -> str:
    """Now (or so many seconds later) as `2026-01-31T12:00:00.123456Z`."""
    return format_utc(read_clocks().wall + timedelta(seconds=plus_seconds))


def read_clocks() -> Reading:
    # The wall clock first: a pause between the two must not push the steady clock ahead.
    wall = datetime.now(UTC)
    return Reading(wall, _boot(), time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)))


def steady_now(conn: Connection) -> datetime:
    """Now by the steady clock."""
    return _steady(conn, read_clocks())


def steady_text(conn: Connection, plus_seconds: float = 0.0) -> str:
    """Now by the steady clock (or so many seconds later), as text like that of `now_text`."""
    return format_utc(steady_now(conn) + timedelta(seconds=plus_seconds))


def record_time(conn: Connection) -> None:
    """Make this the latest time seen: the steady clock continues from here, also after a restart."""
    reading = read_clocks()
    seen = {
        "steady": format_utc(_steady(conn, reading)),
        "wall": format_utc(reading.wall),
        "boot": reading.boot,
        "up_seconds": reading.up_seconds,
    }
    conn.execute(_RECORD, {"value": json.dumps(seen)})


def _steady(conn: Connection, now: Reading) -> datetime:
    value = conn.execute(_SEEN).scalar()
    if value is None:
        return now.wall
    seen = json.loads(value)
    if now.boot is not None and now.boot == seen["boot"]:
        passed = timedelta(seconds=now.up_seconds - seen["up_seconds"])
    else:
        passed = now.wall - datetime.fromisoformat(seen["wall"])
    return max(now.wall, datetime.fromisoformat(seen["steady"]) + max(passed, timedelta()))


@cache
def _boot() -> str | None:
    """Which start of the machine this is; None where the machine does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
