"""A real service whose rows move: people look, nobody changes anything, and devices continue at the new place."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from collector.exports.check import check_export
from collector.move.move import move_data
from collector.move.places import DataPlace
from tests.collector.exports.serving import EVERYTHING, STILLS, Service
from tests.collector.move.moving import Stopped, nothing, raise_stopped
from tests.collector.review.whole_line import next_tasks, send_takes, submission
from tests.collector.running import Collector, DeviceClient
from tests.collector.samples import SampleTake, sample
from tests.support import postgres, warm
from tests.support.databases import moved, only_sqlite
from tests.support.trials import rounds
from tests.support.waiting import until

# Each test moves from SQLite to PostgreSQL, and back.
pytestmark = only_sqlite


@pytest.fixture
def address() -> Iterator[str]:
    made = postgres.new_address(migrated=False)
    yield made
    postgres.drop(made)


def move(collector: Collector, *words: str) -> dict[str, Any]:
    done = collector.run("move", *words, "--json")
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def taken(device: DeviceClient, count: int) -> list[SampleTake]:
    """Takes that were sent, with their tasks."""
    takes = [
        SampleTake(f"take-{n}", "step-1", [sample("image", device.id, f"take-{n}", f"ses-{n}")], ["boxes"], kind="show")
        for n in range(count)
    ]
    for number, take in enumerate(takes):
        send_takes(device, f"ses-{number}", [take])
    return takes


def served(lead: httpx.Client, device: DeviceClient, takes: list[SampleTake]) -> dict[str, Any]:
    """What the collector answers about everything."""
    answers: dict[str, Any] = {
        path: lead.get(path).json()
        for path in ("/api/tasks?limit=500", "/api/sessions", "/api/users", "/api/studies", "/api/me")
    }
    for take in takes:
        capture = take.captures[0].id
        for what in ("media", "original"):
            reply = lead.get(f"/api/captures/{capture}/{what}")
            answers[f"{capture} {what}"] = reply.status_code, hashlib.sha256(reply.content).hexdigest()
        answers[f"{capture} receipt"] = device.receipt(capture).json()
    return answers


def restarted(collector: Collector, address: str | None) -> None:
    collector.stop()
    moved(collector.data, address)
    collector.start()


def looks(collector: Collector) -> int:
    return int(collector.rows("SELECT count(*) AS looks FROM look")[0].looks)


def test_a_service_only_reads_while_its_rows_move_and_goes_on_at_the_new_place(fresh: Collector, address: str) -> None:
    device, lead = fresh.device(), fresh.person("lea", "lead")
    takes = taken(device, 2)
    person = fresh.person("ann", "annotator")
    until(lambda: len(lead.get("/api/tasks?limit=500").json()["tasks"]) == len(takes))
    task = until(lambda: next_tasks(person, count=1))[0]
    half = sample("audio", device.id, "take-9", "ses-9")
    data = half.parts["media"]
    location = device.create(half.id, "media", len(data)).headers["Location"]
    assert device.patch(location, 0, data[:2000]).status_code == 204
    submitted = submission(task, "11111111-1111-4111-8111-111111111111")
    before, seen = served(lead, device, takes), looks(fresh)

    said = move(fresh, "--to-database", address)
    assert said["rows"] > 30
    # People look, and what they looked at is recorded.
    assert served(lead, device, takes) == before
    with httpx.Client(base_url=fresh.url) as here:
        assert here.get("/api/health").status_code == 200
        ready = here.get("/api/ready")
        assert ready.status_code == 200 and ready.json()["status"] == "read-only"
        assert "gleaner_read_only 1.0" in here.get("/metrics").text
    refused = [
        person.post(f"/api/tasks/{task['id']}/submit", json=submitted),
        person.post("/api/tasks/next", json={"client": "page", "have": [], "count": 1}),
        device.patch(location, 2000, data[2000:]),
        device.create(half.id, "labels:x", 10),
    ]
    for reply in refused:
        assert reply.status_code == 503 and reply.json()["code"] == "read-only", reply.text
        assert int(reply.headers["Retry-After"]) > 0 and reply.json()["retryable"]
        assert "moved" in reply.json()["title"]
    assert device.offset(location) == 2000
    # Started again by mistake it is refused; the sentence says where the rows are.
    fresh.stop()
    failed = fresh.run("serve", "--port", "0")
    assert failed.returncode == 3 and "[data-moved]" in failed.stderr and "postgresql://" in failed.stderr

    restarted(fresh, address)
    lead.base_url = person.base_url = httpx.URL(fresh.url)
    assert served(lead, device, takes) == before
    until(lambda: looks(fresh) == 3 * seen)  # those of before, of the move and of now
    assert device.offset(location) == 2000
    device.send(half)
    assert device.received(half.id).sha256 == half.manifest.sha256
    accepted = person.post(
        f"/api/tasks/{task['id']}/submit", json=submission(task, "11111111-1111-4111-8111-111111111111")
    )
    assert accepted.status_code == 200, accepted.text
    after = served(lead, device, takes)

    back = move(fresh, "--to-database", "sqlite")
    assert back["rows"] > said["rows"]
    restarted(fresh, None)
    assert served(lead, device, takes) == after
    assert fresh.run("verify").returncode == 0


def test_a_service_that_starts_while_rows_move_says_so_and_works_again_once_the_move_is_given_up(
    fresh: Collector, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, lead = fresh.device(), fresh.person("lea", "lead")
    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr("collector.move.move._leave", raise_stopped)
        move_data(DataPlace(fresh.data), DataPlace(fresh.data, address), nothing)
    fresh.stop()
    fresh.start()
    assert "gleaner collector move" in fresh.log
    assert lead.get("/api/me").status_code == 200
    assert device.create("cap_1", "media", 10).json()["code"] == "read-only"
    status = fresh.run("move", "--status")
    assert "is moving to" in status.stdout
    assert fresh.run("move", "--back").returncode == 0
    takes = taken(device, 1)
    assert device.received(takes[0].captures[0].id)
    fresh.stop()
    failed = fresh.run("migrate", "--database", address)
    assert failed.returncode == 3 and "[move-unfinished]" in failed.stderr, failed.stderr


def test_an_export_waits_while_its_rows_move_and_is_finished_once(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the old place when the move is given up, at the new one when it is not."""
    service = Service(tmp_path)
    service.collector.start()
    try:
        lead = service.collector.person("lena", "lead")
        service.hold()
        export = service.command("start", *EVERYTHING)["id"]
        until(lambda: service.row(export).done)
        child = service.child()
        with monkeypatch.context() as patched, pytest.raises(Stopped):
            patched.setattr("collector.move.move._leave", raise_stopped)
            move_data(DataPlace(service.collector.data), DataPlace(service.collector.data, address), nothing)
        until(lambda: not child.is_running())
        (shown,) = lead.get("/api/exports").json()["exports"]
        assert shown["state"] == "queued" and shown["per_second"] is None
        assert "is moving to" in shown["problem"] and "continues afterwards" in shown["problem"]
        refused = lead.post("/api/exports", json={})
        assert (refused.status_code, refused.json()["code"]) == (503, "read-only")
        assert service.collector.run("move", "--back").returncode == 0
        child = service.child()
        assert lead.get(f"/api/exports/{export}").json()["problem"] is None

        move(service.collector, "--to-database", address)
        until(lambda: not child.is_running())
        service.let_go()
        assert "has moved to" in service.command("list")[0]["problem"]  # type: ignore[index]
        restarted(service.collector, address)
        until(lambda: service.row(export).state == "done")
        assert service.left() == [f"{export}.zip"] and service.row(export).problem is None
        assert "cannot be released" not in service.collector.log
        assert check_export(service.collector.data / "exports" / f"{export}.zip").documents == STILLS
        assert [row.n for row in service.collector.rows("SELECT count(*) AS n FROM export")] == [1]
    finally:
        service.collector.stop()


