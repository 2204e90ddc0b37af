"""Migrate a database to the schema of this version, by Alembic, from inside the program."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, StaticPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from collector.store.database import DatabaseFailed, DatabaseLost
from collector.store.private import private_database
from collector.store.sql import text
from collector.store.sqlite_driver import connect, failed
from collector.store.upgrade_copies import copy_before_upgrade
from wire.errors import GleanerError

if TYPE_CHECKING:
    from collector.store.postgres_driver import PostgresConnection

AT_SCHEMA = text("SELECT version_num FROM alembic_version")
FIRST_ON_POSTGRES = "0011"
POSTGRES_SNAPSHOT = Path(__file__).parent / "migrations" / "postgresql_0011.sql"
_TABLES_OF_OTHERS = (
    "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'alembic_version'"
)


class DataTooNew(GleanerError):
    """The data folder was written by a newer version."""

    code = "data-too-new"
    status = 503
    exit_code = 3
    hint = (
        "Upgrade this installation (in its checkout: `git pull`, then `make venv`), or put back the data of before the"
        " upgrade: `gleaner collector migrate --back`. The data was not touched."
    )


def alembic_config(conn: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = conn
    return config


def upgrade(conn: Connection) -> str:
    """Run the migrations that are missing; returns the revision reached.

    Raises:
        DataTooNew: the database is at a revision this version does not know.
    """
    script = ScriptDirectory.from_config(alembic_config())
    here = current(conn)
    known = {revision.revision for revision in script.walk_revisions()}
    if here is not None and here not in known:
        raise DataTooNew(f"The data is at schema {here}, which this version does not know.")
    if here is None and conn.dialect.name == "postgresql":
        begin_postgres(conn)
    command.upgrade(alembic_config(conn), "head")
    head = script.get_current_head()
    return head or ""


def make_database(path: Path, schema: str) -> None:
    """A new database with the tables of a schema, this version's or an older one. The file must not be there.

    Raises:
        OSError, sqlalchemy's and sqlite3's errors.
    """
    private_database(path)
    engine = create_engine("sqlite://", creator=lambda: _unbound(path), poolclass=NullPool)
    try:
        with engine.begin() as conn:
            command.upgrade(alembic_config(conn), schema)
    finally:
        engine.dispose()


def upgrade_data(database: Path) -> None:
    """`upgrade` the database of a data folder in one transaction, unless it is a new one next to media of an old one.

    A database with an older schema is copied first (`collector.store.upgrade_copies`).

    Raises:
        DatabaseFailed, DatabaseLost, DataTooNew, DiskFull, StorageUnusable.
    """
    folder = database.parent
    copy_before_upgrade(database)
    engine = create_engine("sqlite://", creator=lambda: _unbound(database), poolclass=NullPool)
    event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.connect() as conn, conn.begin():
            before = current(conn)
            if before is None:
                _check_no_media(folder)
            if upgrade(conn) != before:
                _check_references(conn, folder)
    except DBAPIError as error:
        raise failed(error.orig) from error  # type: ignore[arg-type]
    finally:
        engine.dispose()


def upgrade_postgres(address: str, data: Path) -> None:
    """`upgrade` a PostgreSQL database in one transaction, while no other process writes there.

    Raises:
        DatabaseFailed, DatabaseLost, DataTooNew.
    """
    import psycopg

    from collector.store import postgres_driver
    from collector.store.postgres import WRITERS_LOCK

    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(address), poolclass=NullPool)
    try:
        with engine.connect() as conn, conn.begin():
            conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")
            if current(conn) is None:
                _check_no_media(data)
            upgrade(conn)
    except DBAPIError as error:
        raise postgres_driver.failed(error.orig) from error
    finally:
        engine.dispose()


def make_postgres(address: str, schema: str, begin: Callable[[PostgresConnection], None]) -> None:
    """The tables of a schema in a PostgreSQL database, and what `begin` makes of them, all or nothing.

    Where the tables of an older schema are, `begin` comes first as well: it leaves no rows for migrations to change.

    Raises:
        DatabaseFailed: the schema is older than what PostgreSQL began with, or there are other tables.
    """
    import psycopg

    from collector.store import postgres_driver

    if schema < FIRST_ON_POSTGRES:
        raise DatabaseFailed(
            f"Rows at schema {schema} cannot be put into PostgreSQL, which began with {FIRST_ON_POSTGRES}.",
            hint="Restore them into a data folder, start this version there once, then move them.",
        )
    try:
        with contextlib.closing(postgres_driver.PostgresConnection(address)) as beside:
            beside.driver.autocommit = False
            engine = create_engine("postgresql+psycopg://", creator=lambda: beside.driver, poolclass=StaticPool)
            with engine.connect() as conn, conn.begin():
                if current(conn) is None:
                    begin_postgres(conn)
                else:
                    begin(beside)
                command.upgrade(alembic_config(conn), schema)
                begin(beside)
    except (DBAPIError, psycopg.Error) as error:
        raise postgres_driver.failed(getattr(error, "orig", error)) from error


def begin_postgres(conn: Connection) -> None:
    """Make the tables of revision 0011, with which PostgreSQL begins: the migrations before it are SQLite's alone.

    Raises:
        DatabaseFailed: there are other tables.
    """
    others = [name for (name,) in conn.exec_driver_sql(_TABLES_OF_OTHERS)]
    if others:
        raise DatabaseFailed(
            f"The PostgreSQL database has other tables, such as {others[0]}.",
            hint="Give the collector a database of its own.",
        )
    for statement in POSTGRES_SNAPSHOT.read_text(encoding="utf-8").split("\n\n"):
        conn.exec_driver_sql(statement)
    command.stamp(alembic_config(conn), FIRST_ON_POSTGRES)


def _check_references(conn: Connection, folder: Path) -> None:
    """Raises DatabaseFailed."""
    wrong = conn.exec_driver_sql("PRAGMA foreign_key_check").fetchone()
    if wrong is not None:
        raise DatabaseFailed(
            f"The data in {folder} was not migrated: a row of the table {wrong[0]} refers to one of {wrong[2]} that is"
            " missing.",
            hint="Nothing was changed. Put the database back from a backup, or continue with the version before.",
        )


def _unbound(database: Path) -> sqlite3.Connection:
    """A connection that does not watch foreign keys, or no table that others refer to could be made anew."""
    made = connect(database)
    made.execute("PRAGMA foreign_keys = OFF")
    return made


def _check_no_media(folder: Path) -> None:
    """Raises DatabaseLost."""
    media = _first_file(folder / "blobs") or _first_file(folder / "staging")
    if media:
        raise DatabaseLost(f"The database of {folder} is empty, but there are media, such as {media}.")


def _first_file(folder: Path) -> Path | None:
    """Any file below the folder whose name does not begin with a dot: those are half-made."""
    for place, _folders, names in os.walk(folder):
        for name in names:
            if not name.startswith("."):
                return Path(place, name)
    return None


def current(conn: Connection) -> str | None:
    return MigrationContext.configure(conn).get_current_revision()
