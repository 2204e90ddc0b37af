"""Moving rows and media to another place: copied, compared and switched while the service of the source only reads.

Every step can be stopped at any moment and is continued by the same command. What was begun is said in the databases
(collector.store.read_only), and in this order:

    target filling    no service starts on it, nor on the media there
    media             most of them are copied while the service still writes
    source moving     from now on nothing changes there, whoever runs; the newest media are copied
    rows              they come to the target, and are compared by their digest
    source moved      no service starts on it any more, nor on the media of before
    target            as any other database

Where only the media move, the rows stay in one database. It is moved until a service starts with the media of the new
place: then everything may be changed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from collector.backup.pace import Course
from collector.backup.rows import RowDump, RowReading
from collector.move.media import CopiedMedia, MediaCopy
from collector.move.places import DataPlace, collector_of, one_move
from collector.move.problems import MoveDiffers, MoveToSamePlace, MoveUnderWay
from collector.store.blobs_owner import BlobsElsewhere, mark_of, set_mark
from collector.store.clock import now_text
from collector.store.database import Database
from collector.store.fill import begin_filling, fill_database, open_filled
from collector.store.integrity import RowsDoNotFit, TableRows
from collector.store.read_only import ReadOnly, check_start, find_read_only, set_read_only
from collector.store.sql import Connection
from collector.store.tables import metadata
from wire.base import new_id

REPORTED_ROWS = 500
MOVED = "moved: "  # begins the mark of media that belong to no database any more
Unit = Literal["bytes", "rows"]
Phase = Callable[[str, Unit], Course]
"""Begins a part of the work that has its own bar: "Copy rows" and the like, and what its course counts."""


@dataclass(frozen=True)
class Moved:
    """`digest` is that of rows and blobs, the same at both places; `left_out`: blobs that were missing or damaged."""

    move: str
    rows: int
    blobs: int
    copied_blobs: int
    left_out: tuple[str, ...]
    digest: str
    read_only_seconds: float


def move_data(source: DataPlace, target: DataPlace, phase: Phase, *, without_damaged: bool = False) -> Moved:
    """Copy everything, compare it, and make the target the place of the data. A move that was begun is continued.

    `without_damaged`: media that are missing or damaged at the source stop nothing.

    Raises:
        MoveToSamePlace, MoveUnderWay, MoveDiffers, SourceMediaDamaged, DataMoved, MoveUnfinished, BlobsElsewhere,
        DatabaseNotEmpty, SchemaDiffers, UnknownDatabase, DriverMissing, StorageDriverMissing, DatabaseFailed, DiskFull,
        StorageUnusable.
    """
    if source == target:
        raise MoveToSamePlace(f"The data is in {target.shown} already.")
    with one_move(source.data), source.opened() as database:
        begun, token = database.read_sync(lambda conn: _begun(conn, source, target))
        mark = replace(begun, why="filling", place=source.shown, database=source.shown_database, digest=None)
        media = _media_copy(source, target, begun)
        if begun.why == "moving":
            if not begun.rows_stay:
                schema = database.read_sync(lambda conn: RowReading(conn).schema)
                begin_filling(target.data, target.database, schema, mark)
            if media is not None:
                _claim(target, begun, token)
                _copy_media(media, database, phase("Copy media", "bytes"), without_damaged)
            source.write(lambda conn: _enter(conn, begun))
            if media is not None:
                _copy_media(media, database, phase("Copy the newest media", "bytes"), without_damaged)
                media.finish(database)
                media.target.write_mark(token)
            rows = _copy(database, target, mark, phase) if not begun.rows_stay else _read_all(database, phase)
            begun = replace(begun, why="moved", digest=rows.digest)
            source.write(lambda conn: _leave(conn, begun, token))
        else:
            rows = _read_all(database, phase)
        if media is not None:
            media.source.write_mark(f"{MOVED}{begun.move}")
            media.done.remove()
        if not begun.rows_stay:
            open_filled(target.data, target.database, mark, token)
    return Moved(
        begun.move,
        sum(table.rows for table in rows.tables),
        rows.blobs.rows,
        len(media.done.keys) if media is not None else 0,
        tuple(sorted(media.left_out)) if media is not None else (),
        rows.digest,
        (datetime.now(UTC) - datetime.fromisoformat(begun.at)).total_seconds(),
    )


def _media_copy(source: DataPlace, target: DataPlace, begun: ReadOnly) -> MediaCopy | None:
    """None: the media stay where they are."""
    if source.media == target.media:
        return None
    place = hashlib.sha256((target.shown_media or "folder").encode()).hexdigest()[:16]
    return MediaCopy(source.blobs(), target.blobs(), CopiedMedia(source.data / f"move-{place}.copied"))


def _claim(target: DataPlace, begun: ReadOnly, token: str) -> None:
    """From now on no service starts with the media there. Raises BlobsElsewhere: they are another collector's."""
    found = target.blobs().read_mark()
    if found is None:
        target.blobs().write_mark(f"{MOVED}to {begun.move}")
    elif found != token and not found.startswith(MOVED):
        raise BlobsElsewhere(
            f"The media in {target.shown_media or target.data} belong to another collector.",
            hint="Name a folder of its own for the media of this one: --to-blobs s3://bucket/folder.",
        )


