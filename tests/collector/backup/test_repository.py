"""A repository: its passphrase, its objects, and what an interrupted process leaves in it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from collector.backup.folder import LocalBackupFolder
from collector.backup.problems import (
    BackupDamaged,
    BackupInUse,
    BackupNotFound,
    BackupTooNew,
    PassphraseMissing,
    PassphraseWrong,
)
from collector.backup.repository import (
    HEADER,
    HEADER_COPY,
    ContentDiffers,
    change_passphrase,
    check_headers,
    open_repository,
)
from tests.collector.backup.saving import PASSPHRASE, opened

DATA = b"a recording" * 1000
CONTENT = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "backups"
    with opened(folder, for_writing=True) as repository:
        repository.put(CONTENT, [DATA])
        repository.commit()
    return folder


def test_what_was_saved_is_there_for_the_next_process(place: Path) -> None:
    with opened(place) as repository:
        assert repository.has(CONTENT)
        assert repository.read_bytes(CONTENT) == DATA


def test_nothing_readable_is_in_the_files(place: Path) -> None:
    for path in place.rglob("*"):
        if path.is_file():
            assert b"recording" not in path.read_bytes()
            assert CONTENT[:16] not in path.as_posix()
            assert path.stat().st_mode & 0o777 == 0o600
        else:
            assert path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("passphrase", ["", "wrong horse battery", PASSPHRASE + " "])
def test_another_passphrase_opens_nothing(place: Path, passphrase: str) -> None:
    with pytest.raises(PassphraseWrong), open_repository(LocalBackupFolder(place), passphrase):
        pass


def test_a_short_passphrase_makes_no_repository(tmp_path: Path) -> None:
    with (
        pytest.raises(PassphraseMissing),
        open_repository(LocalBackupFolder(tmp_path / "new"), "short", for_writing=True),
    ):
        pass
    assert not (tmp_path / "new" / HEADER).exists()


def test_a_folder_without_backups_is_no_repository_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"1")
    with pytest.raises(BackupNotFound), opened(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


def test_an_object_counts_once_its_key_is_saved(tmp_path: Path) -> None:
    with opened(tmp_path / "r", for_writing=True) as repository:
        repository.put(CONTENT, [DATA])
        repository.storage.commit()  # as far as a process comes that is killed before the page of keys
    with opened(tmp_path / "r", for_writing=True) as repository:
        assert not repository.has(CONTENT)
        repository.put(CONTENT, [DATA])
        repository.commit()
    with opened(tmp_path / "r") as repository:
        assert repository.read_bytes(CONTENT) == DATA


def test_a_lost_object_is_saved_again_under_its_old_key(place: Path) -> None:
    [lost] = [path for path in (place / "objects").rglob("*") if path.is_file()]
    before = lost.read_bytes()
    lost.unlink()
    with opened(place, for_writing=True) as repository:
        assert not repository.has(CONTENT)
        repository.put(CONTENT, [DATA])
        repository.commit()
    assert lost.read_bytes() == before
    assert len(list((place / "keys").iterdir())) == 1


def test_bytes_with_another_hash_are_not_saved(place: Path) -> None:
    with opened(place, for_writing=True) as repository:
        with pytest.raises(ContentDiffers):
            repository.put("ab" * 32, [DATA])
        repository.commit()
        assert not repository.has("ab" * 32)
    assert not list(place.rglob(".*.part"))


def test_one_writes_others_read_and_whoever_prunes_is_alone(place: Path) -> None:
    with opened(place, for_writing=True), opened(place), opened(place):
        for purpose in ("for_writing", "for_pruning"):
            with pytest.raises(BackupInUse), opened(place, **{purpose: True}):
                pass
    with opened(place, for_pruning=True):
        for purpose in ({}, {"for_writing": True}, {"for_pruning": True}):
            with pytest.raises(BackupInUse), opened(place, **purpose):
                pass


def test_two_objects_that_changed_places_are_found(place: Path) -> None:
    other = hashlib.sha256(b"other").hexdigest()
    with opened(place, for_writing=True) as repository:
        repository.put(other, [b"other"])
        repository.commit()
        first, second = (place / repository.name_of(name) for name in (CONTENT, other))
    first.rename(place / "aside")
    second.rename(first)
    (place / "aside").rename(second)
    with opened(place) as repository:
        for content in (CONTENT, other):
            with pytest.raises(BackupDamaged):
                repository.read_bytes(content)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"format": 2}, BackupTooNew),
        ({"memory": 2**50}, BackupDamaged),
        ({"passes": 10**6}, BackupDamaged),
        ({"passes": 2}, PassphraseWrong),
        ({"salt": "00" * 16}, PassphraseWrong),
        ({"salt": "00"}, BackupDamaged),
        ({"kdf": "scrypt"}, BackupDamaged),
    ],
)
def test_a_changed_header_is_refused(place: Path, change: dict[str, object], problem: type[Exception]) -> None:
    from wire.canonical import canonical_json

    header = json.loads((place / HEADER).read_bytes()) | change
    (place / HEADER).write_bytes(canonical_json(header))
    with pytest.raises(problem), opened(place):
        pass


def test_a_lost_header_is_put_back_from_its_copy(place: Path) -> None:
    (place / HEADER).unlink()
    with pytest.raises(BackupDamaged) as caught, opened(place):
        pass
    assert HEADER_COPY in caught.value.hint
    with pytest.raises(BackupDamaged), opened(place, for_writing=True):
        pass
    (place / HEADER).write_bytes((place / HEADER_COPY).read_bytes())
    with opened(place) as repository:
        assert repository.read_bytes(CONTENT) == DATA


def test_a_new_passphrase_opens_everything_and_the_old_one_nothing(tmp_path: Path) -> None:
    storage, other = LocalBackupFolder(tmp_path / "r"), "another horse battery staple"
    with opened(tmp_path / "r", for_writing=True) as repository:
        content = repository.put_bytes(b"data")
        repository.commit()
    for wrong in ("not the passphrase", other):
        with pytest.raises(PassphraseWrong):
            change_passphrase(storage, wrong, other)
    with pytest.raises(PassphraseMissing):
        change_passphrase(storage, PASSPHRASE, "short")
    change_passphrase(storage, PASSPHRASE, other)
    assert check_headers(storage) == []
    with pytest.raises(PassphraseWrong), opened(tmp_path / "r"):
        pass
    with open_repository(storage, other) as repository:
        assert repository.read_bytes(content) == b"data"
    with pytest.raises(BackupNotFound):
        change_passphrase(LocalBackupFolder(tmp_path / "none"), PASSPHRASE, other)
