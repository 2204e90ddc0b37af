"""Putting a snapshot into an empty data folder: blobs, then keys and logs, then the database, whose name comes last.

A restore that was interrupted is continued by the same command: what is there is not copied again.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.backup.bucket import S3BackupStorage
from collector.backup.folder import LocalBackupFolder
from collector.backup.pace import Course
from collector.backup.problems import BackupDamaged, BackupNotFound, BackupTooNew, RestoreTargetNotEmpty
from collector.backup.repository import MAX_BATCH_BYTES, Repository
from collector.backup.rows import BLOBS, dump_rows, rows_of
from collector.backup.snapshot import BackupSnapshot
from collector.backup.storage import BackupStorage
from collector.store.blobs import MARK, blob_name
from collector.store.blobs_local import disk_errors
from collector.store.blobs_obstore import FOLDER
from collector.store.clock import now_text
from collector.store.fill import begin_filling, fill_database, open_filled
from collector.store.integrity import RowsDoNotFit, build_database
from collector.store.lock import LOCK_FILE, lock_folder
from collector.store.open import RESTORE_MARK
from collector.store.open_blobs import BlobsLocation
from collector.store.private import private_folder
from collector.store.read_only import ReadOnly
from collector.store.s3_place import S3Place
from collector.store.schema import newest_schema
from collector.store.sql import Connection
from wire.files import sync_folder, write_whole

DATABASE = "collector.db"
MAX_NAMED = 10
MIN_COUNTED_BYTES = 256 * 1024  # of a small file in a batch: syncing it takes its time, too


@dataclass(frozen=True)
class Restored:
    """`digest` is that of the rows and blobs that are there now; `left_out`: damaged blobs that are not."""

    snapshot: BackupSnapshot
    digest: str
    left_out: tuple[str, ...]


def newest_snapshot(repository: Repository) -> BackupSnapshot:
    """Raises BackupNotFound: no backup has ended well yet; BackupDamaged, BackupTooNew."""
    ids = repository.snapshot_ids()
    if not ids:
        raise BackupNotFound("No backup in this repository has ended well yet.")
    return repository.find_snapshot(ids[-1])


def restore_snapshot(
    repository: Repository,
    snapshot: BackupSnapshot,
    data: Path,
    course: Course | None = None,
    *,
    database: str | None = None,
    media: BlobsLocation | None = None,
    without_damaged: bool = False,
) -> Restored:
    """Fill the folder `data`, which must be new, empty, or what an interrupted restore of this snapshot left.

    `database`: address of an empty PostgreSQL database for the rows; None: they go into the folder. `media`: where the
    recordings go; None: into the folder as well.

    Raises:
        RestoreTargetNotEmpty, DatabaseNotEmpty, DriverMissing, UnknownDatabase, BackupTooNew, BackupStorageUnusable,
        DatabaseFailed, DataInUse, DiskFull, StorageUnusable.
        BackupDamaged: of the rows or keys something is damaged, or of the blobs and `without_damaged` is not set.
    """
    course = course or Course()
    if snapshot.data_schema > newest_schema():
        raise BackupTooNew(
            f"The snapshot has schema {snapshot.data_schema} of Gleaner {snapshot.version}; this version reads"
            f" {newest_schema()}."
        )
    mark = _mark(snapshot)
    if database is not None:
        begin_filling(data, database, snapshot.data_schema, mark)
    blobs = _target_of_blobs(data, media)
    with _target(data, snapshot.id):
        damaged = _restore_blobs(repository, snapshot, blobs, course)
        if damaged and not without_damaged:
            raise BackupDamaged(
                f"{len(damaged)} blobs of the backup are damaged; the first are {', '.join(damaged[:MAX_NAMED])}.",
                files=damaged,
            )
        for file in snapshot.files:
            target = data / file.path
            content = repository.read_bytes(file.sha256)
            with disk_errors(f"The file {file.path} could not be restored"):
                private_folder(target.parent)
                write_whole(target, content)
        digest = _restore_rows(repository, snapshot, data, database, mark)
    if database is not None:
        open_filled(data, database, mark)
    return Restored(snapshot, digest, tuple(damaged))


@contextlib.contextmanager
def _target(data: Path, snapshot: str) -> Iterator[None]:
    """The folder, marked and locked for the block: no service starts in it before the block has ended well."""
    mark = data / RESTORE_MARK
    with disk_errors("The data cannot be restored"):
        found = {path.name for path in data.iterdir()} - {LOCK_FILE} if data.is_dir() else set()
        if found and not (mark.exists() and json.loads(mark.read_bytes())["snapshot"] == snapshot):
            raise RestoreTargetNotEmpty(f"The folder {data} is not empty.")
        private_folder(data)
        lock = lock_folder(data)
        try:
            write_whole(mark, json.dumps({"snapshot": snapshot}).encode())
            yield
            mark.unlink()
            sync_folder(data)
        finally:
            os.close(lock)


def _target_of_blobs(data: Path, media: BlobsLocation | None) -> BackupStorage:
    """Raises RestoreTargetNotEmpty: the media of a collector are there. BackupStorageUnusable, StorageDriverMissing."""
    if media is None or media.address is None:
        return LocalBackupFolder(data / "blobs", "The data folder")
    place = S3Place(media.address, media.endpoint, media.region)
    storage = S3BackupStorage(place, FOLDER, "The storage of the media")
    with contextlib.suppress(FileNotFoundError), storage.open(MARK):
        raise RestoreTargetNotEmpty(
            f"The media of a collector are at {media.address}.",
            hint="Name another folder of the bucket with the setting blobs, or delete what is there.",
        )
    return storage


def _restore_blobs(repository: Repository, snapshot: BackupSnapshot, blobs: BackupStorage, course: Course) -> list[str]:
    """Returns the files of those that are damaged in the repository."""
    there = {name for name, _size in blobs.list("")}
    course.begin(snapshot.blob_bytes)
    damaged = []
    missing = frozenset(snapshot.missing)
    waiting = 0
    for key, size in _lines(repository, snapshot, BLOBS):
        name = blob_name(key)
        if key in missing and not repository.has(key):
            continue
        if name in there:
            course.advance(size)
            continue
        try:
            blobs.put(name, course.paced(repository.read(key)))
        except BackupDamaged as error:
            damaged += error.facts["files"]
            continue
        waiting += size + MIN_COUNTED_BYTES
        if waiting >= MAX_BATCH_BYTES:
            blobs.commit()
            waiting = 0
    blobs.commit()
    blobs.delete_unfinished()
    return damaged


def _mark(snapshot: BackupSnapshot) -> ReadOnly:
    return ReadOnly("filling", f"restore-{snapshot.id}", now_text(), f"the backup {snapshot.id}")


def _restore_rows(
    repository: Repository, snapshot: BackupSnapshot, data: Path, database: str | None, mark: ReadOnly
) -> str:
    """Build the database and put it in its place; returns the digest of what is in it. Raises BackupDamaged."""
    tables = ((table.name, table.columns, _lines(repository, snapshot, table.name)) for table in snapshot.tables)

    def check(conn: Connection) -> str:
        return _checked_digest(conn, snapshot)

    try:
        if database is not None:
            return fill_database(data, database, snapshot.data_schema, mark, tables, check)
        with disk_errors("The database could not be restored"):
            return build_database(data / DATABASE, snapshot.data_schema, tables, check)
    except RowsDoNotFit as error:
        raise BackupDamaged(f"The rows of the snapshot do not fit together: {error}.", files=[]) from error


def _checked_digest(conn: Connection, snapshot: BackupSnapshot) -> str:
    """The digest of the rows in the database. Raises BackupDamaged: it is not that of the snapshot."""
    if snapshot.data_schema != newest_schema():
        return snapshot.digest  # tables of an older version: each segment was compared with its hash
    digest = dump_rows(conn).digest
    if digest != snapshot.digest:
        raise BackupDamaged("The rows that were restored are not those of the snapshot.", files=[])
    return digest


def _lines(repository: Repository, snapshot: BackupSnapshot, name: str) -> Iterator[list[Any]]:
    """The rows of a table, or of the list of blobs. Raises BackupDamaged."""
    lists = {table.name: table for table in (*snapshot.tables, snapshot.blobs)}
    try:
        yield from rows_of(lists[name], repository.read_bytes)
    except (zlib.error, ValueError) as error:
        raise BackupDamaged(f"The rows of {name} cannot be read: {error}.", files=[]) from error
