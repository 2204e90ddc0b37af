"""Backups of a live collector: equal to it, incremental, and never half."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.backup.backup import make_backup
from collector.backup.pace import Course, ReadLimit
from collector.backup.restore import restore_snapshot
from collector.backup.rows import dump_rows
from collector.key_folder import KeyFolder
from collector.store.blobs import BlobMissing, StoredBlob
from tests.collector.backup.saving import files_of, furnish, opened, save
from tests.collector.review.filled import Filled


def blob_path(filled: Filled, key: str) -> Path:
    return filled.blobs.root / key[:2] / key[2:4] / key


def test_the_digest_of_a_backup_is_that_of_the_data(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    made = save(filled, tmp_path / "r")
    assert made.snapshot.digest == filled.db.read_sync(dump_rows).digest
    assert made.new_blobs == made.snapshot.blobs.rows > 10
    assert made.new_bytes == made.snapshot.blob_bytes
    assert [file.path for file in made.snapshot.files] == ["keys/admin.key", "keys/receipt.key"]
    assert made.snapshot.missing == made.damaged == ()


def test_the_next_backup_copies_only_what_is_new(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    save(filled, tmp_path / "r")
    before = files_of(tmp_path / "r")
    again = save(filled, tmp_path / "r")
    assert again.new_blobs == again.new_bytes == 0
    assert len(files_of(tmp_path / "r")) == len(before) + 1  # the snapshot
    filled.take("more", "show", {"image": b"one more picture"}, ["boxes"])
    third = save(filled, tmp_path / "r")
    assert (third.new_blobs, third.new_bytes) == (1, len(b"one more picture"))
    assert {name: data for name, data in files_of(tmp_path / "r").items() if name in before} == before


class Dying:
    """Blobs that stop a backup after so many were read, as kill -9 does."""

    def __init__(self, filled: Filled, blobs: int) -> None:
        self._blobs, self._left = filled.blobs, blobs

    def size(self, key: str) -> int:
        return self._blobs.size(key)

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return self._blobs.read(key, start, end)


def test_an_interrupted_backup_is_no_backup_and_is_resumed(
    filled: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(filled)
    monkeypatch.setattr("collector.backup.repository.MAX_BATCH_OBJECTS", 3)
    blobs = Dying(filled, 8)
    with pytest.raises(KeyboardInterrupt), opened(tmp_path / "r", for_writing=True) as repository:
        make_backup(repository, filled.db, blobs, filled.folder, KeyFolder(filled.folder / "keys"))  # type: ignore[arg-type]
    with opened(tmp_path / "r") as repository:
        assert repository.snapshot_ids() == []
    made = save(filled, tmp_path / "r")
    assert 0 < made.new_blobs <= made.snapshot.blobs.rows - 6
    with opened(tmp_path / "r") as repository:
        restored = restore_snapshot(repository, made.snapshot, tmp_path / "to")
    assert restored.digest == made.snapshot.digest


class Erased:
    """Blobs of which one is erased, with its rows, while the backup copies."""

    def __init__(self, filled: Filled, key: str, *, with_rows: bool) -> None:
        self._filled, self._key, self._with_rows = filled, key, with_rows

    def size(self, key: str) -> int:
        if key == self._key:
            if self._with_rows:
                self._filled.execute("DELETE FROM derived WHERE blob = :key", key=key)
            raise BlobMissing("gone")
        return self._filled.blobs.size(key)

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        return self._filled.blobs.read(key, start, end)

    def list(self) -> Iterator[StoredBlob]:
        return self._filled.blobs.list()


def test_what_is_erased_during_a_backup_is_not_in_it(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    key = filled.rows("SELECT blob FROM derived WHERE kind = 'original'")[1].blob
    with opened(tmp_path / "r", for_writing=True) as repository:
        blobs = Erased(filled, key, with_rows=True)
        made = make_backup(repository, filled.db, blobs, filled.folder, KeyFolder(filled.folder / "keys"))  # type: ignore[arg-type]
        assert made.snapshot.missing == ()
        assert not repository.has(key)
    assert made.snapshot.digest == filled.db.read_sync(dump_rows).digest


def test_a_blob_that_rows_name_and_nobody_has_is_reported(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    key = filled.rows("SELECT blob FROM derived WHERE kind = 'original'")[0].blob
    blob_path(filled, key).unlink()
    made = save(filled, tmp_path / "r")
    assert made.snapshot.missing == (key,) and made.damaged == ()
    with opened(tmp_path / "r") as repository:
        restored = restore_snapshot(repository, made.snapshot, tmp_path / "to")
    assert restored.digest == made.snapshot.digest


def test_a_blob_that_was_saved_and_is_gone_since_is_named_and_can_be_restored(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    assert save(filled, tmp_path / "r").lost == ()
    key = filled.rows("SELECT blob FROM derived WHERE kind = 'original'")[0].blob
    blob_path(filled, key).unlink()
    made = save(filled, tmp_path / "r")
    assert made.lost == (key,) and made.snapshot.missing == made.damaged == ()
    with opened(tmp_path / "r") as repository:
        restore_snapshot(repository, made.snapshot, tmp_path / "to")
    assert key in {path.name for path in (tmp_path / "to" / "blobs").rglob("*")}


def test_a_blob_that_changed_on_the_disk_is_reported_and_its_old_copy_stays(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    old, new = (
        row.blob for row in filled.rows("SELECT blob FROM derived GROUP BY blob ORDER BY max(bytes) DESC LIMIT 2")
    )
    hidden = blob_path(filled, new).read_bytes()
    blob_path(filled, new).unlink()
    save(filled, tmp_path / "r")
    blob_path(filled, old).write_bytes(b"rotten")
    blob_path(filled, new).write_bytes(hidden[:-1] + bytes([hidden[-1] ^ 1]))
    made = save(filled, tmp_path / "r")
    assert made.snapshot.missing == made.damaged == (new,)
    with opened(tmp_path / "r") as repository:
        assert repository.has(old) and not repository.has(new)


def test_the_bar_reaches_its_end_and_the_limit_holds(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    totals: list[int] = []
    done: list[int] = []
    waits: list[int] = []

    class Counting(ReadLimit):
        def wait(self, count: int) -> None:
            waits.append(count)

    course = Course(begin=totals.append, advance=done.append, limit=Counting())
    for _ in range(2):
        with opened(tmp_path / "r", for_writing=True) as repository:
            made = make_backup(
                repository, filled.db, filled.blobs, filled.folder, KeyFolder(filled.folder / "keys"), course
            )
    assert totals == [made.snapshot.blob_bytes] * 2
    assert sum(done) == 2 * made.snapshot.blob_bytes
    assert sum(waits) == made.snapshot.blob_bytes


def test_snapshots_say_what_they_are_of(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    made = save(filled, tmp_path / "r").snapshot
    with opened(tmp_path / "r") as repository:
        assert [repository.find_snapshot(name) for name in repository.snapshot_ids()] == [made]
    assert json.dumps(made.to_json()).count("receipt.key") == 1
    assert made.started_at < made.finished_at
    assert made.rows == sum(table.rows for table in made.tables)


def test_the_security_log_is_saved_as_far_as_its_last_whole_line(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    (filled.folder / "logs").mkdir()
    (filled.folder / "logs" / "security.jsonl").write_bytes(b'{"n": 1}\n{"n": 2')
    saved = {file.path: file.sha256 for file in save(filled, tmp_path / "r").snapshot.files}
    with opened(tmp_path / "r") as repository:
        assert repository.read_bytes(saved["logs/security.jsonl"]) == b'{"n": 1}\n'


def test_key_files_in_the_making_are_left_out(filled: Filled, tmp_path: Path) -> None:
    furnish(filled)
    shutil.copy(filled.folder / "keys/receipt.key", filled.folder / "keys/.receipt.key.part")
    assert {file.path for file in save(filled, tmp_path / "r").snapshot.files} == {"keys/admin.key", "keys/receipt.key"}
