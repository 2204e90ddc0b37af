"""Backups of a real service under uploads and submits, killed at any moment; the restored collector serves the same."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from collector.cli.repository import PASSPHRASE_VARIABLE
from tests.collector.backup.load import Load
from tests.collector.backup.saving import PASSPHRASE
from tests.collector.running import Collector, DeviceClient
from tests.collector.samples import Sample, sample
from tests.support import warm
from tests.support.databases import only_sqlite
from tests.support.trials import rounds
from tests.support.waiting import until

SETTINGS = {PASSPHRASE_VARIABLE: PASSPHRASE}


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Collector]:
    running = Collector(tmp_path / "one", **SETTINGS)
    running.data.parent.mkdir()
    running.start()
    yield running
    running.stop()


@contextmanager
def elsewhere(tmp_path: Path, repository: Path) -> Iterator[Collector]:
    """A collector on another machine, so to speak, that is restored from the repository and started."""
    other = Collector(tmp_path / "other", **SETTINGS)
    other.data.parent.mkdir()
    done = other.run("restore", str(repository), "--json")
    assert done.returncode == 0, done.stderr
    checked = other.run("verify", "--json")
    assert checked.returncode == 0, checked.stdout
    assert json.loads(checked.stdout)["digest"] == json.loads(done.stdout)["digest"]
    other.start()
    try:
        yield other
    finally:
        other.stop()


def back_up(collector: Collector, repository: Path) -> dict[str, Any]:
    done = collector.run("backup", str(repository), "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def check(repository: Path) -> dict[str, Any]:
    words = ["collector", "backups", "check", str(repository), "--json"]
    done = warm.collectors().run(words, env={**os.environ, **SETTINGS}, timeout=60)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def served(collector: Collector, lead: httpx.Client, device: DeviceClient, load: Load) -> dict[str, Any]:
    """What a collector answers about everything that was sent and submitted."""
    answers: dict[str, Any] = {"tasks": lead.get("/api/tasks?limit=500").json()["tasks"]}
    for take in load.takes:
        capture = take.captures[0].id
        for what in ("media", "original"):
            reply = lead.get(f"/api/captures/{capture}/{what}")
            answers[f"{capture} {what}"] = reply.status_code, hashlib.sha256(reply.content).hexdigest()
        answers[f"{capture} receipt"] = device.receipt(capture).json()
    for task in load.submitted:
        answers[f"{task} revisions"] = lead.get(f"/api/tasks/{task}/revisions").json()
    return answers


@only_sqlite  # a restore makes an SQLite database
@pytest.mark.soak
def test_a_restored_collector_serves_what_was_saved_under_load_whenever_the_backup_is_killed(
    fresh: Collector, tmp_path: Path
) -> None:
    repository, chance = tmp_path / "repository", random.Random(3)
    with Load(fresh) as load:
        until(lambda: len(load.submitted) > 4)
        for _ in range(rounds(3, 20)):
            _kill_a_backup(fresh, repository, chance.uniform(0.2, 1.5))
            if (repository / "repository.json").exists():
                assert check(repository)["damaged"] == []
        during = back_up(fresh, repository)
        assert check(repository)["snapshots"] >= 1
        assert during["rows"] > 50 and during["missing"] == []

    def is_done() -> bool:
        return fresh.run("verify").returncode == 0 and b"waiting" not in _jobs(fresh)

    until(is_done)
    after = back_up(fresh, repository)
    assert after["new_blobs"] < after["blobs"]
    expected = served(fresh, load.lead, load.device, load)
    assert len(expected) > 20
    fresh.stop()
    with elsewhere(tmp_path, repository) as other:
        headers = load.lead.headers
        with httpx.Client(base_url=other.url, headers=headers, timeout=30) as lead:
            device = DeviceClient(other, _credentials(load.device))
            assert served(other, lead, device, load) == expected


def _jobs(collector: Collector) -> bytes:
    import sqlite3

    with sqlite3.connect(f"file:{collector.data / 'collector.db'}?mode=ro", uri=True) as rows:
        return repr(rows.execute("SELECT DISTINCT state FROM job").fetchall()).encode()


def _credentials(device: DeviceClient) -> dict[str, str]:
    return {"device": device.id, "token": device.token, "verify_key": device.verify_key}


def _kill_a_backup(collector: Collector, repository: Path, seconds: float) -> None:
    environment = {**os.environ, **SETTINGS}
    words = ["collector", "backup", str(repository), "--data", str(collector.data)]
    with (repository.parent / "killed.log").open("ab") as log:
        process = warm.collectors().start(words, env=environment, stdout=log, stderr=log)
    time.sleep(seconds)  # a random moment of its work
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)


@only_sqlite
def test_what_was_not_opened_when_the_backup_was_made_is_sent_again(fresh: Collector, tmp_path: Path) -> None:
    """Staged uploads are not in a backup: their devices have no receipt, and the restored collector asks for them."""
    device = fresh.device()
    half, whole = sample("audio", device.id, "take-1"), sample("image", device.id, "take-2")
    created = device.create(half.id, "media", len(half.parts["media"]))
    assert device.patch(created.headers["Location"], 0, half.parts["media"][:2000]).status_code == 204
    for name, data in whole.parts.items():
        device.send_part(whole.id, name, data)
    back_up(fresh, tmp_path / "repository")
    fresh.stop()
    with elsewhere(tmp_path, tmp_path / "repository") as other:
        again = DeviceClient(other, _credentials(device))
        for one in (half, whole):
            send_until_received(again, one)
            assert again.received(one.id).sha256 == one.manifest.sha256


def send_until_received(device: DeviceClient, one: Sample) -> None:
    """What a device does: send what the collector lacks, then the manifest, then what it asks for."""

    def is_received() -> bool:
        for name, data in one.parts.items():
            created = device.create(one.id, name, len(data))
            at = device.offset(created.headers["Location"])
            if at < len(data):
                device.patch(created.headers["Location"], at, data[at:])
        device.put_manifest(one)
        return device.settled(one.id).status_code == 200

    until(is_received)
