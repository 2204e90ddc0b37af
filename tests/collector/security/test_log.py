"""The log of a running service: who came in, who was refused, who changed what; no secret among it."""

from __future__ import annotations

import contextlib
import json
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from collector.security.chain import check_chain
from collector.security.files import NAME, SecurityFiles, read_lines
from collector.security.flood import FloodLimit
from collector.security.log import SecurityLog, without_secrets
from tests.collector.running import Collector
from tests.support import local_http
from tests.support.waiting import until

PAGE = {"X-Gleaner-Page": "1"}


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in read_lines(folder)]


def events(collector: Collector) -> list[dict[str, Any]]:
    return rows(collector.data / "logs")


def having(collector: Collector, event: str, **members: Any) -> dict[str, Any]:
    """The first line like this, once it is there."""

    def found() -> dict[str, Any] | None:
        return next((row for row in events(collector) if {"event": event, **members}.items() <= row.items()), None)

    return until(found, why=f"no line {event} {members}")


def announce_body(port: int, path: str, size: int) -> None:
    """A request with a body of this length, of which not a byte is sent before the answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.putrequest("POST", path)
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        assert connection.getresponse().status == 413


def test_what_concerns_access_is_logged_and_no_secret(fresh: Collector) -> None:
    device, lead, ann = fresh.device(), fresh.person("lea", "lead"), fresh.person("ann", "annotator")
    link = fresh.ask("user-link", name="ann")["url"]
    code = link.rsplit("/", 1)[1]
    with local_http.Client(base_url=fresh.url, headers=PAGE) as page:
        for _ in range(2):
            page.post("/api/enter", json={"code": code})
        ((_, session),) = page.cookies.items()
        page.post("/api/leave")
    ann.get("/api/sessions")
    local_http.get(f"{fresh.url}/api/me", headers={"Authorization": "Bearer guessed-secret"})
    join = {"schema": 1, "code": "AAAA-AAAA", "device": {"name": "d", "model": "m", "agent_version": "0"}}
    local_http.post(f"{fresh.url}/api/devices/join", json=join)
    lead.post(f"/api/devices/{device.id}/revoke")
    lead.post("/api/users/ann/disable")
    address = {"address": "127.0.0.1"}
    having(fresh, "service-started")
    having(fresh, "command", verb="user-add", name="ann", role="annotator")
    having(fresh, "device-joined", device=device.id, **address)
    having(fresh, "signed-in", person="ann", role="annotator", **address)
    having(fresh, "refused", code="link-used", method="POST", route="/api/enter", **address)
    having(fresh, "signed-out", person="ann")
    having(fresh, "refused", code="not-allowed", person="ann", route="/api/sessions", **address)
    having(fresh, "refused", code="not-signed-in", route="/api/me", **address)
    having(fresh, "refused", code="join-code-wrong", route="/api/devices/join")
    having(fresh, "device-revoked", device=device.id, by="lea")
    having(fresh, "user-disabled", person="ann", by="lea")
    fresh.stop()
    assert events(fresh)[-1]["event"] == "service-stopped"
    text = (fresh.data / "logs" / NAME).read_text()
    secrets = [code, session, device.token, "guessed-secret", ann.headers["Authorization"].split()[1]]
    secrets.append((fresh.data / "keys" / "admin.key").read_text().strip())
    assert [secret for secret in secrets if secret in text] == []
    fresh.run("user", "enable", "ann")
    having(fresh, "command", verb="user-enable", name="ann")
    assert check_chain(read_lines(fresh.data / "logs"))[1] == []


def test_a_flood_of_refusals_costs_few_lines(fresh: Collector) -> None:
    with local_http.Client(base_url=fresh.url) as stranger:
        for _ in range(100):
            assert stranger.get("/api/me").status_code == 401
    fresh.stop()
    refused = [row for row in events(fresh) if row["event"] == "refused"]
    (left_out,) = [row for row in events(fresh) if row["event"] == "left-out"]
    assert len(refused) == 20 and left_out["count"] == 80 and left_out["address"] == "127.0.0.1"


def test_refused_input_of_every_kind_is_logged_and_nothing_of_it(fresh: Collector) -> None:
    device, lead = fresh.device(), fresh.person("lea", "lead")
    key = {"Authorization": f"Bearer {device.token}"}
    with local_http.Client(base_url=fresh.url) as stranger:
        stranger.get("/.env?password=hunter2")
        stranger.request("TRACE", "/api/me")
        stranger.get("/api/me", headers={"Host": "rebound.example"})
        stranger.post("/api/enter", json={"code": "x" * 1000}, headers=PAGE)
        stranger.post("/api/devices/join", content=b'{"schema": 1, "password": "hunter2"}')
        announce_body(fresh.port, "/api/devices/join", 2**30)
        stranger.options("/api/uploads", headers={"Origin": "https://elsewhere.example", **key})
        stranger.options("/api/uploads", headers={"Origin": fresh.url})
        stranger.post("/api/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "-1", **key})
    lead.post("/api/tasks/1%27%20OR%201=1/submit", json={})
    lead.get("/api/captures/cap_00000000000000000000000000")
    address = {"address": "127.0.0.1"}
    having(fresh, "input-refused", code="not-found", method="GET", **address)
    having(fresh, "input-refused", code="method-not-allowed", method="TRACE", **address)
    having(fresh, "input-refused", code="host-wrong", **address)
    having(fresh, "input-refused", code="request-invalid", route="/api/enter", **address)
    having(fresh, "input-refused", code="document-invalid", route="/api/devices/join", **address)
    having(fresh, "input-refused", code="body-too-long", **address)
    having(fresh, "input-refused", code="tus-header-invalid", device=device.id, **address)
    having(fresh, "input-refused", person="lea", code="request-invalid", method="POST", **address)
    having(fresh, "input-refused", person="lea", code="capture-unknown", route="/api/captures/{capture}", **address)
    having(fresh, "origin-refused", origin="https://elsewhere.example", method="OPTIONS", **address)
    fresh.stop()
    assert [row for row in events(fresh) if row["event"] == "origin-refused"][1:] == [], "its own pages are no others"
    assert "hunter2" not in (fresh.data / "logs" / NAME).read_text()


def test_a_flood_of_one_kind_hides_no_other(fresh: Collector) -> None:
    with local_http.Client(base_url=fresh.url) as stranger:
        for _ in range(60):
            assert stranger.get("/api/nothing").status_code == 404
        stranger.get("/api/me", headers={"Authorization": "Bearer guessed"})
    fresh.stop()
    found = events(fresh)
    having(fresh, "refused", code="not-signed-in")
    assert len([row for row in found if row["event"] == "input-refused"]) == 20
    assert [(row["of"], row["count"]) for row in found if row["event"] == "left-out"] == [("input-refused", 40)]


def test_the_command_shows_and_checks_the_log(fresh: Collector) -> None:
    fresh.person("ann", "annotator")
    having(fresh, "command", verb="user-token")
    shown = fresh.run("security-log").stdout.splitlines()
    assert any("command verb=user-add name=ann role=annotator" in line for line in shown)
    assert json.loads(fresh.run("security-log", "--json").stdout.splitlines()[0])["event"] == "service-started"
    assert fresh.run("security-log", "--since", "2999-01-01").stdout == ""
    assert fresh.run("security-log", "--since", "soon").returncode == 2
    whole = fresh.run("security-log", "--check")
    assert whole.returncode == 0 and "is whole" in whole.stdout
    path = fresh.data / "logs" / NAME
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:1] + lines[2:]))
    damaged = fresh.run("security-log", "--check")
    assert damaged.returncode == 1 and "number 3 follows number 1" in damaged.stderr
    assert "[security-log-damaged]" in damaged.stderr


def test_what_cannot_be_written_waits(tmp_path: Path) -> None:
    class Stubborn(SecurityFiles):
        fails = 1

        def append(self, rows: Any) -> None:
            if self.fails:
                self.fails -= 1
                raise OSError(28, "No space left on device")
            super().append(rows)

    log = SecurityLog(Stubborn(tmp_path), FloodLimit(per_address=1))
    log.record("signed-in", person="ann", address=None)
    log.refused("refused", "10.0.0.7", code="not-signed-in")
    until(lambda: not log._waiting.qsize())
    log.close()
    assert [row["event"] for row in rows(tmp_path)] in (["signed-in", "refused"], [])


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({"port": 1, "database": "postgresql://gleaner:hunter2@db/x"}, {"port": 1, "database": "postgresql://…@db/x"}),
        ({"secret": 1, "access_key": "y", "password": None}, {"secret": "set", "access_key": "set", "password": None}),
        ({"data": "/srv/a@b", "public_url": "https://g.it"}, {"data": "/srv/a@b", "public_url": "https://g.it"}),
    ],
)  # fmt: skip
def test_settings_are_logged_without_secrets(settings: dict[str, Any], shown: dict[str, Any]) -> None:
    assert without_secrets(settings) == shown
