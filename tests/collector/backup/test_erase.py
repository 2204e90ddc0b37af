"""A participant is taken out of every snapshot: no row, no recording, no key; everything of others stays as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from collector.backup.check import check_repository
from collector.backup.erase import ErasedParticipant, erase_participant, snapshots_with
from collector.backup.problems import BackupDamaged
from collector.backup.repository import Repository
from collector.backup.restore import newest_snapshot, restore_snapshot
from collector.backup.rows import dump_rows, rows_of
from collector.backup.snapshot import BackupSnapshot
from collector.cli.backups import _nobody
from collector.store.open import open_database
from tests.collector.backup.saving import files_of, furnish, gleaner, opened, save
from tests.collector.review.filled import Filled

ERASED = "p-erased"


def two_people(filled: Filled, folder: Path) -> list[str]:
    """Two snapshots of a collector with two participants; what one of them is known by: name and ids."""
    furnish(filled, takes=2)
    filled.begin("kitchen")
    other = filled.take("step-9", "show", {"image": b"of nobody else", "text": b"mine"}, ["boxes"])
    filled.make(other["take"])
    first = filled.rows("SELECT session_id FROM take WHERE id <> :id LIMIT 1", id=other["take"])[0].session_id
    filled.execute("UPDATE session SET participant = :name WHERE id = :id", name=ERASED, id=first)
    save(filled, folder)
    filled.person("bea")
    save(filled, folder)
    tables = ("take", "capture", "task")
    ids = [row.id for name in tables for row in filled.rows(f"SELECT id FROM {name} WHERE session_id = :id", id=first)]
    assert len(ids) > 10
    return [ERASED, *ids]


def erase(folder: Path) -> ErasedParticipant:
    with opened(folder, for_pruning=True) as repository:
        return erase_participant(repository, ERASED)


def lines_of(repository: Repository, snapshot: BackupSnapshot) -> str:
    # The version of a study names the session that it was first seen in: a random id, of which nothing else is left.
    lists = [table for table in (*snapshot.tables, snapshot.blobs) if table.name != "study_version"]
    return json.dumps([list(rows_of(table, repository.read_bytes)) for table in lists])


def test_nothing_of_a_participant_can_be_restored_from_any_snapshot(filled: Filled, tmp_path: Path) -> None:
    known = two_people(filled, tmp_path / "r")
    theirs = {
        row.blob
        for row in filled.rows(
            "SELECT blob FROM derived JOIN capture ON capture.id = capture_id JOIN session ON session.id = session_id"
            " GROUP BY blob HAVING min(participant) = :name AND max(participant) = :name",
            name=ERASED,
        )
    }
    assert theirs
    with opened(tmp_path / "r") as repository:
        old = {repository.name_of(blob) for blob in theirs}
        assert all(repository.has(blob) for blob in theirs) and len(snapshots_with(repository, ERASED)) == 2
    before = files_of(tmp_path / "r")
    found = erase(tmp_path / "r")
    assert len(found.snapshots) == 2 and found.rows > 10 and found.blobs == len(theirs)
    after = files_of(tmp_path / "r")
    assert old <= set(before) and not old & set(after)
    with opened(tmp_path / "r") as repository:
        assert snapshots_with(repository, ERASED) == {}
        assert check_repository(repository).damaged == ()
        # With the objects back from a copy elsewhere: their keys are gone.
        for name in old:
            (tmp_path / "r" / name).parent.mkdir(exist_ok=True, parents=True)
            (tmp_path / "r" / name).write_bytes(before[name])
    with opened(tmp_path / "r") as repository:
        for name in old:
            with pytest.raises(BackupDamaged, match="key"):
                list(repository.read_object(name))
        for name in repository.snapshot_ids():
            said = lines_of(repository, repository.find_snapshot(name))
            assert [one for one in (*known, *theirs) if one in said] == []
        restored = restore_snapshot(repository, newest_snapshot(repository), tmp_path / "to")
    assert files_of(tmp_path / "to" / "blobs") == {
        name: data for name, data in files_of(filled.folder / "blobs").items() if name.rsplit("/", 1)[1] not in theirs
    }
    database = open_database(tmp_path / "to")
    assert database.read_sync(dump_rows).digest == restored.digest
    waiting = "SELECT study, count(*) FROM task WHERE state = 'open' OR (state = 'leased' AND revision_id IS NULL)"
    counted = database.read_sync(lambda conn: [tuple(row) for row in conn.execute(f"{waiting} GROUP BY study")])
    kept = database.read_sync(
        lambda conn: [tuple(row) for row in conn.execute("SELECT * FROM waiting WHERE tasks > 0")]
    )
    assert kept == counted != []
    assert database.read_sync(lambda conn: conn.execute("SELECT count(*) FROM capture").scalar()) == 2
    database.close()


def test_an_erasure_that_was_stopped_is_continued(
    filled: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_people(filled, tmp_path / "r")
    real = Repository.save_snapshot
    saved: list[str] = []

    def save_one(repository: Repository, snapshot: BackupSnapshot) -> None:
        real(repository, snapshot)
        saved.append(snapshot.id)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Repository, "save_snapshot", save_one)
        erase(tmp_path / "r")
    with opened(tmp_path / "r") as repository:
        assert len(snapshots_with(repository, ERASED)) == 1 and check_repository(repository).damaged == ()
    assert len(erase(tmp_path / "r").snapshots) == 1
    assert erase(tmp_path / "r").rows == 0
    with opened(tmp_path / "r") as repository:
        assert snapshots_with(repository, ERASED) == {} and check_repository(repository).leftovers == ()


def test_the_command_says_what_is_left(filled: Filled, tmp_path: Path) -> None:
    two_people(filled, tmp_path / "r")
    words = ("backups", "erase", str(tmp_path / "r"), "--participant", ERASED, "--json")
    looked: dict[str, Any] = json.loads(gleaner(filled.folder, *words, "--look").stdout)
    assert looked["erased"] is None and len(looked["left"]) == 2
    done = gleaner(filled.folder, *words)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["left"] == {} and len(said["erased"]["snapshots"]) == 2
    again = gleaner(filled.folder, *words[:-1])
    assert again.returncode == 1 and "[participant-not-in-backups]" in again.stderr and again.stdout == ""
    looked_again = gleaner(filled.folder, *words[:-1], "--look")
    assert looked_again.returncode == 0 and "No snapshot has anything" in looked_again.stdout


def test_an_unknown_id_is_said_also_where_a_stopped_erasure_left_something(filled: Filled, tmp_path: Path) -> None:
    two_people(filled, tmp_path / "r")
    with opened(tmp_path / "r", for_writing=True) as repository:
        repository.put_bytes(b"of a backup that was stopped")
        repository.commit()
    words = ("backups", "erase", str(tmp_path / "r"), "--participant", f"{ERASED}-typo")
    done = gleaner(filled.folder, *words)
    assert done.returncode == 1 and done.stdout == "" and "[participant-not-in-backups]" in done.stderr
    assert "were deleted: 1." in done.stderr and "letter by letter" in done.stderr
    with opened(tmp_path / "r") as repository:
        assert check_repository(repository).leftovers == () and len(snapshots_with(repository, ERASED)) == 2
    assert "nothing was changed" in gleaner(filled.folder, *words).stderr


@pytest.mark.parametrize("objects", [0, 7])
def test_a_bucket_that_keeps_versions_has_what_an_earlier_erasure_deleted(objects: int) -> None:
    said = _nobody("p-7", objects, is_kept=True).message
    assert "keeps versions" in said and ("nothing was changed" in said) == (not objects)
    assert "versions" not in _nobody("p-7", objects, is_kept=False).message
