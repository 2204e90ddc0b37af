"""Whether a repository is whole, without restoring it: every object is read and compared with its hash."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from collector.backup.encryption import object_file
from collector.backup.pace import Course
from collector.backup.problems import BackupDamaged
from collector.backup.repository import OBJECTS, Repository, check_headers, object_id
from collector.backup.rows import rows_of
from collector.backup.snapshot import BackupSnapshot


@dataclass(frozen=True)
class CheckedRepository:
    """`damaged` and `leftovers` are names of files; leftovers are of no use to any snapshot and do no harm."""

    snapshots: int
    objects: int
    bytes: int
    damaged: tuple[str, ...]
    leftovers: tuple[str, ...]


def check_repository(repository: Repository, course: Course | None = None) -> CheckedRepository:
    """Raises BackupStorageUnusable, BackupTooNew; what is damaged is in the answer."""
    course = course or Course()
    damaged = [*check_headers(repository.storage), *repository.damaged_pages]
    objects = sorted(repository.storage.list(OBJECTS))
    course.begin(sum(size for _name, size in objects))
    leftovers = []
    for name, _size in objects:
        if repository.keys.find(object_id(name)) is None:
            leftovers.append(name)
            continue
        try:
            for _piece in course.paced(repository.read_object(name)):
                pass
        except BackupDamaged:
            damaged.append(name)
    snapshots = repository.snapshot_ids()
    for snapshot in snapshots:
        damaged += _missing_of(repository, snapshot)
    return CheckedRepository(
        len(snapshots),
        len(objects),
        sum(size for _name, size in objects),
        tuple(dict.fromkeys(damaged)),
        tuple(leftovers),
    )


def _missing_of(repository: Repository, snapshot: str) -> list[str]:
    """The files that a snapshot needs and that are not there, or the snapshot's own name where it cannot be read."""
    try:
        found = repository.find_snapshot(snapshot)
    except BackupDamaged as error:
        return list(error.facts["files"])
    missing = []
    try:
        for content in contents_of(repository, found):
            if not repository.has(content) and content not in found.missing:
                missing.append(repository.name_of(content))
    except (BackupDamaged, zlib.error, ValueError):
        # A segment that cannot be read is named already, as an object or as missing. What it named is not known: any
        # object that was saved once may be needed.
        missing += map(object_file, repository.keys.absent())
    return missing


def contents_of(repository: Repository, snapshot: BackupSnapshot) -> Iterator[str]:
    """Every content that a snapshot needs. Raises BackupDamaged."""
    for rows in (*snapshot.tables, snapshot.blobs):
        yield from rows.segments
    yield from (file.sha256 for file in snapshot.files)
    for key, _size in rows_of(snapshot.blobs, repository.read_bytes):
        yield key
