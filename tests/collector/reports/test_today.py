"""The report of the day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from collector.cli import app
from collector.reports.today import today
from tests.collector.review.filled import Filled
from tests.collector.running import in_zone
from tests.support.databases import command
from wire.base import format_utc


def report(filled: Filled, now: datetime | None = None) -> dict[str, object]:
    return filled.db.read_sync(lambda conn: today(conn, now or datetime.now(UTC))).to_json()


@pytest.fixture
def busy(filled: Filled, at_noon: None) -> Filled:
    """Three takes of today with four tasks: one done by ann, one skipped, one on bob's page, one open."""
    ann, bob = filled.person("ann"), filled.person("bob")
    filled.person("idle")
    for number in range(4):
        ids = filled.take(f"step-{number}", "answer", {"text": b"yes"}, ["text"])
        filled.make(ids["take"])
    filled.execute("UPDATE take SET opened_at = :now", now=format_utc(datetime.now(UTC)))
    first, second, third, _ = filled.tasks()
    capture = filled.rows("SELECT capture_id FROM task_capture WHERE task_id = :id", id=first.id)[0].capture_id
    filled.submit(ann, first.id, {capture: []}, seconds=24)
    filled.execute("UPDATE task SET state = 'skipped' WHERE id = :id", id=second.id)
    filled.execute(
        "UPDATE task SET state = 'leased', leased_to = :bob, lease_expires_at = :later WHERE id = :id",
        bob=bob,
        later=format_utc(datetime.now(UTC) + timedelta(minutes=5)),
        id=third.id,
    )
    filled.execute(
        'INSERT INTO upload (id, capture_id, part, device_id, "offset", staged, state, created_at, expires_at)'
        " VALUES ('u', 'cap-x', 'media', 'dev-1', 0, 'x', 'open', 'a', 'b')"
    )
    return filled


def test_the_numbers_of_today(busy: Filled) -> None:
    found = report(busy)
    assert found["day"] == datetime.now().astimezone().date().isoformat()
    assert (found["takes"], found["captures"], found["uploads_pending"]) == (4, 4, 1)
    assert found["tasks"] == {"done": 1, "open": 2, "skipped": 1}
    assert found["people"] == [
        {"name": "ann", "done": 1, "skipped": 0, "returned": 0, "open": 0, "minutes": 0.4},
        {"name": "bob", "done": 0, "skipped": 0, "returned": 0, "open": 1, "minutes": 0.0},
    ]


def test_tomorrow_starts_at_nought(busy: Filled) -> None:
    found = report(busy, datetime.now(UTC) + timedelta(days=1))
    assert (found["takes"], found["captures"], found["people"]) == (0, 0, [])
    assert found["tasks"] == {"done": 0, "open": 2, "skipped": 1}


@pytest.fixture
def in_tokyo() -> Iterator[None]:
    with in_zone("Asia/Tokyo"):
        yield


@pytest.mark.usefixtures("in_tokyo")
def test_the_day_is_the_machines_own(filled: Filled) -> None:
    ids = filled.take("step", "answer", {"text": b"yes"}, ["text"])
    filled.execute("UPDATE take SET opened_at = '2026-11-19T15:30:00.000000Z' WHERE id = :id", id=ids["take"])
    morning = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
    found = report(filled, morning)
    assert (found["day"], found["zone"], found["takes"]) == ("2026-11-20", "JST (UTC+0900)", 1)
    assert report(filled, datetime(2026, 11, 19, 14, 59, tzinfo=UTC))["takes"] == 0


def test_the_command_reads_beside_a_running_service(busy: Filled) -> None:
    done = command(app, ["report", "today", "--json", "--data", str(busy.folder)], busy.folder)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output) == report(busy)
    shown = command(app, ["report", "today", "--data", str(busy.folder)], busy.folder)
    assert shown.exit_code == 0
    assert "ann" in shown.output and "active minutes" in shown.output and "uploads on their way" in shown.output
