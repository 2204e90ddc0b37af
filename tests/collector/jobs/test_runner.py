"""Jobs: rows that are leased, done once, retried, given up with a word, and never lost."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, cast

import pytest

from collector.jobs import runner as runner_module
from collector.jobs.queue import Job, JobKind, backoff_seconds, enqueue, release_jobs
from collector.jobs.runner import JobRunner
from collector.store.database import Database, DatabaseFailed
from collector.store.sql import Connection, text
from tests.support.databases import only_sqlite
from tests.support.waiting import until
from wire.errors import GleanerError

WORK = "tests.collector.working"


class Soon(GleanerError):
    code = "test-soon"
    retryable = True


def rows(db: Database) -> dict[str, Any]:
    query = text("SELECT key, state, attempts, error FROM job")
    return {
        row.key: (row.state, row.attempts, row.error) for row in db.read_sync(lambda conn: conn.execute(query).all())
    }


def add(db: Database, kind: str, *keys: str) -> None:
    for key in keys:
        db.write_sync(lambda conn, key=key: enqueue(conn, kind, key, {"key": key}))


def hurry(db: Database) -> None:
    """Make waiting jobs due now, so that a test need not sit through the backoff."""

    def fn(conn: Connection) -> None:
        conn.execute(text("UPDATE job SET not_before = '2000-01-01T00:00:00.000000Z' WHERE state = 'waiting'"))
        enqueue(conn, "nudge", "nudge")

    db.write_sync(fn)


class Running:
    """A process that does jobs. It has no row, so what it has in hand is freed as soon as somebody looks for that."""

    def __init__(self, db: Database, *kinds: JobKind, process: str = "proc-1") -> None:
        nudge = JobKind("nudge", lambda conn, job, result: None)
        self.runner = JobRunner(db, [*kinds, nudge], process=process, workers=1, preload=[WORK])

    def __enter__(self) -> JobRunner:
        self.runner.start()
        return self.runner

    def __exit__(self, *_: object) -> None:
        self.runner.stop()


def test_work_runs_in_another_process_and_is_applied_once(db: Database) -> None:
    seen: list[tuple[str, dict[str, Any]]] = []
    done = threading.Event()
    kind = JobKind(
        "square",
        lambda conn, job, result: seen.append((job.key, result)),
        work=f"{WORK}:square",
        prepare=lambda conn, job: {"number": int(job.payload["key"])},
        after=lambda job, result: done.set() if job.key == "9" else None,
    )
    with Running(db, kind):
        add(db, "square", *map(str, range(10)))
        assert done.wait(30)
    assert [(key, result["square"]) for key, result in seen] == [(str(n), n * n) for n in range(10)]
    import os

    assert {result["pid"] for _, result in seen} and os.getpid() not in {result["pid"] for _, result in seen}


def test_short_jobs_do_not_wait_behind_a_long_one(db: Database, tmp_path: Path) -> None:
    gate, applied = tmp_path / "gate", []
    kind = JobKind("open", lambda conn, job, result: applied.append(job.key), work=f"{WORK}:wait_for_file")

    def put(key: str, *, short: bool) -> None:
        payload = {"key": key} if short else {"key": key, "file": str(gate)}
        db.write_sync(lambda conn: enqueue(conn, "open", key, payload, short=short))

    put("hour", short=False)
    with Running(db, kind) as runner:
        until(lambda: rows(db)["hour"][0] == "leased")
        put("second-hour", short=False)
        for key in ("text", "picture", "word"):
            put(key, short=True)
        until(lambda: len(applied) == 3)
        assert applied == ["text", "picture", "word"] and rows(db)["second-hour"][0] == "waiting"
        put("bad", short=True)
        until(lambda: rows(db)["bad"][1] == 1 and rows(db)["bad"][0] == "waiting")
        gate.touch()
        until(lambda: {"hour", "second-hour"} <= set(applied))
        assert runner.alive()
    asked = text("SELECT is_short FROM job WHERE key = 'bad'")
    assert not db.read_sync(lambda conn: conn.execute(asked).scalar_one())


def test_a_short_job_needs_no_second_process_while_a_worker_is_idle(db: Database) -> None:
    pids: set[int] = set()
    kind = JobKind(
        "open",
        lambda conn, job, result: pids.add(result["pid"]),
        work=f"{WORK}:square",
        prepare=lambda conn, job: {"number": 2},
    )
    with Running(db, kind) as runner:
        for number in range(10):
            db.write_sync(lambda conn, number=number: enqueue(conn, "open", str(number), short=True))  # type: ignore[misc]
            until(lambda number=number: rows(db)[str(number)][0] == "done")  # type: ignore[misc]
            until(lambda: runner._busy == 0)  # a moment after the row says that it is done
    assert len(pids) == 1


def test_enqueue_is_idempotent_until_done_and_starts_again_after(db: Database) -> None:
    counts: list[str] = []
    add(db, "count", "a", "a", "a")
    with Running(db, JobKind("count", lambda conn, job, result: counts.append(job.key))):
        until(lambda: rows(db)["a"][0] == "done")
        assert counts == ["a"]
        add(db, "count", "a")
        until(lambda: len(counts) == 2)


def test_a_job_may_enqueue_itself_again(db: Database) -> None:
    counts: list[int] = []

    def apply(conn: Connection, job: Job, _result: dict[str, Any]) -> None:
        counts.append(1)
        if len(counts) < 3:
            enqueue(conn, "again", job.key)

    add(db, "again", "a")
    with Running(db, JobKind("again", apply)):
        until(lambda: len(counts) == 3 and rows(db)["a"][0] == "done")


def test_a_result_is_applied_with_the_mark_or_not_at_all(db: Database) -> None:
    def apply(conn: Connection, job: Job, _result: dict[str, Any]) -> None:
        conn.execute(
            text("INSERT INTO person VALUES (:id, :id, 'lead', '', NULL)"), {"id": f"{job.key}-{job.attempts}"}
        )
        if job.attempts < 3:
            raise ValueError("not yet")

    add(db, "fragile", "a")
    with Running(db, JobKind("fragile", apply)):
        until(lambda: hurry(db) or rows(db)["a"][0] == "done")
    people = db.read_sync(lambda conn: list(conn.execute(text("SELECT id FROM person")).scalars()))
    assert people == ["a-3"]


def test_poison_is_given_up_with_its_sentence_and_others_go_on(db: Database) -> None:
    told: list[str] = []
    kind = JobKind(
        "burn",
        lambda conn, job, result: None,
        work=f"{WORK}:burn",
        failed=lambda conn, job, sentence: told.append(sentence),
    )
    add(db, "burn", "bad")
    with Running(db, kind):
        until(lambda: hurry(db) or rows(db)["bad"][0] == "failed")
        assert rows(db)["bad"][1:] == (5, "ValueError: it burns")
        assert told == ["ValueError: it burns"]
        add(db, "burn", "good")
        until(lambda: rows(db)["good"][0] == "done")


def test_what_passes_is_tried_for_ever(db: Database) -> None:
    tries: list[int] = []

    def apply(conn: Connection, job: Job, _result: dict[str, Any]) -> None:
        tries.append(job.attempts)
        if len(tries) < 8:
            raise Soon("The disk is full for the moment.")

    add(db, "patient", "a")
    with Running(db, JobKind("patient", apply)):
        until(lambda: hurry(db) or rows(db)["a"][0] == "done")
    assert len(tries) == 8


def test_a_worker_that_dies_is_replaced_and_the_job_tried_again(db: Database, tmp_path: Path) -> None:
    kind = JobKind(
        "die",
        lambda conn, job, result: None,
        work=f"{WORK}:die_once",
        prepare=lambda conn, job: {"mark": str(tmp_path / "mark")},
    )
    add(db, "die", "a")
    with Running(db, kind):
        until(lambda: hurry(db) or rows(db)["a"][0] == "done")
    assert (tmp_path / "mark").exists() and rows(db)["a"][1] == 2


def test_what_was_leased_at_the_end_waits_at_the_next_start(db: Database) -> None:
    add(db, "slow", "a")
    kind = JobKind("slow", lambda conn, job, result: None, work=f"{WORK}:sleep")
    with Running(db, kind):
        until(lambda: rows(db)["a"][0] == "leased")
    assert rows(db)["a"][0] == "leased"
    assert db.write_sync(release_jobs) == 1
    with Running(db, JobKind("slow", lambda conn, job, result: None)):
        until(lambda: rows(db)["a"] == ("done", 1, None))


@pytest.mark.parametrize("work", ["wait_for_file", "burn"])
def test_a_job_of_a_process_that_was_taken_for_dead_is_done_once_by_another(
    db: Database, tmp_path: Path, work: str
) -> None:
    """Also when the first one still lives, and ends its work later, well or badly."""
    gate, applied, ended = tmp_path / "gate", [], []
    waits = JobKind(
        "once",
        lambda conn, job, result: applied.append("hung"),
        prepare=lambda conn, job: until(lambda: gate.exists()) and {"key": "bad" if work == "burn" else "good"},
        work=f"{WORK}:{work}",
    )
    at_once = JobKind("once", lambda conn, job, result: applied.append(f"attempt {job.attempts}"))
    add(db, "once", "a")
    with Running(
        db,
        waits,
        JobKind(
            "after",
            lambda conn, job, result: ended.append(job.key),
            work=f"{WORK}:square",
            prepare=lambda conn, job: {"number": 1},
        ),
    ):
        until(lambda: rows(db)["a"][0] == "leased")
        assert db.write_sync(release_jobs) == 1
        with Running(db, at_once, process="proc-2"):
            until(lambda: rows(db)["a"][0] == "done")
        add(db, "after", "b")  # the one lane of the first process takes it when the job it had is behind it
        gate.touch()
        until(lambda: ended == ["b"])
    assert applied == ["attempt 1"]
    assert rows(db)["a"] == ("done", 1, None)


def test_nothing_left_to_do_is_done(db: Database) -> None:
    add(db, "gone", "a")
    with Running(db, JobKind("gone", lambda conn, job, result: 1 / 0, prepare=lambda conn, job: None)):
        until(lambda: rows(db)["a"][0] == "done")


@only_sqlite
def test_a_job_whose_failure_cannot_be_written_is_put_back_when_the_disk_has_room(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite's own full disk: a page limit that neither the result nor the word about its failure fits in."""

    def full(conn: Connection) -> None:
        conn.execute(text("CREATE TABLE filler (body BLOB)"))
        conn.execute(
            text(
                "CREATE TRIGGER fill AFTER UPDATE ON job WHEN OLD.state = 'leased' AND NEW.state <> 'leased'"
                " BEGIN INSERT INTO filler VALUES (zeroblob(4000000)); END"
            )
        )
        pages = conn.execute(text("PRAGMA page_count")).scalar()
        conn.execute(text(f"PRAGMA max_page_count = {pages + 50}"))

    applied: list[str] = []
    db.write_sync(full)
    with Running(db, JobKind("heavy", lambda conn, job, result: applied.append(job.key))) as runner:
        add(db, "heavy", "a")
        until(lambda: "cannot be put back yet" in caplog.text)
        assert "is full" in caplog.text and rows(db)["a"][:2] == ("leased", 1)
        db.write_sync(lambda conn: conn.execute(text("PRAGMA max_page_count = 1000000")).scalar())
        until(lambda: hurry(db) or rows(db)["a"][0] == "done")
        assert runner.alive()


