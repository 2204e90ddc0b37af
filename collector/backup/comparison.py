"""Rows that never change, compared with a backup: what SQLite's own check cannot see, a bit flipped inside a value, is
found here, and so is a row that somebody removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from collector.backup.problems import SchemaDiffers
from collector.backup.repository import Repository
from collector.backup.rows import rows_of, table_rows
from collector.backup.snapshot import BackupSnapshot
from collector.backup.verify import DataFault
from collector.store.database import Database
from collector.store.schema import newest_schema
from collector.store.sql import Connection
from collector.store.tables import metadata

# No statement of the collector changes or removes a row of these.
UNCHANGING = (
    "calibration", "category", "consent_text", "export", "instruction", "manifest_conflict", "prelabel_event",
    "receipt", "revision", "script_plan", "skip", "study_version", "task_reason", "worked",
)  # fmt: skip
# Never changed, but removed where a setting says after how many days.
PRUNED = ("look",)
_PROBLEMS = {"row-changed": "It differs from the backup.", "row-missing": "It is in the backup and not here."}
_Kind = Literal["row-changed", "row-missing"]


def compare_with_backup(repository: Repository, snapshot: BackupSnapshot, database: Database) -> list[DataFault]:
    """Every such row of the snapshot that is not here as it was saved.

    Raises:
        SchemaDiffers: the snapshot is of another version's tables.
        BackupDamaged, DatabaseFailed.
    """
    if snapshot.data_schema != newest_schema():
        raise SchemaDiffers(
            f"The newest backup is at schema {snapshot.data_schema}, this version is at {newest_schema()}.",
            hint="Make a backup with this version first.",
        )
    return database.read_sync(lambda conn: list(_faults(repository, snapshot, conn)))


def _faults(repository: Repository, snapshot: BackupSnapshot, conn: Connection) -> Iterator[DataFault]:
    for saved in snapshot.tables:
        if saved.name not in UNCHANGING + PRUNED:
            continue
        table = metadata.tables[saved.name]
        keys = [saved.columns.index(column.name) for column in table.primary_key.columns]
        before, now = rows_of(saved, repository.read_bytes), table_rows(conn, table)
        for key, kind in differences(before, now, keys):
            if kind == "row-changed" or saved.name in UNCHANGING:
                yield DataFault(kind, f"{saved.name} {' '.join(map(str, key))}", _PROBLEMS[kind])


def differences(
    before: Iterable[Sequence[Any]], now: Iterator[Sequence[Any]], keys: Sequence[int]
) -> Iterator[tuple[list[Any], _Kind]]:
    """The keys of rows of `before` that are not in `now` or differ there. Both are in the order of their keys, which
    are the values at the places `keys`.
    """
    there = next(now, None)
    for row in before:
        key = [row[place] for place in keys]
        while there is not None and [there[place] for place in keys] < key:
            there = next(now, None)
        if there is None or [there[place] for place in keys] != key:
            yield key, "row-missing"
        elif list(there) != list(row):
            yield key, "row-changed"
