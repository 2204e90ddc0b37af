"""Erasing a participant from every snapshot of a repository: their rows and recordings can be read nowhere any more.

A snapshot is written anew without the rows that are about the participant's sessions, directly or through others. Then
the keys of the old segments and of recordings that no snapshot names any more are destroyed, as `backups prune` does:
also copies of these objects elsewhere are of no use then. Stopped anywhere, the same command continues.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from collector.backup.problems import BackupDamaged
from collector.backup.repository import Repository
from collector.backup.retention import remove_unneeded
from collector.backup.rows import BLOB_COLUMNS, BLOBS, RowWriter, rows_of
from collector.backup.snapshot import BackupSnapshot, RowList
from collector.store.tables import metadata

# What refers to a session, capture or take without a foreign key: manifests may come before their session record, jobs
# are known by the id of what they work on.
_REFERS = {
    ("capture", "session_id"): "session",
    ("capture", "take_id"): "take",
    ("upload", "capture_id"): "capture",
    ("manifest_conflict", "capture_id"): "capture",
}
_FIRST = ("session", "take", "capture")  # in this order, then all others in theirs
_WAITS = ("open", "leased")


@dataclass(frozen=True)
class ErasedParticipant:
    """`blobs`: recordings that no snapshot names any more; `objects`: files whose keys were destroyed, also of rows."""

    participant: str
    snapshots: tuple[str, ...]
    rows: int
    blobs: int
    objects: int


def erase_participant(repository: Repository, participant: str) -> ErasedParticipant:
    """Take their rows out of every snapshot, and destroy the keys of what no snapshot needs any more.

    Raises:
        BackupDamaged: a snapshot cannot be read; those before it are written anew already.
        BackupTooNew, BackupStorageUnusable.
    """
    changed, rows, before, after = [], 0, set[str](), set[str]()
    for name in repository.snapshot_ids():
        snapshot = repository.find_snapshot(name)
        gone = _GoneRows(repository, snapshot, participant)
        before |= _blobs_of(repository, snapshot)
        if gone.count:
            snapshot = _without(repository, snapshot, gone)
            repository.commit()
            repository.save_snapshot(snapshot)
            changed.append(name)
            rows += gone.count
        after |= _blobs_of(repository, snapshot)
    objects = remove_unneeded(repository, [repository.find_snapshot(name) for name in repository.snapshot_ids()])
    return ErasedParticipant(participant, tuple(changed), rows, len(before - after), objects)


def snapshots_with(repository: Repository, participant: str) -> dict[str, int]:
    """How many rows about a participant each snapshot has; those without any are left out. Raises BackupDamaged."""
    found = {}
    for name in repository.snapshot_ids():
        gone = _GoneRows(repository, repository.find_snapshot(name), participant)
        if gone.count:
            found[name] = gone.count
    return found


class _GoneRows:
    """The primary keys of the rows of a snapshot that are about a participant, by table."""

    def __init__(self, repository: Repository, snapshot: BackupSnapshot, participant: str) -> None:
        self._participant = participant
        self._lists = {table.name: table for table in snapshot.tables}
        self.keys: dict[str, set[tuple[Any, ...]]] = {}
        self.waiting: dict[str, int] = {}  # study -> tasks that do not wait any more
        others = [name for name in self._lists if name not in _FIRST]
        for name in (*_FIRST, *others):
            if name in self._lists and name in metadata.tables:
                self.keys[name] = set(self._of(repository, self._lists[name]))

    @property
    def count(self) -> int:
        return sum(map(len, self.keys.values()))

    def _of(self, repository: Repository, rows: RowList) -> Iterator[tuple[Any, ...]]:
        refers = list(self._references(rows))
        place = {name: number for number, name in enumerate(rows.columns)}
        key = _key_places(rows)
        for row in _rows(repository, rows):
            if (
                (rows.name == "session" and row[place["participant"]] == self._participant)
                or (rows.name == "job" and any((row[place["key"]],) in self.keys[name] for name in _FIRST))
                or any(tuple(row[one] for one in places) in self.keys[other] for other, places in refers)
            ):
                if rows.name == "task" and row[place["state"]] in _WAITS and row[place["revision_id"]] is None:
                    study = row[place["study"]]
                    self.waiting[study] = self.waiting.get(study, 0) + 1
                yield tuple(row[one] for one in key)

    def _references(self, rows: RowList) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Tables that this one refers to, and at which places; only those whose keys are known and some are gone."""
        table = metadata.tables[rows.name]
        for (name, column), other in _REFERS.items():
            if name == rows.name and column in rows.columns and self.keys.get(other):
                yield other, (rows.columns.index(column),)
        for constraint in table.foreign_key_constraints:
            other = constraint.referred_table.name
            names = [column.name for column in constraint.columns]
            if self.keys.get(other) and all(name in rows.columns for name in names):
                yield other, tuple(rows.columns.index(name) for name in names)


def _without(repository: Repository, snapshot: BackupSnapshot, gone: _GoneRows) -> BackupSnapshot:
    tables = tuple(
        _filtered(repository, table, gone) if gone.keys.get(table.name) or table.name == "waiting" else table
        for table in snapshot.tables
    )
    derived = next(table for table in snapshot.tables if table.name == "derived")
    sizes: dict[str, int] = {}
    blob, size = derived.columns.index("blob"), derived.columns.index("bytes")
    for row in _rows_that_stay(repository, derived, gone):
        sizes[row[blob]] = max(sizes.get(row[blob], 0), row[size])
    blobs = RowWriter(repository.put_bytes)
    for one in sorted(sizes.items()):
        blobs.add(one)
    return snapshot.model_copy(
        update={
            "tables": tables,
            "blobs": blobs.finish(BLOBS, BLOB_COLUMNS),
            "blob_bytes": sum(sizes.values()),
            "missing": tuple(key for key in snapshot.missing if key in sizes),
        }
    )


def _filtered(repository: Repository, rows: RowList, gone: _GoneRows) -> RowList:
    writer = RowWriter(repository.put_bytes)
    for row in _rows_that_stay(repository, rows, gone):
        writer.add([row[0], row[1] - gone.waiting.get(row[0], 0)] if rows.name == "waiting" else row)
    return writer.finish(rows.name, rows.columns)


def _rows_that_stay(repository: Repository, rows: RowList, gone: _GoneRows) -> Iterator[Sequence[Any]]:
    key = _key_places(rows)
    return (row for row in _rows(repository, rows) if tuple(row[one] for one in key) not in gone.keys[rows.name])


def _key_places(rows: RowList) -> list[int]:
    return [rows.columns.index(column.name) for column in metadata.tables[rows.name].primary_key]


def _rows(repository: Repository, rows: RowList) -> Iterator[Sequence[Any]]:
    """Raises BackupDamaged."""
    try:
        yield from rows_of(rows, repository.read_bytes)
    except (zlib.error, ValueError) as error:
        raise BackupDamaged(f"The rows of {rows.name} cannot be read: {error}.", files=[]) from error


def _blobs_of(repository: Repository, snapshot: BackupSnapshot) -> set[str]:
    return {row[0] for row in _rows(repository, snapshot.blobs)}
