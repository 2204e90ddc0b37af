"""One contract for every place that backups may be in: a folder, two S3 servers, and one that fails every tenth
request.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector.backup.bucket import S3BackupStorage
from collector.backup.check import check_repository
from collector.backup.erase import erase_participant, snapshots_with
from collector.backup.folder import LocalBackupFolder
from collector.backup.problems import BackupInUse, PassphraseWrong
from collector.backup.repository import change_passphrase, is_repository, open_repository
from collector.backup.restore import restore_snapshot
from collector.backup.retention import Retention, prune_repository
from collector.backup.storage import BackupStorage
from collector.store.objects import PART_BYTES
from collector.store.s3_place import S3Place
from tests.collector.backup.saving import PASSPHRASE, furnish, opened, save
from tests.collector.review.filled import Filled
from tests.support.s3 import S3Server
from tests.support.s3_faults import failing

PLACES = ("folder", "moto", "ministack", "failing")
# What a test opens the same place with again, as another process does.
Open = Callable[[], BackupStorage]


@pytest.fixture(params=PLACES)
def again(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    if request.param == "folder":
        yield lambda: LocalBackupFolder(tmp_path / "backups")
        return
    server: S3Server = request.getfixturevalue("ministack" if request.param == "ministack" else "moto")
    address = f"s3://{server.new_bucket()}/a/folder"
    if request.param != "failing":
        yield lambda: S3BackupStorage(S3Place(address, server.endpoint))
        return
    with failing(server.endpoint) as proxy:
        yield lambda: S3BackupStorage(S3Place(address, proxy.endpoint))


@pytest.fixture
def storage(again: Open) -> BackupStorage:
    return again()


def listed(storage: BackupStorage, folder: str = "") -> list[tuple[str, int]]:
    return sorted(storage.list(folder))


def test_files_are_there_after_the_commit_for_everybody(storage: BackupStorage, again: Open) -> None:
    wanted = {f"objects/{n:02x}/{n:064x}": os.urandom(n * 1000) for n in range(40)}
    for name, data in wanted.items():
        storage.put(name, [data[:100], data[100:]])
    storage.commit()
    assert listed(again(), "objects") == sorted((name, len(data)) for name, data in wanted.items())
    assert listed(again(), "object") == [] == listed(again(), "keys")
    for name, data in wanted.items():
        with again().open(name) as file:
            assert file.read() == data


def test_a_large_file_comes_back_as_it_was(storage: BackupStorage, again: Open) -> None:
    pieces = [os.urandom(2**20) for _ in range(PART_BYTES // 2**20 + 3)]
    storage.put("objects/ab/large", pieces)
    storage.commit()
    with again().open("objects/ab/large") as file:
        assert file.read(3 * 2**20 + 5) + file.read() == b"".join(pieces)


def test_a_small_file_is_replaced_whole(storage: BackupStorage) -> None:
    storage.write("repository.json", b"one")
    storage.write("repository.json", b"the other")
    with storage.open("repository.json") as file:
        assert file.read() == b"the other"


def test_a_file_whose_pieces_fail_is_not_there(storage: BackupStorage) -> None:
    def pieces(count: int) -> Iterator[bytes]:
        yield from [bytes(2**20)] * count
        raise ValueError

    for count in (1, PART_BYTES // 2**20 + 1):
        with pytest.raises(ValueError):
            storage.put("objects/ab/one", pieces(count))
    storage.commit()
    assert listed(storage, "objects") == []
    with pytest.raises(FileNotFoundError):
        storage.open("objects/ab/one")


def test_what_is_deleted_is_gone_and_more_is_no_error(storage: BackupStorage) -> None:
    for name in ("keys/1", "keys/2"):
        storage.write(name, b"k")
    storage.delete(iter(["keys/1", "keys/none"]))
    storage.delete_unfinished()
    assert listed(storage, "keys") == [("keys/2", 1)]


def test_many_read_while_one_writes_and_whoever_prunes_is_alone(again: Open) -> None:
    reader, writer = again(), again()
    with reader.lock("users.lock", shared=True), writer.lock("users.lock", shared=True), writer.lock("writer.lock"):
        for name in ("writer.lock", "users.lock"):
            with pytest.raises(BackupInUse, match="Another process"), again().lock(name):
                pass
    with again().lock("users.lock"), pytest.raises(BackupInUse), again().lock("users.lock", shared=True):
        pass
    with again().lock("users.lock"), again().lock("writer.lock"):
        assert [name for name, _size in again().list("objects")] == []


def test_a_whole_life_of_a_repository(filled: Filled, again: Open, tmp_path: Path) -> None:
    """Backup, the same again, check, restore, erasure of a participant, pruning, another passphrase."""
    assert not is_repository(again())
    furnish(filled)
    made = save(filled, again())
    assert made.new_blobs == made.snapshot.blobs.rows and is_repository(again())
    second = save(filled, again())
    assert (second.new_blobs, second.snapshot.digest) == (0, made.snapshot.digest)
    with opened(again()) as repository:
        found = check_repository(repository)
        assert (found.snapshots, found.damaged, found.leftovers) == (2, (), ())
        assert restore_snapshot(repository, made.snapshot, tmp_path / "to").digest == made.snapshot.digest
    (participant,) = {row.participant for row in filled.rows("SELECT participant FROM session")}
    with opened(again(), for_pruning=True) as repository:
        erase_participant(repository, participant)
        assert snapshots_with(repository, participant) == {} and not repository.storage.is_versioned()
    with opened(again(), for_pruning=True) as repository:
        pruned = prune_repository(repository, Retention(1, 0, 0, 0))
        assert len(pruned.kept) == len(pruned.removed) == 1
    change_passphrase(again(), PASSPHRASE, "six other words that nobody knows")
    with pytest.raises(PassphraseWrong), opened(again()):
        pass
    with open_repository(again(), "six other words that nobody knows") as repository:
        assert check_repository(repository).damaged == ()
