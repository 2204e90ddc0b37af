"""Devices in the hands of a lead: listed, renamed, revoked, and known again under their own id."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import httpx
import pytest

from tests.collector.running import Collector, DeviceClient
from tests.support import local_http

BEAT = {
    "schema": 1, "at": "2026-11-23T12:00:00Z", "agent_version": "0.1.0", "state": "running", "session": "ses-4",
    "backlog": {"captures": 3, "bytes": 2, "free_bytes": 3},
}  # fmt: skip


def beat(device: DeviceClient) -> int:
    return device.call("POST", "/api/devices/heartbeat", json=BEAT | {"device": device.id}).status_code


def join(collector: Collector, code: str, **more: object) -> httpx.Response:
    info = {"name": "again", "model": "pi 4", "agent_version": "0.2.0"}
    body = {"code": code, "device": info, "schema": 2 if more else 1, **more}
    return local_http.post(f"{collector.url}/api/devices/join", json=body)


def code_of(collector: Collector) -> str:
    return str(collector.ask("join-code")["code"])


def test_commands_list_rename_and_revoke_a_device_beside_the_service(fresh: Collector) -> None:
    device, other = fresh.device(), fresh.device()
    assert (beat(device), beat(other)) == (204, 204)
    assert fresh.run("device", "rename", device.id, "kitchen shelf").returncode == 0
    revoked = fresh.run("device", "revoke", device.id)
    assert revoked.stdout == f"kitchen shelf ({device.id}) can send nothing any more.\n"
    assert (beat(device), beat(other)) == (401, 204)
    assert device.create("cap-1", "media", 4).status_code == 401
    rows = {row["id"]: row for row in json.loads(fresh.run("device", "list", "--json").stdout)["devices"]}
    assert (rows[device.id]["name"], rows[device.id]["captures_waiting"]) == ("kitchen shelf", 3)
    assert rows[device.id]["revoked_at"] and rows[other.id]["revoked_at"] is None
    assert "revoked" in fresh.run("device", "list").stdout
    unknown = fresh.run("device", "revoke", "dev-nobody")
    assert unknown.returncode != 0 and "dev-nobody" in unknown.stderr


def test_an_upload_under_way_ends_when_its_device_is_revoked(fresh: Collector) -> None:
    device = fresh.device()
    path = urlsplit(device.create("cap-1", "media", 1000).headers["Location"]).path
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {device.token}\r\n"
        "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\n"
        "Content-Length: 1000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", fresh.port), timeout=30) as connection:
        connection.sendall(head.encode() + b"x" * 400)
        fresh.ask("device-revoke", device=device.id)
        connection.sendall(b"x" * 600)
        answer = ""
        while "device-revoked" not in answer and (more := connection.recv(65536)):
            answer += more.decode()
    assert " 401 " in answer.splitlines()[0] and "device-revoked" in answer
    refused = device.head(path)
    assert refused.status_code == 401
    reply = device.call("POST", "/api/devices/heartbeat", json=BEAT | {"device": device.id})
    assert reply.json()["code"] == "device-revoked" and "was revoked" in reply.json()["title"]


def test_commands_work_without_the_service(fresh: Collector) -> None:
    device = fresh.device()
    fresh.stop()
    assert fresh.run("device", "revoke", device.id).returncode == 0
    fresh.start()
    assert beat(device) == 401


def test_leads_alone_have_the_routes(fresh: Collector) -> None:
    device = fresh.device()
    lead, annotator = fresh.person("lea", "lead"), fresh.person("ann", "annotator")
    for client, answer in ((annotator, 403), (local_http.Client(base_url=fresh.url), 401)):
        assert client.get("/api/devices").status_code == answer
        assert client.post(f"/api/devices/{device.id}/revoke").status_code == answer
        assert client.patch(f"/api/devices/{device.id}", json={"name": "x"}).status_code == answer
    assert beat(device) == 204
    assert lead.patch(f"/api/devices/{device.id}", json={"name": " shelf "}).json()["name"] == "shelf"
    first = lead.post(f"/api/devices/{device.id}/revoke").json()
    assert lead.post(f"/api/devices/{device.id}/revoke").json() == first, "revoking twice changes nothing"
    assert lead.get("/api/devices").json() == {"devices": [first]}
    assert lead.post("/api/devices/dev-nobody/revoke").json()["code"] == "device-unknown"


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\x1b[2J", "x" * 101])
def test_names_that_are_none(collector: Collector, device: DeviceClient, name: str) -> None:
    lead = collector.person(f"lead-{len(name)}-{name.encode().hex()[:8]}", "lead")
    assert lead.patch(f"/api/devices/{device.id}", json={"name": name}).status_code == 422


def test_a_revoked_device_gets_its_own_id_back(fresh: Collector) -> None:
    device = fresh.device()
    assert beat(device) == 204
    fresh.ask("device-rename", device=device.id, name="shelf")
    fresh.ask("device-revoke", device=device.id)
    reply = join(fresh, code_of(fresh), known_as=device.id)
    assert (reply.status_code, reply.json()["device"]) == (201, device.id)
    again = DeviceClient(fresh, reply.json())
    assert (beat(again), beat(device)) == (204, 401)
    (row,) = fresh.ask("device-list")["devices"]
    assert (row["name"], row["model"], row["revoked_at"]) == ("shelf", "pi 4", None)


def test_a_device_whose_token_is_lost_gets_its_id_back_while_it_is_silent(fresh: Collector) -> None:
    device = fresh.device()
    early = code_of(fresh)
    assert beat(device) == 204
    refused = join(fresh, early, known_as=device.id)
    assert (refused.status_code, refused.json()["code"]) == (409, "device-active")
    assert beat(device) == 204, "nothing was taken from it"
    assert join(fresh, code_of(fresh), known_as=device.id).json()["device"] == device.id
    assert beat(device) == 401, "one id has one token"
    assert join(fresh, early).status_code == 201, "a refused code is not used up"


def test_a_device_of_another_collector_keeps_its_id(fresh: Collector) -> None:
    reply = join(fresh, code_of(fresh), known_as="dev-from-elsewhere")
    assert reply.json()["device"] == "dev-from-elsewhere"
    assert beat(DeviceClient(fresh, reply.json())) == 204
