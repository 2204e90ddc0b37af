"""Rows that may not be changed: every writer refuses from the commit on that says so, whoever it was told by."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from collector.store.database import Database
from collector.store.migrate import make_database
from collector.store.open import open_database, write_next_to_service
from collector.store.read_only import (
    DataMoved,
    DataReadOnly,
    MoveUnfinished,
    ReadOnly,
    end_read_only,
    find_read_only,
    set_read_only,
)
from collector.store.sql import Connection, text
from tests.support.databases import address_of, new_database, on_both, reopened, rows_of

STATE = ReadOnly("moving", "move-1", "2026-11-30T08:00:00Z", "postgresql://db/gleaner")
ADD = text("INSERT INTO person (id, name, role, created_at) VALUES (:id, :id, 'lead', '')")
pytestmark = on_both


def add(db: Database, name: str) -> int:
    return db.write_sync(lambda conn: conn.execute(ADD, {"id": name}).rowcount)


def people(conn: Connection) -> list[str]:
    return list(conn.execute(text("SELECT id FROM person ORDER BY id")).scalars())


def set_from_outside(folder: Path, state: ReadOnly) -> None:
    write_next_to_service(folder, address_of(folder), lambda conn: set_read_only(conn, state))


def test_every_write_is_refused_until_it_ends(db: Database, tmp_path: Path) -> None:
    add(db, "ann")
    set_from_outside(tmp_path, STATE)

    async def write(quick: bool) -> None:
        await db.write(lambda conn: conn.execute(ADD, {"id": "bea"}).rowcount, quick=quick)

    for attempt in (lambda: add(db, "bea"), lambda: asyncio.run(write(False)), lambda: asyncio.run(write(True))):
        with pytest.raises(DataReadOnly) as caught:
            attempt()
        assert "is being moved" in caught.value.message and STATE.place not in caught.value.message
        assert caught.value.facts["retry_after"] > 0
    assert db.read_sync(people) == ["ann"] and db.read_sync(find_read_only) == STATE
    write_next_to_service(tmp_path, address_of(tmp_path), end_read_only)
    assert add(db, "bea") == 1


def test_writes_that_wait_behind_the_change_are_refused(db: Database, tmp_path: Path) -> None:
    """The change has its turn; a write that was accepted before its commit comes after it."""
    waiting = []

    def change(conn: Connection) -> None:
        waiting.append(asyncio.run_coroutine_threadsafe(db.write(lambda conn: conn.execute(ADD, {"id": "x"})), loop))
        set_read_only(conn, STATE)

    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(asyncio.to_thread(lambda: None))
        thread = asyncio.ensure_future(
            asyncio.to_thread(write_next_to_service, tmp_path, address_of(tmp_path), change), loop=loop
        )
        loop.run_until_complete(thread)
        with pytest.raises(DataReadOnly):
            loop.run_until_complete(asyncio.wrap_future(waiting[0], loop=loop))
    finally:
        loop.close()
    assert db.read_sync(people) == []


def test_a_change_beside_that_fails_leaves_nothing(db: Database, tmp_path: Path) -> None:
    def change(conn: Connection) -> None:
        set_read_only(conn, STATE)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_next_to_service(tmp_path, address_of(tmp_path), change)
    assert add(db, "ann") == 1


@pytest.mark.parametrize(("why", "error"), [("moving", None), ("moved", DataMoved), ("filling", MoveUnfinished)])
def test_a_start(db: Database, tmp_path: Path, why: str, error: type[Exception] | None) -> None:
    set_from_outside(tmp_path, replace(STATE, why=why))
    db.close()
    if error is None:
        again = reopened(tmp_path)
        with pytest.raises(DataReadOnly):
            add(again, "ann")
        again.close()
        return
    with pytest.raises(error, match="postgresql://db/gleaner"):
        reopened(tmp_path)
    with rows_of(tmp_path) as conn:
        assert people(conn) == []


def test_nothing_is_migrated_while_it_moves(tmp_path: Path) -> None:
    make_database(tmp_path / "collector.db", "0010")
    write_next_to_service(tmp_path, None, lambda conn: set_read_only(conn, STATE))
    with pytest.raises(DataReadOnly, match="migrate"):
        open_database(tmp_path)
    write_next_to_service(tmp_path, None, end_read_only)
    open_database(tmp_path).close()


def test_a_new_database_is_not_read_only(tmp_path: Path, engine: str) -> None:
    database = new_database(tmp_path / "new", engine)  # type: ignore[arg-type]
    assert database.read_sync(find_read_only) is None
    database.close()
