"""Times that people type."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
import typer

from collector.cli.times import day, moment

NOW = datetime(2026, 12, 1, 0, 30, tzinfo=UTC)
WEST = timezone(timedelta(hours=-3))


@pytest.mark.parametrize(
    ("typed", "zone", "meant"),
    [
        ("2026-11-30", UTC, "2026-11-30T00:00+00:00"),
        ("2026-11-30", WEST, "2026-11-30T00:00-03:00"),
        ("2026-11-30T12:00", WEST, "2026-11-30T12:00-03:00"),
        ("2026-11-30 12:00", UTC, "2026-11-30T12:00+00:00"),
        ("2026-11-30T12:00+01:00", WEST, "2026-11-30T12:00+01:00"),
        ("2026-11-30T12:00:00Z", WEST, "2026-11-30T12:00+00:00"),
        ("today", UTC, "2026-12-01T00:00+00:00"),
        ("today", WEST, "2026-11-30T00:00-03:00"),
        ("Yesterday", UTC, "2026-11-30T00:00+00:00"),
        (" 30m ", UTC, "2026-12-01T00:00+00:00"),
        ("2h", WEST, "2026-11-30T22:30+00:00"),
        ("3 D", UTC, "2026-11-28T00:30+00:00"),
        ("1w", UTC, "2026-11-24T00:30+00:00"),
    ],
)
def test_a_moment(typed: str, zone: timezone, meant: str) -> None:
    assert moment(typed, zone, NOW) == datetime.fromisoformat(meant)


def test_without_a_zone_it_is_that_of_this_machine() -> None:
    assert moment("2026-11-30T12:00", None, NOW) == datetime(2026, 11, 30, 12).astimezone()
    assert moment("today", None, NOW) == datetime.combine(NOW.astimezone().date(), datetime.min.time()).astimezone()


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "tomorrow",
        "30.11.2026",
        "11/30/2026",
        "2026-13-01",
        "2h ago",
        "-2h",
        "2y",
        "999999w",
        "2026-11-30T25:00",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:00-12:00",
    ],
)
def test_what_is_no_time_is_refused_with_the_format(typed: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"Give one such as 2026-11-30, .*yesterday.*2h"):
        moment(typed, UTC, NOW)


def test_a_day() -> None:
    here = NOW.astimezone().date()
    assert day("2026-11-30", NOW) == date(2026, 11, 30)
    assert (day("today", NOW), day("yesterday", NOW)) == (here, here - timedelta(days=1))
    for typed in ("30.11.2026", "2h", "2026-11-30T12:00", ""):
        with pytest.raises(typer.BadParameter, match="Give one such as 2026-11-30"):
            day(typed, NOW)
