"""A repository in a folder: files are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.backup.folder import LocalBackupFolder
from collector.backup.problems import BackupStorageUnusable, storage_errors
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
