"""Opening the database of a data folder: the one place that knows which engine an address means."""

from __future__ import annotations

from pathlib import Path

from collector.store.database import Database
from wire.errors import GleanerError

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
    hint = "Give a folder or a path; this version stores its rows in SQLite."


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


def open_database(url_or_path: str | Path, *, migrate: bool = True) -> Database:
    """Open the one writer of a data folder, creating and migrating it as needed.

    Raises:
        DataInUse: another process has it open for writing.
        DatabaseLost: there are media and no rows that know them; nothing was touched.
        StorageUnusable: the folder cannot be made or written.
        RestoreUnfinished: not everything of a backup is there yet.
        UnknownDatabase: an address of an engine this version does not have.
    """
    from collector.store.schema import newest_schema, schema_of
    from collector.store.sqlite import SqliteDatabase

    path = database_file(url_or_path)
    if (path.parent / RESTORE_MARK).exists():
        raise RestoreUnfinished(f"The data in {path.parent} was not restored to its end.")

    def upgrade() -> None:
        if schema_of(path) != newest_schema():
            from collector.store.migrate import upgrade_data  # late: it loads SQLAlchemy and Alembic

            upgrade_data(path)

    return SqliteDatabase(path, first=upgrade if migrate else None)


def open_reader(url_or_path: str | Path) -> Database:
    """Open a database while the service runs, for reading only: reports, exports.

    Raises:
        UnknownDatabase: there is no database at this place.
    """
    from collector.store.sqlite import SqliteDatabase

    path = database_file(url_or_path)
    if not path.exists():
        raise UnknownDatabase(
            f"There is no collector data in {path.parent}.", hint="Name the folder that `collector serve` uses: --data."
        )
    return SqliteDatabase(path, read_only=True)
