"""The commands about backups: where the passphrase comes from, what they print, and their exit status."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from collector.cli.repository import PASSPHRASE_VARIABLE
from tests.collector.backup.saving import PASSPHRASE, furnish
from tests.collector.review.filled import Filled
from tests.support import warm
from tests.support.databases import only_sqlite


def run(*words: str | Path, passphrase: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != PASSPHRASE_VARIABLE}
    if passphrase is not None:
        environment[PASSPHRASE_VARIABLE] = passphrase
    return warm.collectors().run(["collector", *map(str, words)], env=environment, timeout=60)


@pytest.fixture
def data(filled: Filled) -> Path:
    furnish(filled, takes=1)
    filled.db.close()
    return filled.folder


@only_sqlite  # a restore makes an SQLite database
def test_a_night_of_backups(data: Path, tmp_path: Path) -> None:
    place, secret = tmp_path / "backups", tmp_path / "secret"
    secret.write_text(PASSPHRASE + "\n")
    secret.chmod(0o644)
    refused = run("backup", place, "--passphrase-file", secret, "--data", data)
    assert refused.returncode == 2 and f"chmod 600 {secret}" in refused.stderr and not place.exists()
    secret.chmod(0o600)
    with_file = ("--passphrase-file", secret)
    for _ in range(2):
        done = run("backup", place, *with_file, "--data", data)
        assert done.returncode == 0 and done.stdout.startswith("Saved "), done.stderr
    listed = json.loads(run("backups", "list", place, *with_file, "--json").stdout)["snapshots"]
    assert len(listed) == 2 and listed[0]["digest"] == listed[1]["digest"]
    assert listed[1]["snapshot"] in run("backups", "list", place, *with_file).stdout
    pruned = json.loads(run("backups", "prune", place, *with_file, "--keep-daily", "7", "--json").stdout)
    assert pruned["kept"] == [listed[1]["snapshot"]] and pruned["removed"] == [listed[0]["snapshot"]]
    assert run("backups", "check", place, *with_file).returncode == 0
    done = run("restore", place, *with_file, "--data", tmp_path / "to", "--rate", "1000")
    assert done.returncode == 0 and f"gleaner collector serve --data {tmp_path / 'to'}" in done.stdout


@only_sqlite  # a restore makes an SQLite database
def test_without_the_right_passphrase_nothing_is_done(data: Path, tmp_path: Path) -> None:
    place = tmp_path / "backups"
    for passphrase in (None, "", "too short"):
        done = run("backup", place, "--data", data, passphrase=passphrase)
        assert done.returncode == 2 and "[passphrase-missing]" in done.stderr
    assert not (place / "repository.json").exists()
    done = run("backup", place, "--data", data, "--passphrase-file", tmp_path / "none")
    assert done.returncode == 2 and "[passphrase-missing]" in done.stderr
    assert run("backup", place, "--data", data, passphrase=PASSPHRASE).returncode == 0
    done = run("restore", place, "--data", tmp_path / "to", passphrase="wrong horse battery")
    assert done.returncode == 2 and "[passphrase-wrong]" in done.stderr
    assert not (tmp_path / "to").exists()


@only_sqlite  # a restore makes an SQLite database
def test_a_damaged_recording_ends_the_backup_with_1_and_is_named(data: Path, tmp_path: Path) -> None:
    blob = sorted(path for path in (data / "blobs").rglob("*") if path.is_file())[0]
    blob.write_bytes(b"rotten")
    done = run("backup", tmp_path / "backups", "--data", data, "--json", passphrase=PASSPHRASE)
    assert done.returncode == 1
    assert json.loads(done.stdout)["missing"] == [blob.name]
    assert f"The blob {blob.name} has changed on the disk" in done.stderr and "Traceback" not in done.stderr
    restored = run("restore", tmp_path / "backups", "--data", tmp_path / "to", "--json", passphrase=PASSPHRASE)
    assert restored.returncode == 1 and json.loads(restored.stdout)["left_out"] == 1
    checked = run("verify", "--data", tmp_path / "to", "--json")
    assert checked.returncode == 1
    assert [one["kind"] for one in json.loads(checked.stdout)["faults"]] == ["blob-missing"]


def test_a_folder_without_backups_is_a_sentence(tmp_path: Path) -> None:
    done = run("backups", "list", tmp_path, passphrase=PASSPHRASE)
    assert done.returncode == 3 and "[backup-not-found]" in done.stderr
