"""A copy of the database before it is migrated, and the way back to it.

upgrades/0011-20261130T031736Z.db        as it was before an upgrade from schema 0011
upgrades/0012-20261201T080000Z.left.db   what was in its place when somebody went back; `damaged-…` if it was that
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from collector.store.blobs import DiskFull
from collector.store.blobs_local import disk_errors
from collector.store.database import DatabaseDamaged, DatabaseFailed
from collector.store.lock import lock_folder
from collector.store.private import private_database, private_folder
from collector.store.schema import newest_schema, schema_of
from collector.store.sqlite_driver import failed
from wire.errors import GleanerError
from wire.files import put_in_place, sync_folder

FOLDER = "upgrades"
MAX_COPIES = 3
SPARE_BYTES = 64 * 2**20
# Rows that the service writes of its own accord, or makes anew.
_NOBODYS = {
    "alembic_version",
    "service_state",
    "job",
    "waiting",
    "activity",
    "token",
    "join_code",
    "join_attempt",
    "process",
}


class UpgradeCopyMissing(GleanerError):
    """There is no copy of an older schema that this version can use."""

    code = "upgrade-copy-missing"
    status = 404
    exit_code = 3
    hint = "Restore a backup that was made before the upgrade, with the version of then (docs/backup.md)."


class RowsSinceUpgrade(GleanerError):
    """Going back would lose what was written since the upgrade. `facts["rows"]` counts it by table."""

    code = "rows-since-upgrade"
    status = 409
    exit_code = 1
    hint = (
        "Add --discard to go back all the same; the newer database stays in the folder upgrades. Or stay with the newer"
        " version."
    )


def copy_before_upgrade(database: Path) -> Path | None:
    """Copy a database that is about to be migrated; None where it is new, or this version has nothing to migrate.

    The caller holds the data folder, and nobody writes to the database meanwhile. Older copies are deleted.

    Raises:
        DatabaseFailed, DiskFull, StorageUnusable: there is no copy, and nothing may be migrated.
    """
    schema = schema_of(database)
    if schema is None or schema >= newest_schema():
        return None
    folder = database.parent / FOLDER
    with disk_errors("The database could not be copied before the upgrade"):
        _require_space(database)
        private_folder(folder)
        copy = folder / f"{schema}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.db"
        _copy(database, copy)
        for old in sorted(_copies(folder), key=_made_at)[:-MAX_COPIES]:
            old.unlink()
    return copy


def go_back(database: Path, *, discard: bool = False) -> tuple[Path, str]:
    """Put the newest copy of an older schema in place of the database; returns the copy and its schema.

    The database that was there becomes a file of the folder `upgrades`. Media stay; those that came since the upgrade
    belong to no row then.

    Raises:
        DataInUse: the service runs.
        UpgradeCopyMissing.
        RowsSinceUpgrade: something was written since, and `discard` is not set.
        DatabaseDamaged: nobody knows what was written since, and `discard` is not set.
        DatabaseFailed, DiskFull, StorageUnusable: the database is as it was.
    """
    folder = database.parent / FOLDER
    with _held(database.parent), disk_errors("The database could not be put back"):
        here = _known_schema(database, discard)
        usable = [path for path in _copies(folder) if (here is None or _schema(path) < here) and _is_known(path)]
        if not usable:
            raise UpgradeCopyMissing(f"There is no copy of an older database in {folder}.")
        copy = max(usable, key=_made_at)
        if here is not None and not discard:
            since = _rows_since(database, copy)
            if since:
                counts = ", ".join(f"{count} of {table}" for table, count in since.items())
                raise RowsSinceUpgrade(f"Rows that were written since the upgrade would be lost: {counts}.", rows=since)
        _require_space(copy)
        made = database.with_name(f".{database.name}.back.part")
        _copy(copy, made)
        _leave(database, folder / f"{here or 'damaged'}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.left.db")
        put_in_place(made, database)
    return copy, _schema(copy)


def _known_schema(database: Path, discard: bool) -> str | None:
    """None: there is no database, an empty or a damaged one. Raises DatabaseDamaged."""
    try:
        return schema_of(database)
    except DatabaseDamaged as error:
        if discard:
            return None
        raise _with_the_way_back(error) from error


def _with_the_way_back(error: DatabaseFailed) -> DatabaseFailed:
    if not isinstance(error, DatabaseDamaged):
        return error
    return DatabaseDamaged(
        error.message,
        hint="What was written since the upgrade cannot be counted. Restore the newest backup (docs/backup.md), or add"
        " --discard to put back the copy from before the upgrade; the damaged database stays in the folder upgrades.",
    )


def _leave(database: Path, left: Path) -> None:
    """What was there gets another name too, with its log: SQLite would write that into any database of the old name."""
    if database.exists():
        with suppress(DatabaseDamaged):
            close_log(database)
        os.link(database, left)
    for log in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{database}{log}").replace(f"{left}{log}")
    sync_folder(left.parent)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    lock = lock_folder(folder)
    try:
        yield
    finally:
        os.close(lock)


def _copy(source: Path, target: Path) -> None:
    """A whole database in one file, which is durable under its name afterwards. Raises DatabaseFailed, OSError."""
    made = target.with_name(f".{target.name}.part")
    made.unlink(missing_ok=True)
    private_database(made)
    try:
        with closing(sqlite3.connect(source)) as whole, closing(sqlite3.connect(made)) as copy:
            whole.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE").fetchall()  # one file, also once somebody has read it
    except sqlite3.Error as error:
        made.unlink(missing_ok=True)
        raise failed(error) from error
    put_in_place(made, target)


def _require_space(database: Path) -> None:
    """Raises DiskFull."""
    wanted = sum(path.stat().st_size for path in database.parent.glob(f"{database.name}*")) + SPARE_BYTES
    stat = os.statvfs(database.parent)
    free = stat.f_bavail * stat.f_frsize
    if free < wanted:
        raise DiskFull(
            f"A copy of the database needs {wanted // 2**20} MiB; {free // 2**20} MiB are free. Nothing was changed."
        )


def close_log(database: Path) -> None:
    """Bring what is in the write-ahead log into the file, and remove the log. Raises DatabaseFailed."""
    try:
        with closing(sqlite3.connect(database)) as conn:
            conn.execute("PRAGMA journal_mode=DELETE").fetchall()
    except sqlite3.Error as error:
        raise failed(error) from error


def _rows_since(database: Path, copy: Path) -> dict[str, int]:
    """How many rows of each table have a primary key that the copy has not. Raises DatabaseFailed."""
    found = {}
    try:
        with closing(sqlite3.connect(database)) as conn:
            conn.execute("ATTACH DATABASE ? AS copy", (str(copy),))
            tables = "SELECT name FROM {}.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            both = conn.execute(f"{tables.format('main')} INTERSECT {tables.format('copy')} ORDER BY name").fetchall()
            for (table,) in both:
                keys = [row[1] for row in conn.execute(f'PRAGMA copy.table_info("{table}")') if row[5]]
                if table in _NOBODYS or not keys:
                    continue
                same = " AND ".join(f'old."{key}" = new."{key}"' for key in keys)
                (count,) = conn.execute(
                    f'SELECT count(*) FROM main."{table}" AS new'
                    f' WHERE NOT EXISTS (SELECT 1 FROM copy."{table}" AS old WHERE {same})'
                ).fetchone()
                if count:
                    found[table] = count
    except sqlite3.Error as error:
        raise _with_the_way_back(failed(error)) from error
    return found


def _copies(folder: Path) -> list[Path]:
    return [path for path in folder.glob("[0-9]*-*.db") if not path.name.endswith(".left.db")]


def _schema(copy: Path) -> str:
    return copy.name.partition("-")[0]


def _made_at(copy: Path) -> str:
    return copy.name.partition("-")[2]


def _is_known(copy: Path) -> bool:
    with suppress(DatabaseDamaged):
        return _schema(copy) <= newest_schema() and schema_of(copy) == _schema(copy)
    return False
