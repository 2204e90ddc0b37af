"""A repository in a folder: files are there whole or not at all."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.backup.check import check_repository
from collector.backup.folder import LocalBackupFolder
from collector.backup.problems import BackupStorageUnusable, storage_errors
from collector.backup.restore import restore_snapshot
from tests.collector.backup.saving import furnish, opened, save
from tests.collector.review.filled import Filled
from tests.needs import need


def test_a_file_has_its_name_after_the_commit(tmp_path: Path) -> None:
    folder = LocalBackupFolder(tmp_path / "a")
    folder.put("objects/ab/one", [b"1", b"2"])
    assert list(folder.list("")) == []
    folder.commit()
    assert list(folder.list("objects")) == [("objects/ab/one", 2)]
    folder.delete(["objects/ab/one", "objects/ab/none"])
    assert list(folder.list("")) == []


def test_a_file_whose_pieces_fail_is_not_there(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"1"
        raise ValueError

    folder = LocalBackupFolder(tmp_path)
    with pytest.raises(ValueError):
        folder.put("one", pieces())
    folder.commit()
    assert list(tmp_path.iterdir()) == []


def test_what_a_kill_left_is_deleted_when_asked(tmp_path: Path) -> None:
    folder = LocalBackupFolder(tmp_path)
    folder.put("objects/ab/one", [b"1"])
    LocalBackupFolder(tmp_path).delete_unfinished()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    full = Path("/dev/full")
    need(full.exists(), "this system has no /dev/full")
    with (
        pytest.raises(BackupStorageUnusable, match="The backup cannot be written: the disk is full"),
        storage_errors("The backup cannot be written"),
        full.open("wb", buffering=0) as file,
    ):
        file.write(b"1")


def test_a_backup_onto_a_full_disk_resumes_once_there_is_room(filled: Filled, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("a real full disk needs a tmpfs of its own: run as root")
    disk = tmp_path / "disk"
    disk.mkdir()
    furnish(filled)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False).returncode != 0:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        with pytest.raises(BackupStorageUnusable, match="the disk is full"):
            save(filled, disk / "backups")
        with opened(disk / "backups") as repository:
            assert repository.snapshot_ids() == []
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        made = save(filled, disk / "backups")
        with opened(disk / "backups") as repository:
            found = check_repository(repository)
            assert (found.snapshots, found.damaged) == (1, ())
            assert found.leftovers == ()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)  # as one does to restore
        with opened(disk / "backups") as repository:
            assert restore_snapshot(repository, made.snapshot, tmp_path / "to").digest == made.snapshot.digest
        with pytest.raises(BackupStorageUnusable), opened(disk / "backups", for_writing=True):
            pass
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_only_be_read_can_be_read(tmp_path: Path) -> None:
    folder = LocalBackupFolder(tmp_path)
    folder.write("one", b"1")
    tmp_path.chmod(0o500)
    try:
        with folder.lock("users.lock", shared=True), folder.open("one") as file:
            assert file.read() == b"1"
        with pytest.raises(BackupStorageUnusable), folder.lock("writer.lock"):
            pass
    finally:
        tmp_path.chmod(0o700)
