"""Opening a database: the one place that knows which engine an address means."""

from __future__ import annotations

from pathlib import Path

from collector.store.database import Database
from wire.errors import GleanerError

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
    return _postgres_schema(address) is not None


def open_database(
    data: str | Path, address: str | None = None, *, migrate: bool = True, sole: bool = False
) -> Database:
    """Open the one writer of a data folder, creating and migrating the database as needed.

    Args:
        data: the folder; without an address the database is a file in it.
        address: of a PostgreSQL database, as libpq reads it.
        sole: no other process may have opened the database as this one does. A data folder with SQLite has one anyway.

    Raises:
        DataInUse: another process has the folder open for writing, or is the sole one.
        DatabaseFailed: the server cannot be reached, or its database cannot be used.
        DatabaseLost: there are media and no rows that know them; nothing was touched.
        DriverMissing: there is no psycopg.
        StorageUnusable: the folder cannot be made or written.
        RestoreUnfinished: not everything of a backup is there yet.
        UnknownDatabase: an address of an engine this version does not have.
    """
    if address is not None:
        return _open_postgres(Path(data), address, migrate, sole)
    from collector.store.schema import newest_schema, schema_of
    from collector.store.sqlite import SqliteDatabase

    path = database_file(data)
    if (path.parent / RESTORE_MARK).exists():
        raise RestoreUnfinished(f"The data in {path.parent} was not restored to its end.")

    def upgrade() -> None:
        if schema_of(path) != newest_schema():
            from collector.store.migrate import upgrade_data  # late: it loads SQLAlchemy and Alembic

            upgrade_data(path)

    return SqliteDatabase(path, first=upgrade if migrate else None)


def open_reader(data: str | Path, address: str | None = None) -> Database:
    """Open a database while the service runs, for reading only: reports, exports.

    Raises:
        UnknownDatabase: there is no database at this place.
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

    return SqliteDatabase(database_file(data), read_only=True)


def _open_postgres(data: Path, address: str, migrate: bool, sole: bool) -> Database:
    schema = _postgres_schema(address)
    from collector.store.postgres import PostgresDatabase
    from collector.store.schema import newest_schema

    def upgrade() -> None:
        if schema != newest_schema():
            from collector.store.migrate import upgrade_postgres

            upgrade_postgres(address, data)

    return PostgresDatabase(address, data, first=upgrade if migrate else None, sole=sole)


def _postgres_schema(address: str) -> str | None:
    """Raises DatabaseFailed, DriverMissing, UnknownDatabase."""
    if not address.startswith(POSTGRES):
        raise UnknownDatabase(f"The database address {address.split('://')[0][:20]}… is not known here.")
    try:
        import psycopg

        from collector.store.postgres_driver import failed
        from collector.store.postgres_server import is_readable, postgres_schema
    except ImportError as error:
        raise DriverMissing("The database is a PostgreSQL server, and psycopg is not installed.") from error
    if not is_readable(address):
        raise UnknownDatabase("The address of the PostgreSQL database cannot be read.")
    try:
        return postgres_schema(address)
    except psycopg.Error as error:
        raise failed(error) from error
