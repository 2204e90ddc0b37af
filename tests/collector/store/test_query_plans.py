"""What is asked often, or while others wait, is answered from indexes."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import pytest

from collector.catalogue import capture_list, sessions
from collector.metrics import rows
from collector.review import progress, queue_sql
from collector.review.views import _ROWS, LATER, LEASED, NOT_LEASED
from collector.store.database import Database
from collector.store.sql import Connection, Statement, text
from collector.studies.scope import within
from tests.support.databases import new_database, only_sqlite
from wire.tasks import TaskType

pytestmark = only_sqlite

QUEUE: dict[str, Statement] = {
    **{name: one for name, one in vars(queue_sql).items() if isinstance(one, Statement)},
}
for types in (["text"], ["boxes", "tracks"], get_args(TaskType)):
    for is_limited in (False, True):
        for_types = queue_sql.statements_of(frozenset(types), is_limited)
        of = f"{','.join(types)} {'limited' if is_limited else 'all'}"
        QUEUE |= {f"candidates of {of}": for_types.candidates}
        QUEUE |= {f"{lane} first of {of}": one.first for lane, one in for_types.lanes.items()}
        QUEUE |= {f"{lane} fresh of {of}": one.fresh for lane, one in for_types.lanes.items()}
LISTS = {
    **{name: one.text for name, one in vars(rows).items() if isinstance(one, Statement)},
    "sessions": sessions._PAGE.text,
    "later sessions": sessions._LATER_PAGE.text,
    "captures": capture_list._ROWS.format(capture_list._SEEN),
    "later captures": capture_list._ROWS.format(f"{capture_list._SEEN} AND {capture_list.LATER}"),
    "captures of a session": capture_list._ROWS.format(f"{capture_list._SEEN} AND capture.session_id = :session"),
    "tasks": _ROWS.format(within("task.study")),
    "later tasks": _ROWS.format(f"{within('task.study')} AND {LATER}"),
    "tasks of a state": _ROWS.format(f"task.state = :state AND {NOT_LEASED} AND {within('task.study')}"),
    "leased tasks": _ROWS.format(f"task.state = :state AND {LEASED} AND {within('task.study')}"),
}


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = new_database(Path(tmp_path_factory.mktemp("plans")))
    yield opened
    opened.close()


def plan(db: Database, query: str) -> list[str]:
    values: dict[str, Any] = dict.fromkeys(re.findall(r":(\w+)", query))

    def explain(conn: Connection) -> list[Any]:
        return list(conn.execute(text(f"EXPLAIN QUERY PLAN {query}"), values).all())

    return [row[3] for row in db.read_sync(explain)]


def scanned(steps: list[str]) -> list[str]:
    """Tables of the schema that are read from one end to the other without an index."""
    return [step for step in steps if step.startswith("SCAN ") and "INDEX" not in step and step.split()[1] in TABLES]


TABLES = {
    "task",
    "take",
    "capture",
    "session",
    "job",
    "upload",
    "revision",
    "skip",
    "activity",
    "draft",
    "lease",
    "finished_minute",
}


@pytest.mark.parametrize("name", sorted(QUEUE))
def test_the_queue_scans_no_table(db: Database, name: str) -> None:
    steps = plan(db, QUEUE[name].text)
    assert scanned(steps) == []


def test_what_a_person_did_before_makes_no_submit_slower(db: Database) -> None:
    for statement in (progress._COUNT, progress._COUNTED):
        steps = plan(db, statement.text)
        assert scanned(steps) == [] and not any("person_id_submitted_at" in step for step in steps), steps


def of_lane(lane: queue_sql.CoinLane, *, is_limited: bool) -> list[Statement]:
    found = queue_sql.statements_of(frozenset(get_args(TaskType)), is_limited).lanes[lane]
    return [found.first, found.fresh]


@pytest.mark.parametrize("lane", ["priority", "random"])
def test_the_next_task_is_found_by_its_type(db: Database, lane: queue_sql.CoinLane) -> None:
    for statement in of_lane(lane, is_limited=False):
        steps = [step for step in plan(db, statement.text) if " task " in f"{step} "]
        assert steps and all("(type=?" in step for step in steps)


@pytest.mark.parametrize("lane", ["priority", "random"])
def test_with_a_limit_it_is_found_by_study_and_type(db: Database, lane: queue_sql.CoinLane) -> None:
    for statement in of_lane(lane, is_limited=True):
        steps = [step for step in plan(db, statement.text) if " task " in f"{step} "]
        assert any("(study=? AND type=?" in step for step in steps)
        assert all("(study=? AND type=?" in step or "(id=?)" in step for step in steps), steps


def test_the_queue_keeps_to_its_own_indexes_when_they_were_analyzed(tmp_path: Path) -> None:
    """By the index of all states each answer of the queue would read every open task."""
    opened = new_database(tmp_path)
    # The driver alone: foreign keys are not looked at.
    with closing(sqlite3.connect(tmp_path / "collector.db")) as outside, outside:
        _fill(outside)
    opened.maintain()
    for name, statement in QUEUE.items():
        assert not any("ix_task_state_created_at_id" in step for step in plan(opened, statement.text)), name
    tasks = plan(opened, LISTS["tasks of a state"])
    assert any("ix_task_state_created_at_id (state=?)" in step for step in tasks), tasks
    opened.close()


def _fill(conn: sqlite3.Connection) -> None:
    """Tasks as they are in a used collector: most of them open or done, a few leased."""
    add = (
        "INSERT INTO task (id, take_id, session_id, study, type, state, fence, priority, reason_kind, reason_text,"
        " probability, instruction_version, created_at, consent) SELECT :id, :id, 'ses', 'study', 'boxes', :state, 0,"
        " :priority, :reason, '', 1, 1, :id, 'consent'"
    )
    states = ["open"] * 7 + ["done"] * 3
    rows = [
        {
            "id": f"task-{number:05}",
            "state": "leased" if number % 200 == 0 else states[number % 10],
            "priority": float(number),
            "reason": "random" if number % 9 == 0 else "age",
        }
        for number in range(3000)
    ]
    conn.executemany(add, rows)


@pytest.mark.parametrize("name", sorted(LISTS))
def test_lists_and_metrics_are_counted_in_indexes(db: Database, name: str) -> None:
    assert scanned(plan(db, LISTS[name])) == []


def test_a_scan_is_found(db: Database) -> None:
    assert scanned(plan(db, "SELECT count(*) FROM task WHERE fence = 3 AND opened_at = 'x'")) != []