def killed(collector: Collector, address: str, seconds: float) -> dict[str, Any] | None:
    """Begin a move and kill it then; what is said of it afterwards."""
    words = ["collector", "move", "--to-database", address, "--data", str(collector.data)]
    with tempfile.TemporaryFile() as log:
        process = warm.collectors().start(words, env={**os.environ}, stdout=log, stderr=log)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    said: dict[str, Any] | None = json.loads(collector.run("move", "--status", "--json").stdout)
    return said


@pytest.mark.soak
def test_a_move_that_is_killed_at_any_moment_under_work_loses_nothing(fresh: Collector, address: str) -> None:
    device, lead = fresh.device(), fresh.person("lea", "lead")
    takes = taken(device, 3)
    until(lambda: len(lead.get("/api/tasks?limit=500").json()["tasks"]) == len(takes))
    chance, answers = random.Random(2), served(lead, device, takes)
    for _ in range(rounds(3, 30)):
        killed(fresh, address, chance.uniform(0.05, 1.5))  # a random moment of its work
        assert served(lead, device, takes) == answers
    done = fresh.run("move", "--to-database", address, "--json")
    assert done.returncode == 0 or "[data-moved]" in done.stderr
    restarted(fresh, address)
    assert served(lead, device, takes) == answers
    assert fresh.run("verify").returncode == 0
