"""Backups in a bucket: locks that end with their holders, commands, and a restore whose media go to an S3 server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.backup import bucket_lock
from collector.backup.bucket import S3BackupStorage
from collector.backup.check import check_repository
from collector.backup.problems import BackupInUse, BackupStorageUnusable, RestoreTargetNotEmpty
from collector.backup.restore import restore_snapshot
from collector.cli.repository import PASSPHRASE_VARIABLE, storage_at
from collector.store.open_blobs import BlobsLocation, open_blobs
from collector.store.s3_place import S3Place
from tests.collector.backup.saving import PASSPHRASE, furnish, gleaner, opened, save
from tests.collector.review.filled import Filled
from tests.needs import ROOT
from tests.support import local_http, warm
from tests.support.databases import environment_of
from tests.support.s3 import S3Server
from tests.support.s3_faults import failing
from tests.support.waiting import until
from wire.parent import bound


@pytest.fixture
def place(moto: S3Server) -> S3Place:
    return S3Place(f"s3://{moto.new_bucket()}/backups", moto.endpoint)


@pytest.fixture
def environment(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("GLEANER_BACKUP_S3_ENDPOINT", moto.endpoint)
    yield


def locks(place: S3Place) -> list[str]:
    return [name for name, _size, _at in S3BackupStorage(place)._objects.list("locks")]


HOLD = """
import sys, time
from collector.backup.bucket import S3BackupStorage
from collector.store.s3_place import S3Place
from wire.parent import end_with_parent
end_with_parent()
with S3BackupStorage(S3Place(*sys.argv[1:])).lock("writer.lock"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_lock_of_a_killed_process_ends_and_that_of_a_living_one_does_not(
    place: S3Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, place.address, str(place.endpoint)],
        cwd=ROOT, stdout=subprocess.PIPE, **bound(),
    )  # fmt: skip
    try:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        with pytest.raises(BackupInUse, match="Another process"), S3BackupStorage(place).lock("writer.lock"):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert len(locks(place)) == 1
        monkeypatch.setattr(bucket_lock, "OVER_SECONDS", -1.0)  # as if that time had gone by
        with S3BackupStorage(place).lock("writer.lock"):
            assert len(locks(place)) == 1
        assert locks(place) == []
    finally:
        holder.kill()
        holder.wait()


def test_a_lock_is_written_anew_while_it_is_held(place: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_lock, "RENEW_SECONDS", 0.01)
    storage = S3BackupStorage(place)
    with storage.lock("users.lock", shared=True):
        first = storage._locks[0]._written_at
        until(lambda: storage._locks[0]._written_at > first)
    assert locks(place) == []


