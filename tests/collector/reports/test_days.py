"""A local day begins and ends at its own midnights, also when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from collector.review.progress import day_start, midnight
from tests.collector.running import in_zone

DAYS = [
    # zone, moment, begin, end (UTC)
    ("Europe/Madrid", "2027-03-28T10:00", "2027-03-27T23:00", "2027-03-28T22:00"),
    ("Europe/Madrid", "2027-03-27T22:30", "2027-03-26T23:00", "2027-03-27T23:00"),
    ("Europe/Madrid", "2027-10-31T12:00", "2027-10-30T22:00", "2027-10-31T23:00"),
    ("America/Chicago", "2027-11-07T20:00", "2027-11-07T05:00", "2027-11-08T06:00"),
    ("America/Havana", "2027-11-07T20:00", "2027-11-07T04:00", "2027-11-08T05:00"),
    ("America/Santiago", "2026-09-06T15:00", "2026-09-06T04:00", "2026-09-07T03:00"),
    ("Australia/Lord_Howe", "2027-04-03T20:00", "2027-04-03T13:00", "2027-04-04T13:30"),
]


@pytest.mark.parametrize(("zone", "now", "begin", "end"), DAYS)
def test_a_day_has_its_own_midnights(zone: str, now: str, begin: str, end: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    with in_zone(zone):
        assert day_start(at) == datetime.fromisoformat(begin).replace(tzinfo=UTC)
        next_day = datetime.fromisoformat(end).replace(tzinfo=UTC)
        assert midnight(at.astimezone().date() + timedelta(days=1)) == next_day
        assert day_start(next_day) == next_day