def test_a_job_is_given_up_even_when_being_told_fails(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    def apply(_conn: Connection, _job: Job, _result: dict[str, Any]) -> None:
        raise ValueError("never")

    def failed(_conn: Connection, _job: Job, _sentence: str) -> None:
        raise KeyError("nobody listens")

    add(db, "deaf", "a")
    with Running(db, JobKind("deaf", apply, failed=failed)):
        until(lambda: hurry(db) or rows(db)["a"][0] == "failed")
    assert rows(db)["a"] == ("failed", 5, "ValueError: never")
    assert "nobody listens" in caplog.text


def test_what_fails_after_a_job_is_logged_and_the_lane_goes_on(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    def after(_job: Job, _result: dict[str, Any]) -> None:
        raise PermissionError("the file stays")

    with Running(db, JobKind("tidy", lambda conn, job, result: None, after=after)) as runner:
        for key in "ab":
            add(db, "tidy", key)
            until(lambda key=key: rows(db)[key][0] == "done")
        assert runner.alive()
    assert caplog.text.count("PermissionError: the file stays") == 2 and "Traceback" in caplog.text


def test_a_lane_outlives_an_error_it_does_not_know(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    """A payload that is no JSON cannot even be leased."""
    add(db, "plain", "a")
    db.write_sync(lambda conn: conn.execute(text("UPDATE job SET payload = 'torn'")).rowcount)
    with Running(db, JobKind("plain", lambda conn, job, result: None)) as runner:
        until(lambda: "JSONDecodeError" in caplog.text)
        assert runner.alive()
        db.write_sync(lambda conn: conn.execute(text("UPDATE job SET payload = '{}'")).rowcount)
        until(lambda: hurry(db) or rows(db)["a"][0] == "done")


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 1), (2, 4), (3, 16), (4, 60), (50, 60)])
def test_backoff_grows_to_a_minute(attempts: int, seconds: float) -> None:
    assert backoff_seconds(attempts) == seconds


