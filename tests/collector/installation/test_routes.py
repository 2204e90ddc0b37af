"""The installation over HTTP, from a real service."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from tests.collector.running import Collector, DeviceClient
from tests.collector.samples import sample
from tests.support.waiting import until
from wire.base import new_id
from wire.device import Backlog, Heartbeat


def test_an_installation_says_how_it_is_and_what_to_do(
    collector: Collector, device: DeviceClient, lead: httpx.Client
) -> None:
    made = sample("image", device.id, "take-i", "ses-i")
    device.send(made)
    device.received(made.id)
    found = lead.get("/api/installation").json()
    assert found["status"] == "ready" and found["database_bytes"] > 0 and found["version"]
    assert {disk["folder"] for disk in found["disks"]} == {"data", "staging", "blobs"}
    assert "There is no backup." in [row["what"] for row in found["advice"]] and found["backup_at"] is None
    collector.ask("backup-save", at="2026-11-20T10:00:00.000000Z")
    found = lead.get("/api/installation").json()
    assert found["backup_at"] == "2026-11-20T10:00:00.000000Z"
    assert "The last backup is from 2026-11-20." in [row["what"] for row in found["advice"]]
    storage = lead.get("/api/storage").json()
    assert [(row["study"], row["captures"]) for row in storage["studies"]] == [("study-1", 1)]


def test_failed_jobs_are_tried_again_and_that_is_logged(collector: Collector, lead: httpx.Client) -> None:
    collector.change(
        "INSERT INTO job (kind, key, payload, state, attempts, not_before, created_at, error, fence)"
        " VALUES ('derive', 'cap-none', '{}', 'failed', 5, '2026', '2026', 'It broke.', 5)"
    )
    (row,) = lead.get("/api/failed-jobs").json()["jobs"]
    assert (row["kind"], row["key"], row["error"]) == ("derive", "cap-none", "It broke.")
    assert lead.get("/api/installation").json()["failed_jobs"] == {"derive": 1}
    assert lead.post("/api/failed-jobs/again", json={"kind": "derive", "key": "cap-none"}).json() == {"started": 1}
    assert lead.get("/api/failed-jobs").json()["jobs"] == []
    again = lead.post("/api/failed-jobs/again", json={"kind": "derive"})
    assert (again.status_code, again.json()["code"]) == (404, "job-unknown")
    until(lambda: "jobs-started-again" in (collector.data / "logs/security.jsonl").read_text())


def test_devices_say_what_waits_on_them(collector: Collector, lead: httpx.Client) -> None:
    device = collector.device()
    beat = Heartbeat(
        device=device.id, at=datetime.now(UTC), agent_version="0.1.0", state="idle",
        backlog=Backlog(captures=3, bytes=4096, free_bytes=1 << 30),
    )  # fmt: skip
    assert device.call("POST", "/api/devices/heartbeat", content=beat.model_dump_json(by_alias=True)).status_code == 204
    row = next(row for row in lead.get("/api/devices").json()["devices"] if row["id"] == device.id)
    assert (row["captures_waiting"], row["bytes_waiting"], row["free_bytes"]) == (3, 4096, 1 << 30)


@pytest.mark.parametrize("role", ["annotator"])
def test_it_is_for_leads(collector: Collector, role: str) -> None:
    with collector.person(new_id("p"), role) as person:
        for path in ("/api/installation", "/api/failed-jobs", "/api/storage"):
            assert person.get(path).status_code == 403


def test_a_role_changes_in_the_session_that_is_open(collector: Collector, lead: httpx.Client) -> None:
    with collector.person("rolf", "annotator") as rolf:
        assert rolf.get("/api/devices").status_code == 403
        assert lead.post("/api/users/rolf/role", json={"role": "lead"}).status_code == 204
        assert rolf.get("/api/devices").status_code == 200
        assert rolf.post("/api/users/rolf/role", json={"role": "boss"}).status_code == 422
        collector.ask("user-role", name="rolf", role="annotator")
        assert rolf.get("/api/devices").status_code == 403
    reply = lead.post("/api/users/lena/role", json={"role": "annotator"})
    assert (reply.status_code, reply.json()["code"]) == (409, "last-lead")
    said = collector.run("user", "role", "rolf", "--role", "lead")
    assert said.stdout == "rolf is lead now.\n", said.stderr
