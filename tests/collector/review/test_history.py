"""Every lease stays as a row: who had the task, on which page, from which lane, and how it ended."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from collector.review import queue
from collector.review.history import LeaseRow, task_history
from collector.store.migrate import alembic_config, upgrade
from collector.store.sql import Connection
from tests.collector.review.filled import Filled
from tests.support.queue_desk import LATER, NOW, TYPES, Desk
from wire.base import format_utc


@pytest.fixture
def desk(filled: Filled) -> Desk:
    return Desk(filled, 3)


def leases(desk: Desk, task: str) -> list[LeaseRow]:
    return desk.filled.db.read_sync(lambda conn: task_history(conn, task)).leases


def test_a_task_that_went_through_many_hands_has_every_lease(desk: Desk) -> None:
    mine = desk.next(desk.ann, "laptop")[0]
    extended = desk.write(lambda conn: queue.renew(conn, mine.task, desk.ann, mine.fence, NOW + timedelta(minutes=1)))
    theirs = desk.next(desk.bob, "desk", now=NOW + timedelta(minutes=12))[0]
    assert theirs.task == mine.task
    desk.end_lease(desk.bob, theirs, "returned", NOW + timedelta(minutes=13))
    third = desk.next(desk.ann, "laptop", now=NOW + timedelta(minutes=14))[0]
    assert third.task == mine.task
    desk.submit(desk.ann, third.task, third.fence, str(uuid4()), NOW + timedelta(minutes=15))
    desk.reopen(desk.lead, third.task, "office", is_lead=True, now=NOW + timedelta(minutes=16))
    first, second, last, now_held = leases(desk, mine.task)
    until = format_utc(NOW + timedelta(minutes=11))
    assert isinstance(extended, queue.Lease) and extended.expires_at == until
    assert (first.person, first.client, first.started_at) == ("ann", "laptop", format_utc(NOW))
    assert (first.ended, first.ended_at, first.expires_at) == ("expired", until, until)
    assert (second.person, second.lane, second.ended) == ("bob", "expired", "returned")
    assert second.ended_at == format_utc(NOW + timedelta(minutes=13))
    assert (last.ended, last.ended_at) == ("submitted", format_utc(NOW + timedelta(minutes=15)))
    assert (now_held.person, now_held.lane, now_held.ended, now_held.client) == ("lea", "reopened", None, "office")
    assert [row.fence for row in leases(desk, mine.task)] == [1, 2, 3, 4]


def test_who_takes_a_task_again_ends_the_lease_before(desk: Desk) -> None:
    first = desk.next(desk.ann, "laptop")[0]
    desk.reopen(desk.ann, first.task, "phone", now=NOW + timedelta(minutes=2))
    before, after = leases(desk, first.task)
    assert (before.ended, before.ended_at) == ("taken-again", format_utc(NOW + timedelta(minutes=2)))
    assert (after.client, after.ended) == ("phone", None)


def test_a_skip_and_two_submits_under_one_lease(desk: Desk) -> None:
    skipped, done = desk.next(desk.ann, count=2)
    desk.end_lease(desk.ann, skipped, "skipped")
    for minute in (1, 3):
        desk.submit(desk.ann, done.task, done.fence, str(uuid4()), NOW + timedelta(minutes=minute))
    assert leases(desk, skipped.task)[0].ended == "skipped"
    (row,) = leases(desk, done.task)
    assert (row.ended, row.ended_at) == ("submitted", format_utc(NOW + timedelta(minutes=3)))


@pytest.mark.parametrize(("draw", "lane", "chance"), [(0.04, "random", 0.1), (0.6, "priority", 0.9)])
def test_the_lane_and_its_chance_are_those_of_the_coin(desk: Desk, draw: float, lane: str, chance: float) -> None:
    desk.filled.execute("UPDATE task SET reason_kind = 'random' WHERE id = :id", id=desk.filled.tasks()[-1].id)
    (served,) = desk.write(lambda conn: queue.take_next(conn, desk.ann, "page", [], TYPES, [draw], NOW))
    (row,) = leases(desk, served.task)
    assert row.lane == lane and row.probability == pytest.approx(chance)


@pytest.mark.parametrize("draw", [0.04, 0.6])
def test_where_one_lane_is_empty_no_coin_decided(desk: Desk, draw: float) -> None:
    (served,) = desk.write(lambda conn: queue.take_next(conn, desk.ann, "page", [], TYPES, [draw], NOW))
    (row,) = leases(desk, served.task)
    assert (row.lane, row.probability) == ("priority", 1.0)


def test_what_was_given_back_counts_as_nothing_in_the_other_lane(desk: Desk) -> None:
    drawn = desk.filled.tasks()[-1].id
    desk.filled.execute("UPDATE task SET reason_kind = 'random' WHERE id = :id", id=drawn)
    (served,) = desk.write(lambda conn: queue.take_next(conn, desk.ann, "page", [], TYPES, [0.04], NOW))
    desk.end_lease(desk.ann, served, "returned")
    (other,) = desk.write(lambda conn: queue.take_next(conn, desk.ann, "page", [], TYPES, [0.6], NOW))
    assert leases(desk, other.task)[0].probability == 1.0
    rest = [lease.task for lease in desk.next(desk.ann, have=[other.task], count=3)]
    assert leases(desk, rest[-1])[-1].lane == "given-back" and rest[-1] == drawn


def test_an_own_lease_that_ran_out_comes_back_first(desk: Desk) -> None:
    mine = desk.next(desk.ann, "closed laptop")[0]
    again = desk.next(desk.ann, "new page", now=LATER)[0]
    assert again.task == mine.task
    assert [row.lane for row in leases(desk, mine.task)] == ["priority", "own-expired"]


def test_leases_of_before_keep_what_is_still_known(tmp_path: object) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/a.db")
    with engine.begin() as conn:
        command.upgrade(alembic_config(conn), "0004")
        fill(conn)
        upgrade(conn)
        rows = conn.execute(text("SELECT * FROM lease ORDER BY task_id, fence")).all()
    engine.dispose()
    skipped, submitted, held = rows
    assert (skipped.client, skipped.ended, skipped.ended_at) == (None, "skipped", "t2")
    assert (submitted.client, submitted.started_at, submitted.expires_at) == ("page", "t3", "t4")
    assert (submitted.ended, submitted.ended_at) == ("submitted", "t5")
    assert (held.client, held.ended, held.lane) == ("phone", None, None)


def fill(conn: Connection) -> None:
    """Two tasks as migration 0004 had them: one that was skipped and then submitted, one that is held."""
    conn.execute(text("PRAGMA foreign_keys = OFF"))
    for task, fence, client, state, revision in (("t-1", 2, "page", "done", "r"), ("t-2", 1, "phone", "leased", None)):
        conn.execute(
            text(
                "INSERT INTO task (id, take_id, session_id, study, type, state, fence, leased_to, leased_client,"
                " leased_at, lease_expires_at, priority, reason_kind, reason_text, probability, instruction_version,"
                " created_at, consent, revision_id) VALUES (:task, :task, 's', 'st', 'text', :state, :fence, 'p',"
                " :client, 't3', 't4', 0, 'age', '', 0.9, 1, 't0', 'c', :revision)"
            ),
            {"task": task, "fence": fence, "client": client, "state": state, "revision": revision},
        )
    for task, fence in (("t-1", 1), ("t-1", 2), ("t-2", 1)):
        conn.execute(text("INSERT INTO lease VALUES (:task, :fence, 'p')"), {"task": task, "fence": fence})
    conn.execute(
        text(
            "INSERT INTO skip (task_id, person_id, fence, at, kind, reason)"
            " VALUES ('t-1', 'p', 1, 't2', 'skipped', 'dark')"
        )
    )
    conn.execute(
        text(
            "INSERT INTO revision (id, task_id, number, person_id, submit_uuid, fence, submitted_at, opened_at,"
            " active_ms, documents, diff, reply, reason_kind, probability, instruction_version, script_sha256)"
            " VALUES ('r', 't-1', 1, 'p', 'u', 2, 't5', 't3', 0, '[]', '{}', '', 'age', 0.9, 1, 'x')"
        )
    )
