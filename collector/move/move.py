"""Moving rows to another database: copied, compared and switched while the service of the source only reads.

Every step can be stopped at any moment and is continued by the same command. What was begun is said in both databases
(collector.store.read_only), and in this order:

    source moving     from now on nothing changes there, whoever runs
    target filling    no service starts on it; the rows come, and are compared by their digest
    source moved      no service starts on it any more
    target            as any other database
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from collector.backup.pace import Course
from collector.backup.rows import RowDump, RowReading
from collector.move.places import DataPlace, collector_of, one_move
from collector.move.problems import MoveDiffers, MoveToSamePlace, MoveUnderWay
from collector.store.clock import now_text
from collector.store.database import Database
from collector.store.fill import check_fillable, fill_database, open_filled
from collector.store.integrity import RowsDoNotFit, TableRows
from collector.store.read_only import ReadOnly, check_start, find_read_only, set_read_only
from collector.store.sql import Connection
from collector.store.tables import metadata
from wire.base import new_id

REPORTED_ROWS = 500
Phase = Callable[[str], Course]
"""Begins a part of the work that has its own bar: "Copy rows" and the like."""


@dataclass(frozen=True)
class Moved:
    """`digest` is that of rows and blobs, the same at both places."""

    move: str
    rows: int
    blobs: int
    digest: str
    read_only_seconds: float


def move_data(source: DataPlace, target: DataPlace, phase: Phase) -> Moved:
    """Copy everything, compare it, and make the target the place of the data. A move that was begun is continued.

    Raises:
        MoveToSamePlace, MoveUnderWay, MoveDiffers, DataMoved, MoveUnfinished, DatabaseNotEmpty, SchemaDiffers,
        UnknownDatabase, DriverMissing, DatabaseFailed, DiskFull, StorageUnusable.
    """
    if source == target:
        raise MoveToSamePlace(f"The data is in {target.shown} already.")
    with one_move(source.data), source.opened() as database:
        begun, marks = database.read_sync(lambda conn: _begun(conn, source, target))
        if begun.why == "moving":
            check_fillable(target.data, target.database, marks)
            source.write(lambda conn: _enter(conn, begun))
            rows = _copy(database, target, marks, phase)
            begun = replace(begun, why="moved", digest=rows.digest)
            source.write(lambda conn: _leave(conn, begun))
        else:
            rows = database.read_sync(lambda conn: _read(conn, phase("Compare rows")))
        open_filled(target.data, target.database, marks)
    return Moved(
        begun.move,
        sum(table.rows for table in rows.tables),
        rows.blobs.rows,
        rows.digest,
        (datetime.now(UTC) - datetime.fromisoformat(begun.at)).total_seconds(),
    )


def _begun(conn: Connection, source: DataPlace, target: DataPlace) -> tuple[ReadOnly, ReadOnly]:
    """What is said at the source, or will be, and what is at the target.

    Raises:
        MoveUnderWay, DataMoved, MoveUnfinished.
    """
    state, collector = find_read_only(conn), collector_of(conn)
    if state is None:
        state = ReadOnly("moving", new_id("move"), now_text(), target.shown, collector=collector)
    mark = ReadOnly("filling", state.move, state.at, source.shown, collector=collector)
    if state.why == "moved":
        there = target.read_only()
        if state.place != target.shown or there is None or there.move != state.move:
            check_start(state)
    elif state.why == "filling":
        check_start(state)
    elif state.place != target.shown:
        raise MoveUnderWay(f"A move to {state.place} was begun and has not ended.")
    return state, mark


def _enter(conn: Connection, state: ReadOnly) -> None:
    _must_be(conn, None, state)
    set_read_only(conn, state)


def _leave(conn: Connection, moved: ReadOnly) -> None:
    _must_be(conn, moved)
    set_read_only(conn, moved)


def _must_be(conn: Connection, *expected: ReadOnly | None) -> None:
    """Nobody has begun another move, or gone back, since this one looked. Raises MoveUnderWay."""
    found = find_read_only(conn)
    if (found and found.move) not in [state and state.move for state in expected]:
        raise MoveUnderWay("Somebody else has begun a move of this data, or went back from this one.")


def _copy(source: Database, target: DataPlace, mark: ReadOnly, phase: Phase) -> RowDump:
    """Fill the target. Returns what was read; what is there is the same. Raises MoveDiffers, DatabaseFailed."""

    def copy(conn: Connection) -> tuple[RowDump, RowDump]:
        reading, course = RowReading(conn), phase("Copy rows")
        course.begin(_count(conn))
        tables = _reported(reading.tables(), course)
        there = fill_database(
            target.data, target.database, reading.schema, mark, tables, lambda conn: _read(conn, phase("Compare rows"))
        )
        return reading.dump(), there

    try:
        here, there = source.read_sync(copy)
    except RowsDoNotFit as error:
        raise MoveDiffers(f"Rows cannot be copied: {error}.", tables=[]) from error
    if here.digest != there.digest:
        pairs = zip((*here.tables, here.blobs), (*there.tables, there.blobs), strict=True)
        names = [one.name for one, other in pairs if one.sha256 != other.sha256]
        raise MoveDiffers(f"These tables differ from what was copied: {', '.join(names)}.", tables=names)
    return here


def _read(conn: Connection, course: Course) -> RowDump:
    """Every row, once more."""
    reading = RowReading(conn)
    course.begin(_count(conn))
    for _name, _columns, rows in _reported(reading.tables(), course):
        for _row in rows:
            pass
    return reading.dump()


def _count(conn: Connection) -> int:
    counts = (conn.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar() for name in metadata.tables)
    return sum(map(int, counts))


def _reported(tables: Iterable[TableRows], course: Course) -> Iterator[TableRows]:
    for name, columns, rows in tables:
        yield name, columns, _in_course(rows, course)


def _in_course(rows: Iterable[Sequence[Any]], course: Course) -> Iterator[Sequence[Any]]:
    count = 0
    for count, row in enumerate(rows, 1):
        yield row
        if count % REPORTED_ROWS == 0:
            course.advance(REPORTED_ROWS)
    course.advance(count % REPORTED_ROWS)
