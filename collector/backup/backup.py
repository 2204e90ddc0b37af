"""Making a backup, beside the running service or without it.

Rows first, in one transaction, then the blobs that they name. Blobs never change and are stored before the rows that
name them, so what the rows name is there, unless it was erased in between: then the rows are read again.

Not in a backup are staged uploads. Their devices have no receipt for them and send them again. What else is in the data
folder (address and lock of the service, measurements of the quality report) is made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from collector.backup.pace import Course
from collector.backup.repository import ContentDiffers, Repository
from collector.backup.rows import RowDump, dump_rows, rows_of
from collector.backup.snapshot import BackupSnapshot, RowList, SavedFile
from collector.key_folder import KeyFolder
from collector.store.blobs import BlobMissing, BlobStore
from collector.store.database import Database
from collector.store.scratch import ScratchTable
from collector.store.sql import text
from wire.version import installed_version

MAX_ROUNDS = 3  # of reading the rows, where blobs vanish while they are copied
_NAMED = text("SELECT 1 FROM derived WHERE blob = :blob LIMIT 1")


@dataclass(frozen=True)
class BackupMade:
    """`new_blobs` and `new_bytes`: copied this time. `damaged`: blobs whose bytes are not those their name promises.

    `lost`: blobs that the collector has no more, and the repository has since an earlier backup.
    """

    snapshot: BackupSnapshot
    new_blobs: int
    new_bytes: int
    damaged: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass
class _Copied:
    blobs: int = 0
    bytes: int = 0


def make_backup(
    repository: Repository,
    database: Database,
    blobs: BlobStore,
    data: Path,
    keys: KeyFolder,
    course: Course | None = None,
) -> BackupMade:
    """Save rows, blobs, keys (in plain: a backup is encrypted itself) and the security log; the snapshot is last.

    Raises:
        BackupStorageUnusable: what was copied until then is not copied again.
        SchemaDiffers, DatabaseFailed, MasterKeyMissing, MasterKeyWrong.
    """
    course = course or Course()
    started = datetime.now(UTC)
    copied = _Copied()
    for _ in range(MAX_ROUNDS):
        rows = database.read_sync(lambda conn: dump_rows(conn, repository.put_bytes))
        repository.commit()
        course.begin(rows.blob_bytes)
        missing, damaged, lost = _copy_blobs(repository, rows.blobs, blobs, course, copied)
        if not _some_were_erased(database, [*missing, *lost]):
            break
    files = _save_files(repository, data, keys)
    repository.commit()
    snapshot = _snapshot(started, rows, files, sorted(missing + damaged))
    repository.save_snapshot(snapshot)
    return BackupMade(snapshot, copied.blobs, copied.bytes, tuple(damaged), tuple(lost))


def _copy_blobs(
    repository: Repository, named: RowList, blobs: BlobStore, course: Course, copied: _Copied
) -> tuple[list[str], list[str], list[str]]:
    """Copy what the repository has not; returns the blobs that are missing, those that are damaged, and the lost."""
    missing, damaged = [], []
    saved = ScratchTable("CREATE TABLE blob (key TEXT PRIMARY KEY, is_there INTEGER) WITHOUT ROWID")
    for key, size in rows_of(named, repository.read_bytes):
        if repository.has(key):
            saved.change("INSERT INTO blob (key) VALUES (?)", (key,))
            course.advance(size)
            continue
        try:
            size = blobs.size(key)
            repository.put(key, course.paced(blobs.read(key, 0, size)))
        except BlobMissing:
            missing.append(key)
        except (ContentDiffers, OSError):
            damaged.append(key)
        else:
            copied.blobs += 1
            copied.bytes += size
    return missing, damaged, _lost_of(saved, blobs)


def _lost_of(saved: ScratchTable, blobs: BlobStore) -> list[str]:
    """Those that the collector has no more. One listing: asking an S3 server for each would take hours."""
    if saved.first("SELECT 1 FROM blob LIMIT 1") is None:
        return []
    for blob in blobs.list():
        saved.change("UPDATE blob SET is_there = 1 WHERE key = ?", (blob.key,))
    return [key for (key,) in saved.all("SELECT key FROM blob WHERE is_there IS NULL") if not blobs.exists(key)]


def _some_were_erased(database: Database, missing: Sequence[str]) -> bool:
    """Whether rows that named a missing blob are gone by now."""
    return bool(missing) and database.read_sync(
        lambda conn: any(conn.execute(_NAMED, {"blob": key}).first() is None for key in missing)
    )


def _save_files(repository: Repository, data: Path, keys: KeyFolder) -> list[SavedFile]:
    """Keys, and the security log: that as far as its last whole line."""
    saved = [SavedFile(path=f"keys/{name}", sha256=repository.put_bytes(key)) for name, key in keys.contents()]
    for path in sorted((data / "logs").rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue  # rotated away: its older name is listed, or the next backup has it
            if path.suffix == ".jsonl":
                content = content[: content.rfind(b"\n") + 1]
            saved.append(SavedFile(path=path.relative_to(data).as_posix(), sha256=repository.put_bytes(content)))
    return saved


def _snapshot(started: datetime, rows: RowDump, files: Sequence[SavedFile], missing: Sequence[str]) -> BackupSnapshot:
    finished = datetime.now(UTC)
    return BackupSnapshot(
        id=f"{finished:%Y%m%dT%H%M%S}{finished.microsecond // 1000:03d}Z",
        started_at=started,
        finished_at=finished,
        version=installed_version(),
        data_schema=rows.schema,
        tables=rows.tables,
        blobs=rows.blobs,
        blob_bytes=rows.blob_bytes,
        files=tuple(files),
        missing=tuple(missing),
    )
