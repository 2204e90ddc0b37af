"""Old rows go; rows that are needed stay; times that a clock left in the future end."""

from __future__ import annotations

import pytest

from collector.jobs.queue import enqueue
from collector.people.accounts import new_link_code, new_token, sign_in
from collector.store.clock import now_text
from collector.store.sql import text
from collector.store.upkeep import BATCH_ROWS, MAX_ROW_AGE_SECONDS, RowAges, end_times_ahead, prune
from tests.collector.review.filled import Filled

OLD, YOUNG = now_text(-MAX_ROW_AGE_SECONDS - 60), now_text(-MAX_ROW_AGE_SECONDS + 3600)


def test_links_that_ended_long_ago_go_and_tokens_of_programs_stay(filled: Filled) -> None:
    filled.person("ann")
    filled.db.write_sync(lambda conn: [new_link_code(conn, "ann"), new_link_code(conn, "ann"), new_token(conn, "ann")])
    first = filled.rows("SELECT hash FROM token WHERE kind = 'enter'")[0].hash
    filled.execute("UPDATE token SET expires_at = :old WHERE hash = :hash", old=OLD, hash=first)
    prune(filled.db, RowAges())
    assert sorted(row.kind for row in filled.rows("SELECT kind FROM token")) == ["api", "enter"]
    assert not filled.rows(f"SELECT 1 FROM token WHERE hash = '{first}'")


@pytest.mark.parametrize(
    ("kind", "state", "at", "stays"),
    [
        ("open", "done", OLD, False),
        ("derive", "done", OLD, False),
        ("tasks", "done", YOUNG, True),
        ("open", "failed", OLD, True),
        ("open", "waiting", OLD, True),
        ("prelabel", "done", OLD, True),
    ],
    ids=[
        "opened",
        "derived",
        "young",
        "failed",
        "waiting",
        "prelabelled",
    ],  # a time of day differs from worker to worker
)
def test_jobs_that_were_done_long_ago_go(filled: Filled, kind: str, state: str, at: str, stays: bool) -> None:
    filled.db.write_sync(lambda conn: enqueue(conn, kind, "key-1"))
    filled.execute("UPDATE job SET state = :state, done_at = :at", state=state, at=at)
    prune(filled.db, RowAges())
    assert bool(filled.rows("SELECT 1 FROM job WHERE key = 'key-1'")) is stays


def signs(filled: Filled, task: str, ann: str, ats: list[str]) -> None:
    insert = (
        "INSERT INTO activity (task_id, person_id, fence, at, visible, playing, input)"
        " VALUES (:task, :ann, 1, :at, TRUE, FALSE, TRUE)"
    )
    rows = [{"task": task, "ann": ann, "at": at} for at in ats]
    filled.db.write_sync(lambda conn: conn.execute(text(insert), rows).rowcount)


def test_old_signs_of_life_go_in_batches_and_counted_time_stays(filled: Filled) -> None:
    ids = filled.take("step", "answer", {"text": b"yes"}, ["text"])
    filled.make(ids["take"])
    ann = filled.person("ann")
    task = filled.tasks()[0].id
    signs(filled, task, ann, [now_text(-91 * 86_400 + second) for second in range(2 * BATCH_ROWS + 10)])
    signs(filled, task, ann, [now_text(-80 * 86_400)])
    assert prune(filled.db, RowAges(), max_batches=1) == BATCH_ROWS
    assert prune(filled.db, RowAges(activity_days=0)) == 0
    assert prune(filled.db, RowAges()) == BATCH_ROWS + 10
    assert len(filled.rows("SELECT 1 FROM activity")) == 1


def test_the_access_log_stays_unless_a_setting_says_how_long(filled: Filled) -> None:
    ids = filled.take("step", "answer", {"text": b"yes"}, ["text"])
    ann = filled.person("ann")
    rows = [{"ann": ann, "capture": ids["text"], "at": now_text(-days * 86_400)} for days in (800, 400, 300, 1)]
    insert = text("INSERT INTO look (person_id, capture_id, at, why) VALUES (:ann, :capture, :at, 'review')")
    filled.db.write_sync(lambda conn: conn.execute(insert, rows).rowcount)
    assert prune(filled.db, RowAges()) == 0
    assert prune(filled.db, RowAges(access_log_days=365)) == 2
    assert [row.at for row in filled.rows("SELECT at FROM look ORDER BY id")] == [rows[2]["at"], rows[3]["at"]]


def test_a_clock_that_was_set_back_holds_nothing_for_hours(filled: Filled) -> None:
    ids = filled.take("step", "answer", {"text": b"yes"}, ["text"])
    filled.make(ids["take"])
    ann = filled.person("ann")
    filled.db.write_sync(lambda conn: enqueue(conn, "open", "late"))
    filled.db.write_sync(lambda conn: enqueue(conn, "open", "soon"))
    soon, late = now_text(120), now_text(2 * 3600)
    filled.execute("UPDATE task SET state = 'leased', leased_to = :ann, lease_expires_at = :late", ann=ann, late=late)
    filled.execute("UPDATE job SET not_before = CASE key WHEN 'late' THEN :late ELSE :soon END", late=late, soon=soon)
    filled.db.write_sync(end_times_ahead)
    assert filled.rows("SELECT lease_expires_at AS at FROM task")[0].at <= now_text()
    waits = {row.key: row.not_before for row in filled.rows("SELECT key, not_before FROM job WHERE kind = 'open'")}
    assert waits["late"] <= now_text() and waits["soon"] == soon


@pytest.mark.parametrize("notice", ["a try", "upkeep"])
def test_a_link_that_expired_stays_closed_when_the_clock_is_set_back(filled: Filled, notice: str) -> None:
    filled.person("ann")
    code = filled.db.write_sync(lambda conn: new_link_code(conn, "ann"))
    filled.execute("UPDATE token SET expires_at = :ended", ended=now_text(-1))
    if notice == "a try":
        assert filled.db.write_sync(lambda conn: sign_in(conn, code)) is None
    else:
        filled.db.write_sync(end_times_ahead)
    filled.execute("UPDATE token SET expires_at = :later", later=now_text(1800))
    assert filled.db.write_sync(lambda conn: sign_in(conn, code)) is None
    assert not filled.rows("SELECT 1 FROM token WHERE kind = 'page'")


@pytest.mark.parametrize("is_noticed", [False, True])
def test_a_link_of_a_clock_that_was_ahead_opens_nothing(filled: Filled, is_noticed: bool) -> None:
    filled.person("ann")
    ahead = filled.db.write_sync(lambda conn: new_link_code(conn, "ann"))
    filled.execute("UPDATE token SET expires_at = :late", late=now_text(3 * 3600))
    right = filled.db.write_sync(lambda conn: new_link_code(conn, "ann"))
    if is_noticed:
        filled.db.write_sync(end_times_ahead)
    assert filled.db.write_sync(lambda conn: sign_in(conn, ahead)) is None
    assert filled.db.write_sync(lambda conn: sign_in(conn, right)) is not None
    assert filled.db.write_sync(lambda conn: sign_in(conn, right)) is None
