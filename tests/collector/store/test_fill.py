"""Filling a database of either engine from rows: continued wherever it stopped, and never over what is not its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collector.backup.rows import RowReading, dump_rows
from collector.store.database import Database
from collector.store.fill import DatabaseNotEmpty, begin_filling, fill_database, open_filled
from collector.store.integrity import RowsDoNotFit
from collector.store.open import open_database, standing
from collector.store.read_only import MoveUnfinished, ReadOnly, set_read_only
from collector.store.schema import newest_schema
from collector.store.sql import Connection, text
from tests.collector.backup.saving import furnish
from tests.collector.review.filled import Filled
from tests.support.databases import Engine, address_of, on_both, unmigrated

MARK = ReadOnly("filling", "move-1", "2026-11-30T08:00:00Z", "elsewhere", collector="ab" * 32)
pytestmark = on_both


class CutOff(Exception):
    """Where a test stops the work."""


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Database]:
    filled = Filled(tmp_path / "source", "sqlite")
    furnish(filled)
    yield filled.db
    filled.db.close()


@pytest.fixture
def to(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("collector.store.fill.PIECE_ROWS", 3)
    (tmp_path / "to").mkdir()
    unmigrated(tmp_path / "to", engine)
    return tmp_path / "to"


def fill(source: Database, to: Path, mark: ReadOnly = MARK, stop_at: int | None = None) -> str:
    def copy(conn: Connection) -> str:
        reading, seen = RowReading(conn), [0]

        def counted(rows: Any) -> Iterator[Any]:
            for row in rows:
                seen[0] += 1
                if seen[0] == stop_at:
                    raise CutOff
                yield row

        tables = ((name, columns, counted(rows)) for name, columns, rows in reading.tables())
        found = fill_database(to, address_of(to), reading.schema, mark, tables, dump_rows)
        assert found.digest == reading.dump().digest
        return found.digest

    return source.read_sync(copy)


def test_the_same_rows_are_there_wherever_it_was_stopped(source: Database, to: Path) -> None:
    rows = sum(table.rows for table in source.read_sync(dump_rows).tables)
    for stop_at in (1, 2, rows // 3, rows // 2, rows):
        with pytest.raises(CutOff):
            fill(source, to, stop_at=stop_at)
    digest = fill(source, to)
    assert fill(source, to) == digest  # and once more: nothing is left to do
    with pytest.raises(MoveUnfinished):
        open_database(to, address_of(to))
    open_filled(to, address_of(to), replace(MARK, move="another"))
    with pytest.raises(MoveUnfinished):
        open_database(to, address_of(to))
    open_filled(to, address_of(to), MARK)
    database = open_database(to, address_of(to))
    assert database.read_sync(dump_rows).digest == digest == source.read_sync(dump_rows).digest
    database.close()


def test_numbers_and_triggers_work_as_in_any_other(source: Database, to: Path) -> None:
    fill(source, to)
    open_filled(to, address_of(to), MARK)
    database = open_database(to, address_of(to))

    def add_look(conn: Connection) -> int:
        conn.execute(
            "INSERT INTO look (person_id, capture_id, at, why)"
            " SELECT person.id, capture.id, 'now', 'test' FROM person, capture LIMIT 1"
        )
        conn.execute("INSERT INTO job (kind, key, payload, state, attempts, not_before, created_at)"
                     " VALUES ('k', 'new', '{}', 'done', 0, '', '')")  # fmt: skip
        return int(conn.execute("SELECT id FROM job WHERE key = 'new'").scalar_one())

    jobs = source.read_sync(lambda conn: conn.execute("SELECT coalesce(max(id), 0) FROM job").scalar_one())
    assert database.write_sync(add_look) == jobs + 1
    before = waiting(database)
    database.write_sync(lambda conn: conn.execute("UPDATE task SET state = 'abandoned' WHERE state = 'open'"))
    assert waiting(database) < before
    database.close()


def waiting(database: Database) -> int:
    return int(database.read_sync(lambda conn: conn.execute("SELECT sum(tasks) FROM waiting").scalar_one()))


def test_another_collectors_rows_are_never_replaced(source: Database, to: Path, tmp_path: Path) -> None:
    fill(source, to)
    foreign = replace(MARK, move="move-2", collector="cd" * 32)
    attempts: list[Callable[[], Any]] = [
        lambda: fill(source, to, foreign),
        lambda: begin_filling(to, address_of(to), newest_schema(), foreign),
        lambda: fill(source, to, replace(foreign, collector=None)),
    ]
    open_filled(to, address_of(to), MARK)
    attempts += [lambda: fill(source, to), lambda: begin_filling(to, address_of(to), newest_schema(), MARK)]
    for attempt in attempts:
        with pytest.raises(DatabaseNotEmpty):
            attempt()


def test_what_an_earlier_move_of_the_same_collector_left_is_begun_anew(source: Database, to: Path) -> None:
    with pytest.raises(CutOff):
        fill(source, to, stop_at=40)
    source.write_sync(lambda conn: conn.execute(text("DELETE FROM look")))
    source.write_sync(lambda conn: conn.execute(text("DELETE FROM service_state WHERE name <> 'verify_key'")))
    begin_filling(to, address_of(to), newest_schema(), replace(MARK, move="move-2"))
    fill(source, to, replace(MARK, move="move-2"))


def test_nobody_begins_where_rows_are_to_come(source: Database, to: Path) -> None:
    never_met = replace(MARK, collector=None)
    begin_filling(to, address_of(to), newest_schema(), never_met)
    with pytest.raises(MoveUnfinished):
        open_database(to, address_of(to))
    for foreign in (MARK, replace(never_met, move="move-2", place="somewhere else")):
        with pytest.raises(DatabaseNotEmpty):
            begin_filling(to, address_of(to), newest_schema(), replace(foreign, move="move-2"))
    again = replace(never_met, move="move-2")  # of a collector that no service has run, known by its place
    digest = fill(source, to, again)
    open_filled(to, address_of(to), again)
    database = open_database(to, address_of(to))
    assert database.read_sync(dump_rows).digest == digest
    database.close()


def test_one_that_was_begun_before_an_upgrade_gets_the_tables_of_now(source: Database, to: Path) -> None:
    begin_filling(to, address_of(to), "0018", MARK)
    again = replace(MARK, move="move-2")
    fill(source, to, again)
    assert standing(to, address_of(to)) == (newest_schema(), again)


def test_rows_that_postgresql_cannot_store_are_said(source: Database, to: Path) -> None:
    name = text("UPDATE person SET name = :name")
    source.write_sync(lambda conn: conn.execute(name, {"name": "a\0b"}))
    if address_of(to) is None:
        fill(source, to)
        return
    with pytest.raises(RowsDoNotFit, match="person"):
        fill(source, to)


def test_a_database_that_was_moved_from_is_set_aside(source: Database, to: Path) -> None:
    fill(source, to)
    open_filled(to, address_of(to), MARK)
    database = open_database(to, address_of(to))
    database.close()
    from collector.store.open import write_next_to_service

    write_next_to_service(to, address_of(to), lambda conn: set_read_only(conn, replace(MARK, why="moved")))
    if address_of(to) is not None:
        with pytest.raises(DatabaseNotEmpty):
            fill(source, to, replace(MARK, move="move-2"))
        return
    fill(source, to, replace(MARK, move="move-2"))
    assert [path.name for path in (to / "moved").iterdir()] == ["20261130T080000Z.db"]