class LostAnswer:
    """A database whose connection is lost in the commit of the first lease: it is kept, and nobody is answered."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.lost: list[Job] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def write_sync(self, fn: Any) -> Any:
        value = self._db.write_sync(fn)
        if isinstance(value, Job) and value.kind == "lost" and not self.lost:
            self.lost.append(value)
            raise DatabaseFailed("The connection to the server was lost.")
        return value


def test_a_lease_whose_answer_was_lost_is_done_after_all(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "REFUSED_SECONDS", 0.05)
    losing, end = LostAnswer(db), tmp_path / "end"
    lost = JobKind("lost", lambda conn, job, result: None)
    # What another lane has in hand meanwhile stays with it.
    held = JobKind("held", lambda conn, job, result: None, work=f"{WORK}:wait_for_file")
    with Running(cast(Database, losing), lost, held):
        db.write_sync(lambda conn: enqueue(conn, "held", "one", {"key": "one", "file": str(end)}))
        until(lambda: rows(db)["one"][0] == "leased")
        add(db, "lost", "two")
        until(lambda: losing.lost and rows(db)["two"] == ("done", 1, None))
        assert rows(db)["one"] == ("leased", 1, None)
        end.touch()
        until(lambda: rows(db)["one"] == ("done", 1, None))
    fence = "SELECT fence FROM job WHERE key = 'one'"
    assert db.read_sync(lambda conn: conn.execute(text(fence)).scalar()) == 1
