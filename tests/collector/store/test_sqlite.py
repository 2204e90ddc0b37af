"""What SQLite alone does: fns on the event loop, its file and its log."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.store import sqlite_driver, sqlite_log
from collector.store.database import Database, DatabaseFailed, require_thread
from collector.store.open import open_database
from collector.store.sql import Connection, text
from tests.support.database_fns import ADD, Refused, names, writer
from tests.support.databases import new_database, only_sqlite
from tests.support.waiting import until

pytestmark = only_sqlite


@pytest.fixture
def db(tmp_path: Path) -> object:
    database = open_database(tmp_path)
    yield database
    database.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from(["fine", "raises", "is long"]), st.booleans()), max_size=30
    )
)
def test_quick_and_other_writes_are_serial_and_none_is_lost(db: Database, plan: list[tuple[str, str, bool]]) -> None:
    """Each sees all that were accepted before it, wherever it runs; long ones that seemed quick come last."""
    db.write_sync(lambda conn: conn.execute(text("DELETE FROM person")).rowcount)
    threads: set[tuple[str, bool, int]] = set()

    def work(name: str, how: str, quick: bool) -> Callable[[Connection], int]:
        def fn(conn: Connection) -> int:
            before: int = conn.execute(text("SELECT count(*) FROM person")).scalar_one()
            if how == "is long":
                require_thread(conn)
            threads.add((how, quick, threading.get_ident()))
            conn.execute(ADD, {"id": f"{name}-{uuid4()}"})
            if how == "raises":
                raise Refused
            return before

        return fn

    async def all_at_once() -> list[int | BaseException]:
        writes = (db.write(work(name, how, quick), quick=quick) for name, how, quick in plan)
        return await asyncio.gather(*writes, return_exceptions=True)

    answers = asyncio.run(all_at_once())
    here = threading.get_ident()
    assert all((ident == here) == (quick and how != "is long") for how, quick, ident in threads)
    assert [isinstance(answer, Refused) for answer in answers] == [how == "raises" for _, how, _ in plan]
    # How many each saw: one more than the one before, in the order in which they were accepted.
    seen = [answer for answer in answers if isinstance(answer, int)]
    assert sorted(seen) == list(range(len(seen)))
    in_order = [a for a, (_, how, quick) in zip(answers, plan, strict=True) if how == "fine" or not quick]
    numbers = [answer for answer in in_order if isinstance(answer, int)]
    assert numbers == sorted(numbers)
    assert len(names(db)) == len(seen)


def test_a_quick_read_of_too_much_goes_to_a_thread(db: Database) -> None:
    ran: list[int] = []

    def fn(conn: Connection) -> int:
        ran.append(threading.get_ident())
        require_thread(conn)
        return 7

    assert asyncio.run(db.read(fn, quick=True)) == 7
    assert len(ran) == 2 and ran[0] == threading.get_ident() != ran[1]


def test_a_write_that_nobody_waits_for_any_more_is_written(db: Database) -> None:
    async def go() -> None:
        task = asyncio.create_task(db.write(writer(["ann"], fails=False), quick=True))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await db.write(writer(["bob"], fails=False), quick=True)

    asyncio.run(go())
    assert names(db) == ["ann", "bob"]


def test_closing_on_the_loop_finishes_quick_writes(tmp_path: Path) -> None:
    async def go() -> None:
        database = new_database(tmp_path / "data")
        waiting = asyncio.create_task(database.write(writer(["ann"], fails=False), quick=True))
        await asyncio.sleep(0)  # it is accepted, and its turn on the loop cannot come before the loop is free again
        database.close()
        assert await waiting == 1

    asyncio.run(go())
    again = open_database(tmp_path / "data")
    assert names(again) == ["ann"]
    again.close()


def test_a_lock_from_outside_holds_up_the_writes_and_not_the_loop(tmp_path: Path) -> None:
    database = new_database(tmp_path / "data")
    outside = sqlite3.connect(tmp_path / "data" / "collector.db", isolation_level=None)
    outside.execute("BEGIN IMMEDIATE")

    async def go() -> None:
        waiting = asyncio.create_task(database.write(writer(["ann"], fails=False), quick=True))
        for _ in range(100):
            assert await database.read(lambda conn: conn.execute(text("SELECT 1")).scalar(), quick=True) == 1
            await asyncio.sleep(0.001)
        assert not waiting.done()
        outside.execute("ROLLBACK")
        assert await waiting == 1

    asyncio.run(go())
    outside.close()
    database.close()


def test_the_log_is_copied_while_people_write_and_does_not_grow(db: Database, tmp_path: Path) -> None:
    file, log = tmp_path / "collector.db", tmp_path / "collector.db-wal"
    before = file.stat().st_size
    for number in range(sqlite_log.WRITES_A_COPY):
        db.write_sync(lambda conn, number=number: conn.execute(ADD, {"id": f"{number}" + "x" * 1000}))  # type: ignore[misc]
    assert log.stat().st_size < sqlite_driver.MAX_IDLE_LOG_BYTES / 4  # no commit had a reason to copy it
    until(lambda: file.stat().st_size > before, seconds=30)
    for number in range(2 * sqlite_log.WRITES_A_COPY):
        long = f"{number}" + "x" * 100_000
        db.write_sync(lambda conn, long=long: conn.execute(ADD, {"id": long}))  # type: ignore[misc]
        assert log.stat().st_size < 2 * sqlite_driver.MAX_IDLE_LOG_BYTES
    assert len(names(db)) == 3 * sqlite_log.WRITES_A_COPY


def test_commits_go_on_where_the_log_cannot_be_copied(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "collector.db").write_bytes(b"certainly no database" * 100)
    copier = sqlite_log.LogCopier(tmp_path / "collector.db")
    copier.count(sqlite_log.WRITES_A_COPY - 1)
    copier.count(1)
    copier.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_commits_go_on_where_no_thread_can_be_started(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(sqlite_log.ThreadPoolExecutor, "submit", refuse)
    for number in range(sqlite_log.WRITES_A_COPY + 1):
        db.write_sync(lambda conn, number=number: conn.execute(ADD, {"id": f"n{number}"}))  # type: ignore[misc]
    assert len(names(db)) == sqlite_log.WRITES_A_COPY + 1


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "collector.db").write_bytes(b"certainly no database" * 100)
    with pytest.raises(DatabaseFailed):
        open_database(tmp_path)


def test_the_log_shrinks_when_the_last_reader_has_left(db: Database, tmp_path: Path) -> None:
    log = tmp_path / "collector.db-wal"
    with sqlite3.connect(tmp_path / "collector.db") as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM person").fetchall()
        for number in range(60):
            db.write_sync(lambda conn, number=number: conn.execute(ADD, {"id": f"{number}" + "x" * 200_000}))  # type: ignore[misc]
        db.maintain()
        assert log.stat().st_size > 2 * sqlite_driver.MAX_IDLE_LOG_BYTES
    reader.close()
    db.maintain()
    assert log.stat().st_size <= sqlite_driver.MAX_IDLE_LOG_BYTES
    known = text("SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'person'")
    assert db.read_sync(lambda conn: conn.execute(known).scalar())
