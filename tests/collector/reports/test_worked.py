"""Active time in the report of a day: by the wall clock, wherever the work went."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from collector.cli import app
from collector.reports.today import Today, today
from collector.review import queue
from collector.review.queue import Lease
from collector.review.submit import Submit
from tests.collector.review.filled import Filled, document
from tests.collector.running import Collector
from tests.support.databases import command
from tests.support.submitting import submit_body
from wire.base import format_utc

ZONE = ZoneInfo("Europe/Vienna")
DAY = date(2026, 9, 17)
MORNING = datetime(2026, 9, 17, 7, 0, tzinfo=UTC)


class Desk:
    """People at work on four tasks, at any time of any day."""

    def __init__(self, filled: Filled) -> None:
        self.filled = filled
        self.ann = filled.person("ann")
        for number in range(4):
            filled.make(filled.take(f"step-{number}", "answer", {"text": b"yes"}, ["text"])["take"])
        self.tasks = [row.id for row in filled.tasks()]

    def take(self, number: int, at: datetime, person: str | None = None) -> Lease:
        who = person or self.ann
        lease = self.filled.db.write_sync(
            lambda conn: queue.reopen(conn, self.tasks[number], who, f"page-{number}", is_lead=True, now=at)
        )
        assert isinstance(lease, Lease)
        return lease

    def signs(self, lease: Lease, start: datetime, seconds: list[float]) -> None:
        said = {"visible": True, "playing": False, "input": True}
        for second in seconds:
            at = start + timedelta(seconds=second)
            self.filled.db.write_sync(
                lambda conn, at=at: queue.note_activity(conn, lease.task, self.ann, lease.fence, said, at)  # type: ignore[misc]
            )

    def submit(self, lease: Lease, opened: datetime, at: datetime, person: str | None = None, **more: Any) -> None:
        who = person or self.ann
        capture = self.filled.rows("SELECT capture_id FROM task_capture WHERE task_id = :id", id=lease.task)[
            0
        ].capture_id
        body = Submit.model_validate({
            "fence": lease.fence, "submit": str(uuid4()), "documents": [document(capture, [])],
            "opened_at": format_utc(opened), **more,
        })  # fmt: skip
        submit_body(self.filled.db, self.filled.blobs, lease.task, who, "ann", body, at)

    def end_lease(self, lease: Lease, kind: Any, at: datetime) -> None:
        self.filled.db.write_sync(
            lambda conn: queue.end_lease(conn, lease.task, self.ann, lease.fence, kind, "cannot hear", at)
        )

    def report(self, now: datetime, day: date = DAY) -> Today:
        return self.filled.db.read_sync(lambda conn: today(conn, now, day, ZONE))

    def minutes(self, now: datetime, day: date = DAY) -> float:
        return sum(row.minutes for row in self.report(now, day).people)


@pytest.fixture
def desk(filled: Filled) -> Desk:
    return Desk(filled)


def test_two_windows_at_once_are_one_time(desk: Desk) -> None:
    leases = [desk.take(number, MORNING) for number in (0, 1)]
    for lease in leases:
        desk.signs(lease, MORNING, [10, 30, 50, 70, 90, 110])
    end = MORNING + timedelta(seconds=120)
    for lease in leases:
        desk.submit(lease, MORNING, end)
    counted = [row.active_ms for row in desk.filled.rows("SELECT active_ms FROM revision")]
    assert counted == [120_000, 120_000]  # of each task this is its time
    assert desk.minutes(end) == 2.0


def test_time_before_a_skip_or_return_counts_and_is_listed(desk: Desk) -> None:
    first, second = desk.take(0, MORNING), desk.take(1, MORNING + timedelta(minutes=5))
    desk.signs(first, MORNING, [0, 12, 24])
    desk.end_lease(first, "skipped", MORNING + timedelta(seconds=36))
    desk.signs(second, MORNING + timedelta(minutes=5), [0, 20])
    desk.end_lease(second, "returned", MORNING + timedelta(minutes=5, seconds=24))
    (row,) = desk.report(MORNING + timedelta(hours=1)).people
    assert (row.name, row.done, row.skipped, row.returned, row.minutes) == ("ann", 0, 1, 1, 1.0)


def test_who_is_in_the_middle_of_a_long_item_is_seen(desk: Desk) -> None:
    lease = desk.take(0, MORNING)
    desk.signs(lease, MORNING, [20 * step for step in range(31)])
    assert desk.minutes(MORNING + timedelta(seconds=600)) == 10.0
    # Nobody has heard more: half a minute of silence is the most that counts.
    assert desk.minutes(MORNING + timedelta(hours=9)) == 10.5


def test_work_over_midnight_is_parted_there(desk: Desk) -> None:
    late = datetime(2026, 9, 17, 21, 50, tzinfo=UTC)  # ten to midnight in Vienna
    lease = desk.take(0, late)
    desk.signs(lease, late, [20 * step for step in range(46)])
    end = late + timedelta(minutes=15)
    desk.submit(lease, late, end)
    assert (desk.minutes(end), desk.minutes(end, date(2026, 9, 18))) == (10.0, 5.0)
    assert [row.done for row in desk.report(end, date(2026, 9, 18)).people] == [1]


def test_a_correction_takes_nothing_from_the_day_before(desk: Desk) -> None:
    desk.submit(desk.take(0, MORNING), MORNING, MORNING + timedelta(seconds=20))
    next_day = MORNING + timedelta(days=1)
    lea = desk.filled.person("lea", "lead")
    desk.submit(desk.take(0, next_day, lea), next_day, next_day + timedelta(seconds=20), lea)
    first, second = (desk.report(next_day + timedelta(hours=1), DAY + timedelta(days=n)) for n in (0, 1))
    assert (first.tasks.done, second.tasks.done) == (1, 0)
    assert [(row.name, row.done) for row in second.people] == [("lea", 1)]


def test_what_the_page_told_with_its_submit_counts_where_nothing_was_heard(desk: Desk) -> None:
    lease = desk.take(0, MORNING)
    said = [
        {"at": format_utc(MORNING + timedelta(seconds=20 * step)), "visible": True, "playing": False}
        for step in range(13)
    ]
    desk.submit(lease, MORNING, MORNING + timedelta(seconds=240), activity=said)
    assert desk.minutes(MORNING + timedelta(hours=2)) == 4.0


def test_any_day_in_any_zone_over_http_and_by_the_command(collector: Collector) -> None:
    lead = collector.person("lea-days", "lead")
    found = lead.get("/api/reports/today", params={"day": "2026-03-29", "zone": "Europe/Vienna"}).json()
    assert (found["day"], found["zone"], found["people"]) == ("2026-03-29", "Europe/Vienna (UTC+0100)", [])
    for bad in (
        {"zone": "Europe/Nowhere"},
        {"zone": "../../etc/passwd"},
        {"day": "1999-01-01"},
        {"day": "x"},
        {"zone": ""},
    ):
        assert lead.get("/api/reports/today", params=bad).status_code == 422, bad
    given = ["--day", "2026-10-25", "--zone", "Asia/Tokyo", "--json", "--data", str(collector.data)]
    done = command(app, ["report", "today", *given], collector.data)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["zone"] == "Asia/Tokyo (UTC+0900)"
    wrong = command(app, ["report", "today", "--zone", "Nowhere", "--data", str(collector.data)], collector.data)
    assert wrong.exit_code == 2 and "Nowhere" in wrong.output
