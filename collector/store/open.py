"""Opening a database: the one place that knows which engine an address means."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from collector.store.database import Database, DatabaseDamaged, DatabaseLost, Fn
from collector.store.lock import Work
from collector.store.read_only import DataReadOnly, check_start
from collector.store.schema import Standing, newest_schema, standing_of
from wire.errors import GleanerError

T = TypeVar("T")
POSTGRES = ("postgresql://", "postgres://")
INSTALL = "pip install 'gleaner-suite[postgres]'"
RESTORE_MARK = "restore.json"  # in a data folder as long as its restore has not ended well


class RestoreUnfinished(GleanerError):
    """A restore into this data folder was interrupted."""

    code = "restore-unfinished"
    status = 503
    exit_code = 3
    hint = "Run the same `gleaner collector restore` again: it continues with what is missing."


class UnknownDatabase(GleanerError):
    """An address of an engine that this version does not have, or no database where one should be."""

    code = "database-unknown"
    status = 500
    exit_code = 2
    hint = "Give an address like postgresql://user@host/name, or none: rows are then in SQLite, in the data folder."


class DriverMissing(GleanerError):
    """The address is that of a PostgreSQL server, and what talks to it is not installed."""

    code = "database-driver-missing"
    status = 500
    exit_code = 2
    hint = f"Install it: {INSTALL}"


def database_file(url_or_path: str | Path) -> Path:
    """The SQLite file behind an address: `sqlite:///FILE`, a folder, or a file path.

    Raises:
        UnknownDatabase: an address of an engine this version does not have.
    """
    text = str(url_or_path)
    if text.startswith("sqlite:///"):
        return Path(text.removeprefix("sqlite:///"))
    if "://" in text:
        raise UnknownDatabase(f"The database address {text.split('://')[0]}://… is not known here.")
    path = Path(text)
    return path if path.suffix == ".db" else path / "collector.db"


def has_database(data: Path, address: str | None = None) -> bool:
    """Whether a collector has begun here: a file in its data folder, or a schema on its server.

    Raises:
        DatabaseFailed, DriverMissing, UnknownDatabase.
    """
    if address is None:
        return database_file(data).exists()
    return standing(data, address).schema is not None


def standing(data: Path, address: str | None = None) -> Standing:
    """What is known of a database before it is opened.

    Raises:
        DatabaseFailed, DriverMissing, UnknownDatabase.
    """
    return standing_of(database_file(data)) if address is None else _postgres_standing(address)


def open_database(
    data: str | Path, address: str | None = None, *, migrate: bool = True, work: Work = "none"
) -> Database:
    """Open the one writer of a data folder, creating and migrating the database as needed.

    Args:
        data: the folder; without an address the database is a file in it.
        address: of a PostgreSQL database, as libpq reads it.
        work: "alone": this process takes uploads or does jobs, and no other one may; "together": nor may one that is
            alone; "none": neither. A data folder with SQLite has one process anyway.

    Raises:
        DataInUse: another process has the folder open for writing, or may not be at work with this one.
        DatabaseFailed: the server cannot be reached, or its database cannot be used.
        DataMoved, MoveUnfinished: the rows of this database are not here any more, or not yet.
        DataReadOnly: the data is being moved, and would have to be migrated.
        DatabaseLost: there are media and no rows that know them; nothing was touched.
        DriverMissing: there is no psycopg.
        StorageUnusable: the folder cannot be made or written.
        RestoreUnfinished: not everything of a backup is there yet.
        UnknownDatabase: an address of an engine this version does not have.
    """
    if address is not None:
        return _open_postgres(Path(data), address, migrate, work)
    from collector.store.sqlite import SqliteDatabase

    path = database_file(data)
    if (path.parent / RESTORE_MARK).exists():
        raise RestoreUnfinished(f"The data in {path.parent} was not restored to its end.")

    def begin() -> None:
        if _must_migrate(standing_of(path)) and migrate:
            from collector.store.migrate import upgrade_data  # late: it loads SQLAlchemy and Alembic

            upgrade_data(path)

    return SqliteDatabase(path, first=begin)


def _must_migrate(found: Standing) -> bool:
    """Whether a database has to be migrated before it is used. Raises DataMoved, MoveUnfinished, DataReadOnly."""
    check_start(found.read_only)
    is_older = found.schema != newest_schema()
    if is_older and found.read_only is not None:
        raise DataReadOnly(
            f"{found.read_only.sentence()} This version would have to migrate it first.",
            hint="Use the version with which the move was begun until it has ended.",
        )
    return is_older


def open_reader(data: str | Path, address: str | None = None) -> Database:
    """Open a database while the service runs, for reading only: reports, exports.

    Raises:
        UnknownDatabase: there is no database at this place.
        DatabaseLost: its file is empty.
        DatabaseFailed, DriverMissing.
    """
    if not has_database(Path(data), address):
        where = f"in {database_file(data).parent}" if address is None else "in the PostgreSQL database"
        raise UnknownDatabase(
            f"There is no collector data {where}.", hint="Name the folder that `collector serve` uses: --data."
        )
    if address is not None:
        from collector.store.postgres import PostgresDatabase

        return PostgresDatabase(address, Path(data), read_only=True)
    from collector.store.sqlite import SqliteDatabase

    path = database_file(data)
    with contextlib.suppress(DatabaseDamaged):  # the first read says so; `verify` looks at what is left
        if standing_of(path).schema is None:
            raise DatabaseLost(f"The database {path} has no tables.")
    return SqliteDatabase(path, read_only=True)


def write_next_to_service(data: Path, address: str | None, fn: Fn[T]) -> T:
    """One transaction on a connection of its own, next to whoever has the database open, also while it is read-only.

    Raises:
        UnknownDatabase, DatabaseFailed, and what `fn` raises: nothing was written.
    """
    if address is None:
        import sqlite3

        from collector.store.sqlite_driver import SqliteConnection, failed, roll_back

        if not has_database(data):
            raise UnknownDatabase(f"There is no collector data in {data}.")
        try:
            conn = SqliteConnection(database_file(data))
            with contextlib.closing(conn.driver):
                conn.driver.execute("BEGIN IMMEDIATE")
                try:
                    value = fn(conn)
                    conn.driver.execute("COMMIT")
                finally:
                    roll_back(conn.driver)
            return value
        except sqlite3.Error as error:
            raise failed(error) from error
    from collector.store.postgres import write_once

    return write_once(address, fn)


def _open_postgres(data: Path, address: str, migrate: bool, work: Work) -> Database:
    found = _postgres_standing(address)
    from collector.store.postgres import PostgresDatabase

    def begin() -> None:
        if _must_migrate(found) and migrate:
            from collector.store.migrate import upgrade_postgres

            upgrade_postgres(address, data)

    if work == "together" and found.schema is not None and _must_migrate(found) and migrate:
        _upgrade_together(address, begin)
    return PostgresDatabase(address, data, first=begin, work=work)


def _upgrade_together(address: str, upgrade: Callable[[], None]) -> None:
    """While processes of the version before are at work, nothing is migrated. Raises DataInUse, DatabaseFailed."""
    import psycopg

    from collector.store.postgres_driver import failed
    from collector.store.postgres_topics import nobody_at_work

    try:
        with nobody_at_work(address):
            upgrade()
    except psycopg.Error as error:
        raise failed(error) from error


def _postgres_standing(address: str) -> Standing:
    """Raises DatabaseFailed, DriverMissing, UnknownDatabase."""
    if not address.startswith(POSTGRES):
        raise UnknownDatabase(f"The database address {address.split('://')[0][:20]}… is not known here.")
    try:
        import psycopg

        from collector.store.postgres_driver import failed
        from collector.store.postgres_server import is_readable, postgres_standing
    except ImportError as error:
        raise DriverMissing("The database is a PostgreSQL server, and psycopg is not installed.") from error
    if not is_readable(address):
        raise UnknownDatabase("The address of the PostgreSQL database cannot be read.")
    try:
        return postgres_standing(address)
    except psycopg.Error as error:
        raise failed(error) from error
