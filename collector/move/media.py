"""Copying media from one storage to another: the long part while the service still takes in new ones, then the rest.

Every copy is read back and compared with its key. What was compared is noted in a file of the data folder, so that a
copy that was interrupted neither sends nor reads it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from collector.backup.pace import Course
from collector.move.problems import MoveDiffers, SourceMediaDamaged
from collector.store.blobs import BlobDamaged, BlobMissing, BlobStore
from collector.store.blobs_local import disk_errors
from collector.store.database import Database
from collector.store.long_select import stream
from collector.store.scratch import ScratchTable
from collector.store.sql import Connection
from wire.files import file_sha256, sync_folder

THREADS = 8
MAX_NAMED = 10
_NAMED = "SELECT blob, max(bytes) FROM derived GROUP BY blob"


class CopiedMedia:
    """The keys that were copied and compared, one per line of a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.keys = set(path.read_text(encoding="ascii").split()) if path.exists() else set()

    def add(self, key: str) -> None:
        """A line that is lost costs another copy."""
        with disk_errors("What was copied cannot be noted"), self._path.open("a", encoding="ascii") as file:
            file.write(f"{key}\n")
        self.keys.add(key)

    def remove(self) -> None:
        with disk_errors("What was copied cannot be noted"):
            self._path.unlink(missing_ok=True)
            sync_folder(self._path.parent)


@dataclass
class MediaCopy:
    """From one storage to another. `left_out`: blobs that are missing or damaged at the source."""

    source: BlobStore
    target: BlobStore
    done: CopiedMedia
    left_out: set[str] = field(default_factory=set)

    def copy(self, database: Database, course: Course) -> int:
        """Copy every blob that rows name and that was not copied yet; returns how many were.

        Raises:
            DiskFull, StorageUnusable, DatabaseFailed.
        """
        sizes = database.read_sync(_sizes)
        todo = [(key, size) for key, size in sizes.all("SELECT key, bytes FROM blob") if key not in self.done.keys]
        self.left_out.clear()
        course.begin(sum(size for _key, size in todo))
        count = 0
        for key, size, is_copied in self._copied(todo, course):
            course.advance(size)
            if is_copied:
                self.done.add(key)
                count += 1
            else:
                self.left_out.add(key)
        return count

    def _copied(self, todo: list[tuple[str, int]], course: Course) -> Iterator[tuple[str, int, bool]]:
        """In several threads: storage at the other end of a line answers slowly, and to many at once."""
        threads = ThreadPoolExecutor(THREADS, thread_name_prefix="move-media")
        running: set[Future[tuple[str, int, bool]]] = set()
        try:
            for key, size in todo:
                course.limit.wait(size)
                running.add(threads.submit(self._copy_one, key, size))
                if len(running) >= THREADS * 2:
                    ended, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (one.result() for one in ended)
            for one in list(running):
                yield one.result()
        finally:
            threads.shutdown(wait=True, cancel_futures=True)

    def _copy_one(self, key: str, size: int) -> tuple[str, int, bool]:
        try:
            with self.source.local_file(key) as path:
                if file_sha256(path) != key:
                    return key, size, False
                self.target.put_file(path, key)
        except (BlobMissing, BlobDamaged, OSError):
            return key, size, False
        digest = hashlib.sha256()
        for piece in self.target.read(key, 0, size + 1):
            digest.update(piece)
        if digest.hexdigest() != key:
            raise MoveDiffers(f"The copy of the blob {key} is not what was written.", tables=[])
        return key, size, True

    def check_left_out(self) -> None:
        """Raises SourceMediaDamaged: something of the source could not be copied."""
        if self.left_out:
            first = ", ".join(sorted(self.left_out)[:MAX_NAMED])
            raise SourceMediaDamaged(
                f"{len(self.left_out)} blobs are missing or damaged; the first are {first}.",
                blobs=sorted(self.left_out),
            )

    def finish(self, database: Database) -> None:
        """Nothing changes any more: what was erased meanwhile goes, and everything that rows name is there.

        Raises:
            MoveDiffers, StorageUnusable, DatabaseFailed.
        """
        sizes = database.read_sync(_sizes)
        for key in [key for key in self.done.keys if sizes.first("SELECT 1 FROM blob WHERE key = ?", (key,)) is None]:
            self.target.delete(key)
            self.done.keys.discard(key)
        for blob in self.target.list():
            sizes.change("UPDATE blob SET is_there = 1 WHERE key = ? AND bytes = ?", (blob.key, blob.bytes))
        absent = {key for (key,) in sizes.all("SELECT key FROM blob WHERE is_there IS NULL")} - self.left_out
        if absent:
            raise MoveDiffers(f"{len(absent)} blobs are not at their new place, such as {min(absent)}.", tables=[])


def _sizes(conn: Connection) -> ScratchTable:
    """The blobs that rows name, with their bytes, in memory: the rows are not held open while media are copied."""
    sizes = ScratchTable("CREATE TABLE blob (key TEXT PRIMARY KEY, bytes INTEGER, is_there INTEGER) WITHOUT ROWID")
    sizes.change_many("INSERT INTO blob (key, bytes) VALUES (?, ?)", stream(conn, _NAMED))
    return sizes
