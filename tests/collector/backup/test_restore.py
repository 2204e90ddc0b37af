"""Restoring on an empty machine: the same rows, recordings and keys, or a sentence that says what is damaged."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from collector.backup.pace import Course
from collector.backup.problems import BackupDamaged, BackupNotFound, BackupTooNew, RestoreTargetNotEmpty
from collector.backup.repository import Repository
from collector.backup.restore import Restored, newest_snapshot, restore_snapshot
from collector.backup.rows import RowWriter, dump_rows, rows_of
from collector.backup.snapshot import BackupSnapshot
from collector.store.database import Database
from collector.store.fill import DatabaseNotEmpty
from collector.store.lock import DataInUse, lock_folder
from collector.store.migrate import make_database
from collector.store.open import RESTORE_MARK, RestoreUnfinished, open_database
from collector.store.read_only import MoveUnfinished
from tests.collector.backup.saving import files_of, furnish, opened, save
from tests.collector.review.filled import Filled
from tests.support import postgres
from tests.support.databases import Engine, on_both

# The order of constraints inside a table depends on the run of its migration.
SCHEMA = (
    "SELECT type, name, tbl_name, iif(type = 'table', length(sql), sql) FROM sqlite_master"
    " WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name"
)


@contextmanager
def at(folder: Path) -> Iterator[Database]:
    database = open_database(folder)
    try:
        yield database
    finally:
        database.close()


def restored(repository: Path, to: Path, snapshot: BackupSnapshot | None = None, **more: bool) -> Restored:
    with opened(repository) as found:
        return restore_snapshot(found, snapshot or newest_snapshot(found), to, **more)


def objects_of(repository: Path, contents: list[str]) -> list[Path]:
    with opened(repository) as found:
        return [repository / found.name_of(content) for content in contents]


def as_of(repository: Repository, snapshot: BackupSnapshot, schema: str, empty: Path) -> BackupSnapshot:
    """The same rows as a version at an older schema would have saved them; `empty`: a place for a database of it."""
    make_database(empty, schema)
    tables = []
    with closing(sqlite3.connect(empty)) as conn:
        for table in snapshot.tables:
            columns = [row[1] for row in conn.execute(f'PRAGMA table_info("{table.name}")')]
            places = [table.columns.index(name) for name in columns]
            writer = RowWriter(repository.put_bytes)
            for row in rows_of(table, repository.read_bytes):
                writer.add([row[place] for place in places])
            if columns:
                tables.append(writer.finish(table.name, columns))
    return snapshot.model_copy(update={"data_schema": schema, "tables": tuple(tables)})


@on_both
def test_everything_is_there_again(filled: Filled, engine: Engine, tmp_path: Path) -> None:
    """Rows of PostgreSQL come back as SQLite, with the same digest."""
    furnish(filled)
    save(filled, tmp_path / "r")
    before = filled.db.read_sync(dump_rows).digest
    found = restored(tmp_path / "r", tmp_path / "to")
    assert found.digest == before
    filled.db.close()
    for folder in ("blobs", "keys"):
        assert files_of(tmp_path / "to" / folder) == files_of(filled.folder / folder)
    assert sorted(path.name for path in (tmp_path / "to").iterdir()) == [
        "blobs", "collector.db", "collector.lock", "keys",
    ]  # fmt: skip
    with closing(sqlite3.connect(tmp_path / "to" / "collector.db")) as other:
        if engine == "sqlite":
            with closing(sqlite3.connect(filled.folder / "collector.db")) as one:
                assert other.execute(SCHEMA).fetchall() == one.execute(SCHEMA).fetchall()
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with at(tmp_path / "to") as database:
        assert database.read_sync(dump_rows).digest == before


@on_both
def test_rows_can_be_restored_into_postgresql(filled: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.store.fill.PIECE_ROWS", 5)
    furnish(filled)
    snapshot = save(filled, tmp_path / "r").snapshot
    address = postgres.new_address(migrated=False)
    try:
        for step in ("_restore_blobs", "_checked_digest"):  # from the first on nobody else begins there
            with (
                monkeypatch.context() as patched,
                pytest.raises(KeyboardInterrupt),
                opened(tmp_path / "r") as repository,
            ):
                patched.setattr(f"collector.backup.restore.{step}", raise_interrupt)
                restore_snapshot(repository, snapshot, tmp_path / "to", database=address)
            with pytest.raises(MoveUnfinished):
                open_database(tmp_path / "x", address)
        with opened(tmp_path / "r") as repository:
            found = restore_snapshot(repository, snapshot, tmp_path / "to", database=address)
        assert found.digest == snapshot.digest
        assert files_of(tmp_path / "to" / "blobs") == files_of(filled.folder / "blobs")
        database = open_database(tmp_path / "to", address)
        assert database.read_sync(dump_rows).digest == snapshot.digest
        database.close()
        with opened(tmp_path / "r") as repository, pytest.raises(DatabaseNotEmpty):
            restore_snapshot(repository, snapshot, tmp_path / "another", database=address)
        assert not (tmp_path / "another").exists()
    finally:
        postgres.drop(address)


def raise_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_only_its_owner_may_read_what_was_restored(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    save(filled, tmp_path / "r")
    before = os.umask(0)
    try:
        restored(tmp_path / "r", tmp_path / "to")
    finally:
        os.umask(before)
    for path in (tmp_path / "to").rglob("*"):
        assert not path.stat().st_mode & 0o077, path


def test_an_older_snapshot_can_be_named(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    first = save(filled, tmp_path / "r").snapshot
    filled.person("bea")
    second = save(filled, tmp_path / "r").snapshot
    assert first.digest != second.digest
    assert restored(tmp_path / "r", tmp_path / "one", first).digest == first.digest
    assert restored(tmp_path / "r", tmp_path / "two").digest == second.digest


def test_a_folder_with_anything_in_it_is_refused(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    save(filled, tmp_path / "r")
    to = tmp_path / "to"
    to.mkdir()
    (to / "photo.jpg").write_bytes(b"1")
    with pytest.raises(RestoreTargetNotEmpty):
        restored(tmp_path / "r", to)
    assert [path.name for path in to.iterdir()] == ["photo.jpg"]
    with pytest.raises(RestoreTargetNotEmpty):
        restored(tmp_path / "r", filled.folder)


def test_an_interrupted_restore_is_continued_and_no_service_starts_before(
    filled: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.backup.restore.MAX_BATCH_BYTES", 1_000_000)
    furnish(filled)
    snapshot = save(filled, tmp_path / "r").snapshot
    to, done = tmp_path / "to", [0]

    def stop_late(count: int) -> None:
        done[0] += count
        if done[0] > snapshot.blob_bytes - 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), opened(tmp_path / "r") as repository:
        restore_snapshot(repository, snapshot, to, Course(advance=stop_late))
    assert (to / RESTORE_MARK).exists() and not (to / "collector.db").exists()
    with pytest.raises(RestoreUnfinished):
        open_database(to)
    there = {path: path.stat().st_ino for path in (to / "blobs").rglob("*") if len(path.name) == 64}
    assert len(there) > 3
    assert restored(tmp_path / "r", to, snapshot).digest == snapshot.digest
    assert {path: path.stat().st_ino for path in there} == there
    assert not list((to / "blobs").rglob(".*"))
    assert not (to / RESTORE_MARK).exists()


def test_a_restore_of_another_snapshot_does_not_continue_it(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    first = save(filled, tmp_path / "r").snapshot
    filled.person("bea")
    save(filled, tmp_path / "r")

    def stop(_count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), opened(tmp_path / "r") as repository:
        restore_snapshot(repository, first, tmp_path / "to", Course(begin=stop))
    with pytest.raises(RestoreTargetNotEmpty):
        restored(tmp_path / "r", tmp_path / "to")


def test_a_restore_in_a_folder_in_use_is_refused(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    save(filled, tmp_path / "r")
    (tmp_path / "to").mkdir()
    held = lock_folder(tmp_path / "to")
    try:
        with pytest.raises(DataInUse):
            restored(tmp_path / "r", tmp_path / "to")
    finally:
        os.close(held)


def test_damaged_recordings_are_named_and_the_rest_can_be_restored(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    snapshot = save(filled, tmp_path / "r").snapshot
    keys = [row.blob for row in filled.rows("SELECT DISTINCT blob FROM derived ORDER BY blob LIMIT 2")]
    damaged, lost = objects_of(tmp_path / "r", keys)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    lost.unlink()
    with pytest.raises(BackupDamaged) as caught:
        restored(tmp_path / "r", tmp_path / "to")
    named = {path.relative_to(tmp_path / "r").as_posix() for path in (damaged, lost)}
    assert set(caught.value.facts["files"]) == named
    assert not (tmp_path / "to" / "collector.db").exists()
    found = restored(tmp_path / "r", tmp_path / "to", without_damaged=True)
    assert set(found.left_out) == named and found.digest == snapshot.digest
    here = {path.name for path in (tmp_path / "to" / "blobs").rglob("*") if path.is_file()}
    assert len(here) == snapshot.blobs.rows - 2 and not here & set(keys)


def test_damaged_rows_and_keys_are_never_left_out(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    snapshot = save(filled, tmp_path / "r").snapshot
    segment = next(table.segments[0] for table in snapshot.tables if table.name == "revision")
    for number, path in enumerate(objects_of(tmp_path / "r", [segment, snapshot.files[0].sha256])):
        before = path.read_bytes()
        path.write_bytes(bytes([before[0] ^ 1]) + before[1:])
        with pytest.raises(BackupDamaged, match=path.name):
            restored(tmp_path / "r", tmp_path / f"to-{number}", without_damaged=True)
        assert not (tmp_path / f"to-{number}" / "collector.db").exists()
        path.write_bytes(before)


def test_a_repository_without_a_whole_backup_has_nothing_to_restore(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    save(filled, tmp_path / "r")
    for path in (tmp_path / "r" / "snapshots").iterdir():
        path.unlink()
    with pytest.raises(BackupNotFound):
        restored(tmp_path / "r", tmp_path / "to")
    with opened(tmp_path / "r") as repository, pytest.raises(BackupNotFound):
        repository.find_snapshot("20260101T000000Z-00000000")


def test_a_newer_backup_is_refused_and_an_older_one_is_migrated_by_the_service(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    snapshot = save(filled, tmp_path / "r").snapshot
    newer = snapshot.model_copy(update={"data_schema": "9999"})
    with pytest.raises(BackupTooNew):
        restored(tmp_path / "r", tmp_path / "to", newer)
    with opened(tmp_path / "r", for_writing=True) as repository:
        older = as_of(repository, snapshot, "0010", tmp_path / "0010.db")
        repository.commit()
    restored(tmp_path / "r", tmp_path / "old", older)
    with at(tmp_path / "old") as database:
        database.read_sync(dump_rows)
        rows = database.read_sync(lambda conn: conn.execute("SELECT sum(pieces) FROM finished_minute").scalar())
    assert rows == 2
