"""What the engine itself finds wrong with a database, and filling an empty one from saved rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from collector.store.database import Fn
from collector.store.migrate import make_database
from collector.store.sql import Connection
from collector.store.sqlite_driver import SqliteConnection, failed
from wire.files import put_in_place

T = TypeVar("T")
MAX_FAULTS = 100
# Name, columns, rows with a value per column.
TableRows = tuple[str, Sequence[str], Iterable[Sequence[Any]]]


class RowsDoNotFit(Exception):
    """Rows break a rule of the tables; the text says which."""


def engine_faults(conn: Connection) -> Iterator[tuple[str, str]]:
    """Where something is wrong, and a sentence; at most 100 of the file and 100 of references between rows.

    Nothing on PostgreSQL, whose server reads no damaged page and holds every reference.
    """
    if not isinstance(conn, SqliteConnection):
        return
    for row in conn.exec_driver_sql(f"PRAGMA integrity_check({MAX_FAULTS})").all():
        if row[0] != "ok":
            yield "collector.db", str(row[0])
    for row in conn.exec_driver_sql("PRAGMA foreign_key_check").all()[:MAX_FAULTS]:
        yield f"table {row[0]}", f"A row refers to a row of {row[2]} that is missing."


def build_database(path: Path, schema: str, tables: Iterable[TableRows], check: Fn[T]) -> T:
    """A database of a schema with these rows, which gets its name last; returns what `check` found in it.

    What was in the way of an earlier attempt is removed. Triggers are away meanwhile: the rows are what they would do.

    Raises:
        DatabaseFailed, RowsDoNotFit, OSError, and what `tables` and `check` raise: there is no database then.
    """
    made = path.with_name(f".{path.name}.part")
    for name in (made.name, f"{made.name}-wal", f"{made.name}-shm", f"{made.name}-journal"):
        path.with_name(name).unlink(missing_ok=True)
    make_database(made, schema)
    try:
        conn = SqliteConnection(made)
        try:
            conn.driver.execute("PRAGMA foreign_keys=OFF")
            conn.driver.execute("PRAGMA synchronous=OFF")  # the whole file is synced before it gets its name
            with _transaction(conn.driver):
                _fill(conn.driver, tables)
            with _transaction(conn.driver):
                found = check(conn)
            conn.driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            conn.driver.execute("PRAGMA journal_mode=DELETE")
        finally:
            conn.driver.close()
    except sqlite3.IntegrityError as error:
        raise RowsDoNotFit(str(error)) from error
    except sqlite3.Error as error:
        raise failed(error) from error
    put_in_place(made, path)
    return found


@contextmanager
def _transaction(driver: sqlite3.Connection) -> Iterator[None]:
    driver.execute("BEGIN IMMEDIATE")
    yield
    driver.execute("COMMIT")


def _fill(driver: sqlite3.Connection, tables: Iterable[TableRows]) -> None:
    triggers = driver.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _sql in triggers:
        driver.execute(f'DROP TRIGGER "{name}"')
    for table, columns, rows in tables:
        names, places = ", ".join(f'"{name}"' for name in columns), ", ".join("?" for _ in columns)
        driver.execute(f'DELETE FROM "{table}"')  # what migrations have put there
        driver.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({places})', rows)
    for _name, sql in triggers:
        driver.execute(sql)
    wrong = driver.execute("PRAGMA foreign_key_check").fetchone()
    if wrong is not None:
        raise RowsDoNotFit(f"a row of {wrong[0]} refers to a row of {wrong[2]} that is missing")
