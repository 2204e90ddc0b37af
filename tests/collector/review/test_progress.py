"""What is counted as people submit is what their revisions say when they are counted one by one."""

from __future__ import annotations

import importlib
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collector.review.progress import PACE_MINUTES, Progress, count_submit, day_start, progress
from collector.store.database import Database
from collector.store.sql import Connection, text
from collector.studies.scope import EVERYTHING, Scope
from tests.collector.review.filled import Filled
from tests.collector.running import in_zone
from tests.support.databases import only_sqlite
from wire.base import format_utc

BEGIN = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)
ADD = text(
    "INSERT INTO revision (id, task_id, number, person_id, submit_uuid, fence, submitted_at, opened_at, active_ms,"
    " documents, diff, reply, reason_kind, probability, instruction_version, script_sha256) VALUES (:revision, :task,"
    " :number, :person, :revision, :fence, :at, :at, 0, '[]', '{}', '', 'age', 1, 1, '')"
)
ROWS = "SELECT person_id, study, minute, pieces, tasks, first_at FROM finished_minute ORDER BY 1, 2, 3"


class Work:
    """People who submit tasks of two studies, some again, some under one lease; `done` has every submit."""

    def __init__(self, filled: Filled) -> None:
        self.db: Database = filled.db
        self.people = [filled.person(name) for name in ("ann", "bob")]
        self.tasks: dict[str, str] = {}  # id -> study
        for study in ("kitchen", "hall"):
            filled.begin(study)
            for number in range(6):
                filled.make(filled.take(f"step-{number}", "show", {"image": b"jpeg"}, ["boxes"])["take"])
            found = filled.rows("SELECT id FROM task WHERE study = :study", study=study)
            self.tasks |= {row.id: study for row in found}
        self.done: list[dict[str, Any]] = []

    def submit(self, person: str, task: str, fence: int, at: datetime) -> None:
        number = len(self.done)
        one = {"person": person, "task": task, "fence": fence, "number": number, "revision": f"rev-{number}"}

        def write(conn: Connection) -> None:
            conn.execute(ADD, {**one, "at": format_utc(at)})
            count_submit(conn, one["revision"], task, person, fence, at)

        self.db.write_sync(write)
        self.done.append({**one, "at": at})

    def counted(self, person: str, now: datetime, scope: Scope) -> Progress:
        return self.db.read_sync(lambda conn: progress(conn, person, now, scope))

    def expected(self, person: str, now: datetime, scope: Scope) -> tuple[int, float]:
        mine = [row for row in self.done if row["person"] == person]
        mine = [row for row in mine if scope.studies is None or self.tasks[row["task"]] in scope.studies]
        today = {row["task"] for row in mine if row["at"] >= day_start(now)}
        since = (now - timedelta(minutes=PACE_MINUTES)).replace(second=0, microsecond=0)
        firsts = {(row["task"], row["fence"]): row["at"] for row in reversed(mine)}
        begun = [at for at in firsts.values() if at >= since]
        first = min((row["at"] for row in mine if row["at"] >= since), default=now)
        return len(today), round(len(begun) / max(1.0, (now - first).total_seconds() / 60), 1)


@only_sqlite
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Apia"])
def test_counts_are_those_of_the_revisions(filled: Filled, zone: str) -> None:
    work, chance = Work(filled), random.Random(zone)
    now = BEGIN
    with in_zone(zone):
        fences = dict.fromkeys(work.tasks, 1)
        holders: dict[str, str] = {}
        for _ in range(250):
            now += timedelta(seconds=chance.choice([1, 7, 20, 61, 300, 900, 7200]))
            task, person = chance.choice(sorted(work.tasks)), chance.choice(work.people)
            if holders.get(task) != person or chance.random() < 0.5:
                fences[task] += 1
                holders[task] = person
            work.submit(person, task, fences[task], now)
            for who in work.people:
                for scope in (EVERYTHING, Scope(("hall",))):
                    told = work.counted(who, now, scope)
                    assert (told.done_today, told.per_minute) == work.expected(who, now, scope)
        counted = [tuple(row) for row in filled.rows(ROWS)]
        filled.execute("DELETE FROM finished_minute")
        filled.execute(importlib.import_module("collector.store.migrations.versions.0011_finished").COUNTED)
        assert [tuple(row) for row in filled.rows(ROWS)] == counted


def test_nothing_was_done_yet(filled: Filled) -> None:
    ann = filled.person("ann")
    assert filled.db.read_sync(lambda conn: progress(conn, ann, BEGIN)) == Progress(
        done_today=0, open=0, per_minute=0.0
    )