def test_whoever_lost_a_lock_writes_nothing_more(place: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = S3BackupStorage(place)
    with storage.lock("writer.lock"):
        storage.write("keys/1", b"k")
        monkeypatch.setattr(bucket_lock, "HELD_SECONDS", -1.0)
        for change in (lambda: storage.write("keys/2", b"k"), lambda: storage.delete(["keys/1"])):
            with pytest.raises(BackupStorageUnusable, match="did not answer for"):
                change()
    assert [name for name, _size in S3BackupStorage(place).list("keys")] == ["keys/1"]


def test_credentials_that_only_read_can_read(place: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    import obstore
    from obstore.exceptions import PermissionDeniedError

    S3BackupStorage(place).write("keys/1", b"k")

    def denied(*_words: object, **_options: object) -> None:
        raise PermissionDeniedError("status code: 403 Forbidden: <Error><Code>AccessDenied</Code></Error>")

    monkeypatch.setattr(obstore, "put", denied)
    storage = S3BackupStorage(place)
    with storage.lock("users.lock", shared=True), storage.open("keys/1") as file:
        assert file.read() == b"k"
    with pytest.raises(BackupStorageUnusable, match="403 Forbidden"), storage.lock("writer.lock"):
        pass


def test_a_backup_that_was_killed_is_continued(
    filled: Filled, moto: S3Server, place: S3Place, environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was committed is not copied again; the lock of the dead one ends; nothing is left over or damaged."""
    furnish(filled)
    row = filled.rows("SELECT blob, bytes FROM derived ORDER BY bytes LIMIT 1")[0]
    with opened(S3BackupStorage(place), for_writing=True) as repository:
        repository.put(row.blob, filled.blobs.read(row.blob, 0, row.bytes))
        repository.commit()
    words = ["collector", "backup", place.address, "--data", str(filled.folder), "--rate", "0.1"]
    told = {**os.environ, **environment_of(filled.folder), PASSPHRASE_VARIABLE: PASSPHRASE}
    with (tmp_path / "log").open("wb") as log:
        process = warm.collectors().start(words, env=told, stdout=log, stderr=log)
        until(lambda: process.poll() is not None or len(list(S3BackupStorage(place).list("objects"))) > 3)
        assert process.poll() is None, (tmp_path / "log").read_text()
        process.kill()
    assert len(locks(place)) == 2
    with pytest.raises(BackupInUse):
        save(filled, S3BackupStorage(place))
    monkeypatch.setattr(bucket_lock, "OVER_SECONDS", -1.0)  # as if that time had gone by
    made = save(filled, S3BackupStorage(place))
    assert made.new_blobs == made.snapshot.blobs.rows - 1
    with opened(S3BackupStorage(place)) as repository:
        found = check_repository(repository)
        assert (found.snapshots, found.damaged, found.leftovers) == (1, (), ())
    assert locks(place) == []


def test_what_the_server_refuses_is_a_sentence(moto: S3Server) -> None:
    storage = S3BackupStorage(S3Place("s3://never-made", moto.endpoint))
    with pytest.raises(BackupStorageUnusable, match="there is no bucket never-made"):
        storage.open("repository.json")
    storage.put("objects/a", [b"1"])
    with pytest.raises(BackupStorageUnusable, match="The backup cannot be written: there is no bucket never-made"):
        storage.commit()
    storage.commit()


VERSIONS = '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>{}</Status>\
</VersioningConfiguration>'


def test_erasing_says_when_the_bucket_has_versions_of_what_is_deleted(
    filled: Filled, moto: S3Server, place: S3Place, environment: None
) -> None:
    furnish(filled)
    filled.execute("UPDATE session SET participant = 'p-erased'")
    words = ("backups", "erase", place.address, "--participant", "p-erased")
    for state, is_kept in (("Suspended", False), ("Enabled", True)):
        body = VERSIONS.format(state)
        local_http.request("PUT", f"{moto.endpoint}/{place.bucket}?versioning", content=body).raise_for_status()
        save(filled, S3BackupStorage(place))
        done = gleaner(filled.folder, *words, "--json")
        said = json.loads(done.stdout)
        assert (done.returncode, said["left"], said["versioned"]) == (int(is_kept), {}, is_kept), done.stderr
        assert said["erased"]["rows"] > 0
    again = gleaner(filled.folder, *words)
    assert again.returncode == 1 and "participant-not-in-backups" in again.stderr
    save(filled, S3BackupStorage(place))
    done = gleaner(filled.folder, *words)
    assert done.returncode == 1
    for said in (again.stderr, done.stdout):
        assert "The bucket keeps versions: what was deleted here" in " ".join(said.split())
    assert gleaner(filled.folder, *words, "--look").returncode == 0


def test_media_are_restored_to_an_s3_server(filled: Filled, moto: S3Server, place: S3Place, tmp_path: Path) -> None:
    furnish(filled)
    made = save(filled, S3BackupStorage(place))
    address = f"s3://{moto.new_bucket()}/media"
    target = tmp_path / "to"
    with failing(moto.endpoint) as proxy, opened(S3BackupStorage(place)) as repository:
        media = BlobsLocation(target / "blob-copies", address, proxy.endpoint)
        assert restore_snapshot(repository, made.snapshot, target, media=media).digest == made.snapshot.digest
    blobs = open_blobs(BlobsLocation(tmp_path / "copies", address, moto.endpoint))
    named = {row.blob: row.bytes for row in filled.rows("SELECT DISTINCT blob, bytes FROM derived")}
    assert {found.key: found.bytes for found in blobs.list()} == named
    assert not (target / "blobs").exists() and (target / "collector.db").exists()
    blobs.write_mark("of a service")
    with opened(S3BackupStorage(place)) as repository, pytest.raises(RestoreTargetNotEmpty, match=address):
        restore_snapshot(repository, made.snapshot, tmp_path / "other", media=media)
    assert not (tmp_path / "other").exists()


def test_the_commands_take_an_address(
    filled: Filled, moto: S3Server, environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(filled)
    address = f"s3://{moto.new_bucket()}/backups"
    data = filled.folder
    made = gleaner(data, "backup", address, "--data", str(data), "--json")
    assert made.returncode == 0, made.stderr
    assert gleaner(data, "backups", "list", address).stdout.count("2") > 1
    checked = gleaner(data, "backups", "check", address)
    assert "No problem was found: 1 snapshots" in checked.stdout, checked.stderr
    compared = gleaner(data, "verify", "--backup", address, "--data", str(data), "--json")
    assert json.loads(compared.stdout)["whole"], compared.stdout
    monkeypatch.setenv("GLEANER_COLLECTOR_BLOBS", f"s3://{moto.new_bucket()}/m")
    monkeypatch.setenv("GLEANER_COLLECTOR_S3_ENDPOINT", moto.endpoint)
    restored = gleaner(tmp_path / "to", "restore", address, "--data", str(tmp_path / "to"), "--json")
    assert json.loads(restored.stdout)["digest"] == json.loads(made.stdout)["digest"], restored.stderr
    wrong = gleaner(data, "backups", "list", "s3://B")
    assert wrong.returncode == 3 and "is no address like s3://bucket/folder" in " ".join(wrong.stderr.split())


def test_a_profile_of_their_own_has_to_be_there(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLEANER_BACKUP_AWS_PROFILE", "nobodys")
    from collector.backup.problems import BackupNotFound

    with pytest.raises(BackupNotFound, match="no credentials of nobodys"):
        storage_at("s3://bucket/folder")