def _copy_media(media: MediaCopy, database: Database, course: Course, without_damaged: bool) -> None:
    media.copy(database, course)
    if not without_damaged:
        media.check_left_out()


def _begun(conn: Connection, source: DataPlace, target: DataPlace) -> tuple[ReadOnly, str]:
    """What is said at the source, or will be, and the mark by which the media are known at their new place.

    Raises:
        MoveUnderWay, DataMoved, MoveUnfinished, BlobsElsewhere.
    """
    state, known = find_read_only(conn), mark_of(conn)
    here = source.blobs().read_mark()
    if state is None:
        if here is not None and (here.startswith(MOVED) or known not in (None, here)):
            raise BlobsElsewhere("The media of this database lie elsewhere than the settings say.")
        state = ReadOnly(
            "moving",
            new_id("move"),
            now_text(),
            target.shown,
            database=target.shown_database,
            blobs=target.shown_media,
            rows_stay=source.database == target.database,
            collector=collector_of(conn),
        )
    if state.why == "moved" and not state.rows_stay:
        there = target.read_only()
        if not target.is_of(state) or there is None or there.move != state.move:
            check_start(state)
    elif state.why == "filling":
        check_start(state)
    elif not target.is_of(state):
        raise MoveUnderWay(f"A move to {state.place} was begun and has not ended.")
    if state.why == "moved":
        here = target.blobs().read_mark()
    return state, known or here or state.move


def _enter(conn: Connection, state: ReadOnly) -> None:
    _must_be(conn, None, state)
    set_read_only(conn, state)


def _leave(conn: Connection, moved: ReadOnly, token: str) -> None:
    _must_be(conn, moved)
    set_read_only(conn, moved)
    if moved.rows_stay:
        set_mark(conn, token)


def _must_be(conn: Connection, *expected: ReadOnly | None) -> None:
    """Nobody has begun another move, or gone back, since this one looked. Raises MoveUnderWay."""
    found = find_read_only(conn)
    if (found and found.move) not in [state and state.move for state in expected]:
        raise MoveUnderWay("Somebody else has begun a move of this data, or went back from this one.")


def _copy(source: Database, target: DataPlace, mark: ReadOnly, phase: Phase) -> RowDump:
    """Fill the target. Returns what was read; what is there is the same. Raises MoveDiffers, DatabaseFailed."""

    def copy(conn: Connection) -> tuple[RowDump, RowDump]:
        reading, course = RowReading(conn), phase("Copy rows", "rows")
        course.begin(_count(conn))
        tables = _reported(reading.tables(), course)
        there = fill_database(
            target.data,
            target.database,
            reading.schema,
            mark,
            tables,
            lambda conn: _read(conn, phase("Compare rows", "rows")),
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


def _read_all(database: Database, phase: Phase) -> RowDump:
    return database.read_sync(lambda conn: _read(conn, phase("Compare rows", "rows")))


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
