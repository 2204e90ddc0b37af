"""Databases for tests, on both engines: new ones, copied from one that was migrated once, and those of a data folder.

`GLEANER_TEST_DATABASE=postgresql` (`make test-postgres`) has every test that names no engine run on PostgreSQL.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest
import typer
from typer.testing import CliRunner, Result

from collector.store.database import Database
from collector.store.open import open_database, open_reader
from collector.store.sql import Connection
from collector.store.sqlite_driver import SqliteConnection
from tests.support import postgres

Engine = Literal["sqlite", "postgresql"]
ENGINES: tuple[Engine, ...] = ("sqlite", "postgresql")
NAME = "collector.db"
# The PostgreSQL databases of data folders; a folder that is not here has SQLite.
_ADDRESSES: dict[Path, str] = {}

# A module or test that runs on both engines in `make test`.
on_both = pytest.mark.both_databases


def engine_of_run() -> Engine:
    return "postgresql" if os.environ.get("GLEANER_TEST_DATABASE") == "postgresql" else "sqlite"


only_sqlite = pytest.mark.skipif(engine_of_run() != "sqlite", reason="it looks at what SQLite alone does")


def new_database(folder: Path, engine: Engine | None = None) -> Database:
    """A database without rows, for a data folder that may have to be made."""
    migrated(folder, engine)
    return reopened(folder)


def migrated(folder: Path, engine: Engine | None = None) -> None:
    """Gives an empty database of this version to a data folder."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (engine or engine_of_run()) == "postgresql":
        _ADDRESSES[folder] = postgres.new_address()
        return
    path = folder / NAME
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(_empty())


def drop_since(count: int) -> None:
    """Drop the PostgreSQL databases that were made after so many."""
    made = list(_ADDRESSES)[count:]
    for address in dict.fromkeys(_ADDRESSES.pop(folder) for folder in made):
        if address not in _ADDRESSES.values():
            postgres.drop(address)


def databases_made() -> int:
    return len(_ADDRESSES)


def unmigrated(folder: Path, engine: Engine | None = None) -> str | None:
    """Gives a database without tables to a data folder; returns its address, None for SQLite."""
    if (engine or engine_of_run()) == "postgresql":
        _ADDRESSES[folder] = postgres.new_address(migrated=False)
    return address_of(folder)


def address_of(folder: Path) -> str | None:
    """Of the database of a data folder; None: a file in it. A folder that has none yet gets one without tables."""
    if folder not in _ADDRESSES and engine_of_run() == "postgresql" and not (folder / NAME).exists():
        unmigrated(folder)
    return _ADDRESSES.get(folder)


def share(folder: Path, other: Path) -> None:
    """The data folder `other` has the same PostgreSQL database as `folder`."""
    _ADDRESSES[other] = _ADDRESSES[folder]


def moved(folder: Path, address: str | None) -> None:
    """From now on the rows of a data folder are at another address, or without one in a file of it."""
    _ADDRESSES.pop(folder, None)
    if address is not None:
        _ADDRESSES[folder] = address


@contextlib.contextmanager
def with_address(address: str, *folders: Path) -> Iterator[None]:
    """Meanwhile these data folders have a PostgreSQL database that is not one of the run's own server."""
    _ADDRESSES.update(dict.fromkeys(folders, address))
    try:
        yield
    finally:
        for folder in folders:
            del _ADDRESSES[folder]


def reopened(folder: Path) -> Database:
    """The one writer of a data folder."""
    return open_database(folder, address_of(folder))


def reader(folder: Path) -> Database:
    return open_reader(folder, address_of(folder))


def environment_of(folder: Path) -> dict[str, str]:
    """For a process that uses the data folder."""
    address = address_of(folder)
    return {} if address is None else {"GLEANER_COLLECTOR_DATABASE": address}


def command(app: typer.Typer, words: list[str], folder: Path) -> Result:
    """`gleaner collector WORDS…` in this process, on the database of a data folder."""
    return CliRunner().invoke(app, words, env=environment_of(folder))


@contextlib.contextmanager
def rows_of(folder: Path) -> Iterator[Connection]:
    """A connection beside those of the service; each statement commits at once."""
    address = address_of(folder)
    if address is None:
        conn = SqliteConnection(folder / NAME)
        with contextlib.closing(conn.driver):
            yield conn
        return
    from collector.store.postgres_driver import PostgresConnection

    with contextlib.closing(PostgresConnection(address)) as other:
        yield other


@contextlib.contextmanager
def writer_held(folder: Path) -> Iterator[None]:
    """Meanwhile nobody else can write."""
    with rows_of(folder) as conn:
        if address_of(folder) is None:
            conn.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            from collector.store.postgres import BEGIN

            conn.exec_driver_sql("; ".join(BEGIN))
        yield
        conn.exec_driver_sql("ROLLBACK")


def forget(folder: Path) -> None:
    """As if the database of a data folder was lost: its file is gone, or the server has an empty one."""
    if address_of(folder) is not None:
        unmigrated(folder, "postgresql")
    for name in (NAME, f"{NAME}-wal", f"{NAME}-shm"):
        (folder / name).unlink(missing_ok=True)


def note_statements(patch: pytest.MonkeyPatch, note: Callable[[str, Any], None]) -> None:
    """Have `note` called with each statement that is run, on either engine, and its values."""
    classes: list[Any] = [SqliteConnection]
    with contextlib.suppress(ImportError):
        from collector.store.postgres_driver import PostgresConnection

        classes.append(PostgresConnection)
    for one in classes:

        def execute(conn: Any, statement: Any, values: Any = None, run: Any = one.execute) -> Any:
            note(str(statement), values)
            return run(conn, statement, values)

        patch.setattr(one, "execute", execute)


@cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory() as name:
        open_database(name).close()
        return Path(name, NAME).read_bytes()
