"""Filling a new database, of either engine, with the rows of another place. Until it is opened no service starts on it.

It is marked first of all, while it has no rows, so that nobody begins there meanwhile. Then SQLite gets a file that
takes the place of the marked one: one that was interrupted is made anew. PostgreSQL gets a piece of a table per
transaction, and an interrupted filling continues behind the last of them: `tables` give the same rows each time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from collector.store.blobs_local import disk_errors
from collector.store.blobs_owner import set_mark
from collector.store.database import Fn
from collector.store.integrity import RowsDoNotFit, TableRows, build_database
from collector.store.open import database_file, standing, write_next_to_service
from collector.store.private import private_folder
from collector.store.read_only import ReadOnly, end_read_only, set_read_only
from collector.store.sql import Connection
from collector.store.tables.service import BUT_THOSE
from collector.store.upgrade_copies import close_log
from wire.errors import GleanerError
from wire.files import sync_folder

if TYPE_CHECKING:
    from collector.store.postgres_driver import PostgresConnection

T = TypeVar("T")
PIECE_ROWS = 500
MOVED_FOLDER = "moved"


class DatabaseNotEmpty(GleanerError):
    """Rows are to be copied into a database that has some already."""

    code = "database-not-empty"
    status = 409
    exit_code = 2
    hint = (
        "Name an empty database; for PostgreSQL, make one:"
        " createdb --template=template0 --encoding=UTF8 --locale=C NAME."
    )


def fill_database(
    data: Path, address: str | None, schema: str, mark: ReadOnly, tables: Iterable[TableRows], check: Fn[T]
) -> T:
    """Rows of every table into an empty database, or into one that was begun with the same mark.

    Returns what `check` found in it. Call `open_filled` when everything else is in its place, too.

    Raises:
        DatabaseNotEmpty, DatabaseFailed, RowsDoNotFit, StorageUnusable, DiskFull, and what `tables` and `check` raise.
    """
    begin_filling(data, address, schema, mark)
    if address is not None:
        return _fill_postgres(address, tables, check)
    path = database_file(data)

    def check_and_mark(conn: Connection) -> T:
        found = check(conn)
        set_read_only(conn, mark)
        return found

    with disk_errors("The database could not be made"):
        close_log(path)
        return build_database(path, schema, tables, check_and_mark)


def open_filled(data: Path, address: str | None, mark: ReadOnly, media_mark: str | None = None) -> None:
    """From now on a service may start on it, with the media that have this mark; None: with those of its rows.

    Nothing happens where that was so already. Raises DatabaseFailed.
    """

    def end(conn: Connection) -> None:
        end_read_only(conn)
        if media_mark is not None:
            set_mark(conn, media_mark)

    found = standing(data, address).read_only
    if found is not None and found.why == "filling" and found.move == mark.move:
        write_next_to_service(data, address, end)


def begin_filling(data: Path, address: str | None, schema: str, mark: ReadOnly) -> None:
    """The tables of a schema with no rows, and the mark: from now on no service starts there.

    Nothing happens where that was so already.

    Raises:
        DatabaseNotEmpty, DatabaseFailed, StorageUnusable, DiskFull.
    """
    if address is not None:
        _begin_postgres(address, schema, mark)
        return
    path = database_file(data)
    state = _replaced(path, mark)
    if state is not None and state.why == "filling" and state.move == mark.move:
        return
    with disk_errors("The database could not be made"):
        private_folder(data)
        if state is not None:
            _set_aside(path, state)
        build_database(path, schema, (), lambda conn: set_read_only(conn, mark))


def _set_aside(path: Path, state: ReadOnly) -> None:
    """What was moved from here goes into the folder `moved`; what an interrupted filling has left is replaced."""
    close_log(path)
    if state.why != "moved":
        return
    folder = path.parent / MOVED_FOLDER
    private_folder(folder)
    kept = folder / f"{state.at[:19].replace('-', '').replace(':', '')}Z.db"
    if not (kept.exists() and kept.samefile(path)):
        os.link(path, kept)
        sync_folder(folder)


def _replaced(path: Path, mark: ReadOnly) -> ReadOnly | None:
    """What is said of a database that may be replaced; None: there is none.

    Raises:
        DatabaseNotEmpty: it is neither half-made nor that which the rows of this collector once moved from.
    """
    if not path.exists():
        return None
    state = standing(path.parent).read_only
    if state is None or not (_is_same(state, mark) or (state.why == "moved" and _is_of(state, mark))):
        raise DatabaseNotEmpty(f"There is a database in {path.parent} already.")
    return state


def _is_same(state: ReadOnly, mark: ReadOnly) -> bool:
    return state.why == "filling" and (state.move == mark.move or _is_of(state, mark))


def _is_of(state: ReadOnly, mark: ReadOnly) -> bool:
    """Whether both speak of one collector; one that devices never met is known by its place."""
    return state.collector == mark.collector and (state.collector is not None or state.place == mark.place)


def _must_begin_anew(schema: str | None, state: ReadOnly | None, mark: ReadOnly) -> bool:
    """Whether nothing is there, or an attempt that was given up. Raises DatabaseNotEmpty."""
    if schema is None:
        return True
    if state is None or not _is_same(state, mark):
        raise DatabaseNotEmpty("The PostgreSQL database has rows of a collector already.")
    return state.move != mark.move


# ---------------------------------------------------------------------- PostgreSQL
def _begin_postgres(address: str, schema: str, mark: ReadOnly) -> None:
    from collector.store.migrate import make_postgres

    found = standing(Path(), address)
    if _must_begin_anew(found.schema, found.read_only, mark):
        make_postgres(address, schema, lambda conn: _begin(conn, mark))


def _fill_postgres(address: str, tables: Iterable[TableRows], check: Fn[T]) -> T:
    import psycopg

    from collector.store.postgres_driver import PostgresConnection, failed

    try:
        with contextlib.closing(PostgresConnection(address, settings="SET synchronous_commit = off")) as conn:
            for name, columns, rows in tables:
                _fill_table(conn, name, columns, iter(rows))
            _finish(conn)
            conn.begin("BEGIN ISOLATION LEVEL REPEATABLE READ")
            value = check(conn)
            conn.roll_back()
            conn.exec_driver_sql("ANALYZE")
            return value
    except (psycopg.IntegrityError, psycopg.DataError) as error:
        raise RowsDoNotFit(" ".join(str(error).split())) from error
    except psycopg.Error as error:
        raise failed(error) from error


def _begin(conn: Connection, mark: ReadOnly) -> None:
    """No rows, not even those that migrations make, and no triggers: the rows are what these would do."""
    names = list(conn.exec_driver_sql(_TABLES).scalars())
    conn.exec_driver_sql(f"TRUNCATE {', '.join(names)}")
    set_read_only(conn, mark)
    for name in conn.exec_driver_sql(_TRIGGERED).scalars():
        conn.exec_driver_sql(f"ALTER TABLE {name} DISABLE TRIGGER USER")


_TABLES = (
    "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()"
    " AND tablename <> 'alembic_version'"
)
_TRIGGERED = "SELECT DISTINCT CAST(CAST(tgrelid AS regclass) AS text) FROM pg_trigger WHERE NOT tgisinternal"
_NUMBERED = (
    "SELECT * FROM (SELECT quote_ident(table_name) AS name, quote_ident(column_name) AS number,"
    " pg_get_serial_sequence(quote_ident(table_name), column_name) AS sequence FROM information_schema.columns"
    " WHERE table_schema = current_schema()) AS found WHERE sequence IS NOT NULL"
)


def _fill_table(conn: PostgresConnection, name: str, columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> None:
    import psycopg

    some = f" WHERE {BUT_THOSE}" if name == "service_state" else ""
    there = conn.exec_driver_sql(f'SELECT count(*) FROM "{name}"{some}').scalar()
    for _row in islice(rows, there):
        pass
    names = ", ".join(f'"{column}"' for column in columns)
    while piece := list(islice(rows, PIECE_ROWS)):
        with (
            conn.driver.transaction(),
            conn.driver.cursor() as cursor,
            cursor.copy(f'COPY "{name}" ({names}) FROM STDIN') as copy,
        ):
            for row in piece:
                try:
                    copy.write_row(row)
                except psycopg.DataError as error:
                    has_zero = any(isinstance(value, str) and "\0" in value for value in row)
                    reason = "a text of it has the character U+0000" if has_zero else str(error)
                    raise RowsDoNotFit(f"PostgreSQL cannot store the row {row[0]} of {name}: {reason}") from error


def _finish(conn: PostgresConnection) -> None:
    """Triggers work again, and the next row that is numbered gets a number that none has. On disk with all before."""
    numbered = conn.exec_driver_sql(_NUMBERED).all()
    triggered = list(conn.exec_driver_sql(_TRIGGERED).scalars())
    with conn.driver.transaction():
        conn.exec_driver_sql("SET LOCAL synchronous_commit = on")
        for row in numbered:
            conn.exec_driver_sql(
                f"SELECT setval('{row.sequence}', coalesce(max({row.number}), 1), max({row.number}) IS NOT NULL)"
                f" FROM {row.name}"
            )
        for name in triggered:
            conn.exec_driver_sql(f"ALTER TABLE {name} ENABLE TRIGGER USER")
