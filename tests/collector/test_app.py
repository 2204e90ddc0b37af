"""The service as a whole: policies, hosts, problems, settings, starting and stopping."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import _logs, metrics, trace
from starlette.types import Message, Receive, Scope, Send

from collector.app import create_app
from collector.http import body_limit
from collector.http.bodies import MAX_DOCUMENT_BYTES, MAX_REQUEST_BYTES, MAX_STRANGER_BYTES
from collector.http.compression import takes_gzip
from collector.http.shell import hosts_of
from collector.ingest.tus import is_upload_path
from collector.page import page_file
from collector.people.policy import PolicyRoute
from collector.settings import Settings, SettingsInvalid, load_settings
from tests.collector.running import Collector
from tests.support import local_http
from tests.support.routes import documented_routes, policies


def test_every_route_has_a_policy() -> None:
    found = policies(create_app(Settings()))
    assert [route for route, who in found.items() if who is None] == []
    assert found["PATCH /api/uploads/{upload}"] == ("device",)
    assert found["GET /api/captures/{capture}/original"] == ("lead",)
    assert found["POST /api/tasks/next"] == ("annotator", "lead")
    assert found["POST /api/admin/{verb}"] == ("commands on this machine",)
    everybody = {route for route, who in found.items() if who == ("anyone",)}
    assert everybody <= {
        "GET /enter/{code}", "POST /api/enter", "POST /api/devices/join", "GET /api/devices/authority",
        "OPTIONS /api/uploads", "OPTIONS /api/uploads/{upload}",
        "GET /", "GET /today", "GET /prelabels", "GET /exports", "GET /studies", "GET /installation",
        "GET /assets/{path:path}", "GET /favicon.svg",
    }  # fmt: skip


def test_a_route_without_a_policy_is_found() -> None:
    app = create_app(Settings())

    @app.get("/api/open-door")
    async def open_door() -> None:
        return None

    assert [route for route, who in policies(app).items() if who is None] == ["GET /api/open-door"]


def test_each_address_is_of_the_routes_that_its_expression_finds(tmp_path: Path) -> None:
    routes = [route for route in create_app(Settings(data=tmp_path)).routes if isinstance(route, PolicyRoute)]
    paths = {re.sub(r"\{.*?\}", "x", route.path) for route in routes}
    for path in paths | {path + "/" for path in paths} | {path[:-1] for path in paths}:
        scope = {"type": "http", "path": path, "root_path": "", "method": "GET"}
        for route in routes:
            assert route.matches(scope) == APIRoute.matches(route, scope)


def test_openapi_names_every_route_and_resolves(collector: Collector) -> None:
    text = local_http.get(f"{collector.url}/api/openapi.json").text
    document = json.loads(text)
    for method, path in documented_routes():
        assert method.lower() in document["paths"][path]
    schemas = set(document["components"]["schemas"])
    wanted = {piece.split('"')[0] for piece in text.split("#/components/schemas/")[1:]}
    assert wanted <= schemas


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "192.168.1.5"])
def test_other_hosts_are_refused_on_loopback(collector: Collector, host: str) -> None:
    reply = local_http.get(f"{collector.url}/api/health", headers={"Host": host})
    assert reply.status_code in (400, 421)


@pytest.mark.parametrize(
    ("settings", "host", "fine"),
    [
        ({}, "localhost:8700", True),
        ({}, "[::1]:8700", True),
        ({}, "10.0.0.5:8700", False),
        ({"host": "0.0.0.0"}, "10.0.0.5:8700", True),
        ({"host": "0.0.0.0"}, "evil.example", False),
        ({"public_url": "https://gleaner.example.org/"}, "gleaner.example.org", True),
        ({"public_url": "https://gleaner.example.org"}, "other.example.org", False),
    ],
)
def test_hosts(settings: dict[str, str], host: str, fine: bool) -> None:
    chosen = Settings.model_validate(settings)
    assert hosts_of(chosen).allow(host) is fine


ANYWHERE = ["/api/enter", "/api/tasks/next", "/api/admin/user-add", "/api/devices/join", "/api/uploadsX", "/api/none"]


@pytest.mark.parametrize("path", ANYWHERE)
def test_a_body_said_to_be_too_long_is_refused_before_it_comes(collector: Collector, path: str) -> None:
    with socket.create_connection(("127.0.0.1", collector.port), timeout=30) as connection:
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {MAX_DOCUMENT_BYTES + 1}\r\n\r\n".encode()
        )
        answer = connection.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 413") and "application/problem+json" in answer


def test_a_body_of_no_said_length_is_cut_at_the_limit(collector: Collector) -> None:
    device, lead = collector.device(), collector.person("long-body", "lead")
    short = ("/api/tasks/next", "/api/admin/user-add")
    for path, credential in (
        ("/api/tasks/next", lead.headers["Authorization"]),
        ("/api/admin/user-add", "Bearer " + (collector.data / "keys" / "admin.key").read_text().strip()),
        ("/api/devices/heartbeat", f"Bearer {device.token}"),
    ):
        reply = local_http.post(
            f"{collector.url}{path}",
            content=(b" " * 2**20 for _ in range(MAX_DOCUMENT_BYTES // 2**20 + 4)),
            headers={"Content-Type": "application/json", "Authorization": credential},
            timeout=30,
        )
        assert (reply.status_code, reply.json()["code"]) == (413, "body-too-long")
        assert str(MAX_REQUEST_BYTES if path in short else MAX_DOCUMENT_BYTES) in reply.json()["title"]
        assert "x-content-type-options" in reply.headers
    assert "Traceback" not in collector.log


def test_a_stranger_is_refused_before_the_body_is_read(collector: Collector) -> None:
    """The answer comes while the sender has sent one byte and is silent, whatever the route."""
    changing = [(method, path) for method, path in documented_routes() if method in ("POST", "PUT", "PATCH", "DELETE")]
    closed = [(m, p) for m, p in changing if p not in ("/api/enter", "/api/devices/join", "/api/leave")]
    assert len(closed) > 10
    for method, path in [*closed, ("POST", "/api/admin/user-add")]:
        with socket.create_connection(("127.0.0.1", collector.port), timeout=20) as connection:
            connection.sendall(
                f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                "Content-Length: 1000\r\n\r\n{".encode()
            )
            assert connection.recv(12) == b"HTTP/1.1 401", f"{method} {path}"
            while connection.recv(65536):
                pass  # and the connection is closed, not held until the sender goes on


def test_somebody_without_the_role_is_refused_before_the_body_is_read(collector: Collector) -> None:
    token = collector.person("early", "annotator").headers["Authorization"]
    with socket.create_connection(("127.0.0.1", collector.port), timeout=20) as connection:
        connection.sendall(
            "POST /api/prelabel-runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: {token}\r\nContent-Length: 1000\r\n\r\n{{".encode()
        )
        assert connection.recv(12) == b"HTTP/1.1 403"


def test_a_stranger_may_send_little(collector: Collector) -> None:
    reply = local_http.post(f"{collector.url}/api/devices/join", content=b" " * (MAX_STRANGER_BYTES + 1))
    assert (reply.status_code, reply.json()["code"]) == (413, "body-too-long")


@pytest.mark.parametrize("limit", ["IDLE_SECONDS", "MAX_BODY_SECONDS"])
def test_a_body_that_does_not_end_is_let_go(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(body_limit, limit, 0.05)
    sent: list[Message] = []
    arrived = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        await send({"type": "http.response.start", "status": 500, "headers": []})

    async def receive() -> Message:
        nonlocal arrived
        arrived += 1
        if limit == "IDLE_SECONDS" and arrived > 1:
            await asyncio.Event().wait()
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/api/x", "headers": [(b"host", b"localhost")]}
    asyncio.run(body_limit.BodyLimit(app, is_upload_path)(scope, receive, send))
    assert [message.get("status") for message in sent] == [400, None] and arrived >= 1
    assert b"body-cut" in sent[1]["body"]


def test_uploads_are_not_bounded_as_documents_are(collector: Collector) -> None:
    device, size = collector.device(), MAX_DOCUMENT_BYTES + 1
    location = device.create("cap-long", "media", size).headers["Location"]
    assert device.patch(location, 0, bytes(size)).status_code == 204
    assert device.offset(location) == size


def test_answers_are_strict(collector: Collector) -> None:
    reply = local_http.get(f"{collector.url}/")
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
    assert "script-src 'self'" in reply.headers["content-security-policy"]
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_opentelemetry_is_given_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((trace, "tracer"), (metrics, "meter"), (_logs, "logger")):
        monkeypatch.setattr(module, f"get_{name}_provider", object)  # as where an SDK was set up
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    app = create_app(Settings(data=tmp_path))
    assert FastAPI()._native_telemetry.enabled() and not app._native_telemetry.enabled()
    assert not app._telemetry["auto_configure"]


def test_json_is_not_stored_by_browsers_and_proxies(collector: Collector) -> None:
    lead = collector.person("nina", "lead")
    answers = [
        lead.get("/api/me"),
        lead.get("/api/tasks"),
        lead.get("/api/none"),
        local_http.get(f"{collector.url}/api/me"),
        local_http.get(f"{collector.url}/api/me", headers={"Host": "evil.example"}),
    ]
    assert [reply.status_code for reply in answers] == [200, 200, 404, 401, 421]
    assert {reply.headers["cache-control"] for reply in answers} == {"no-store"}
    assert "cache-control" not in local_http.get(f"{collector.url}/metrics").headers


def test_long_json_is_compressed_for_who_takes_it(collector: Collector) -> None:
    url = f"{collector.url}/api/openapi.json"
    plain = local_http.get(url, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    for accepted in ("gzip", "br;q=1.0, gzip;q=0.8, *;q=0.1"):
        smaller = local_http.get(url, headers={"Accept-Encoding": accepted})
        assert (smaller.headers["content-encoding"], smaller.headers["vary"]) == ("gzip", "Accept-Encoding")
        assert int(smaller.headers["content-length"]) < len(plain.content) / 4
        assert smaller.json() == plain.json()
    assert "content-encoding" not in local_http.get(f"{collector.url}/api/health").headers


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("", False), ("gzip", True), ("deflate, GZIP", True), ("gzip;q=0", False), ("gzip; q=0.000", False),
        ("gzip;q=0.001", True), ("br", False), ("*", True), ("*;q=0", False), ("gzipped", False),
    ],
)  # fmt: skip
def test_accept_encoding(header: str, takes: bool) -> None:
    assert takes_gzip(header) == takes


def test_the_page_is_there_or_says_how_to_build_it(collector: Collector) -> None:
    reply = local_http.get(f"{collector.url}/")
    assert reply.status_code == 200 or (reply.status_code == 503 and "make web" in reply.text)
    assert local_http.get(f"{collector.url}/assets/nothing.js").status_code == 404


@given(st.text(alphabet="./abc%\\\0", max_size=20))
def test_no_address_leaves_the_folder(path: str) -> None:
    root = Path(__file__).parent
    if "\0" in path:
        return
    found = page_file(path, root)
    assert found is None or found.is_relative_to(root)


def test_vitals(collector: Collector) -> None:
    assert local_http.get(f"{collector.url}/api/health").json() == {"status": "ok"}
    assert local_http.get(f"{collector.url}/api/ready").json() == {"status": "ready"}
    assert "# TYPE gleaner_captures gauge" in local_http.get(f"{collector.url}/metrics").text


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW"])
def test_methods_that_nobody_needs_are_not_answered(collector: Collector, method: str) -> None:
    reply = local_http.request(method, f"{collector.url}/api/me", headers={"X-Secret": "echo"})
    assert reply.status_code in (400, 404, 405) and "echo" not in reply.text


def test_a_request_with_two_lengths_is_refused(collector: Collector) -> None:
    with socket.create_connection(("127.0.0.1", collector.port), timeout=30) as connection:
        lengths = b"Content-Length: 4\r\nContent-Length: 5"
        connection.sendall(b"POST /api/enter HTTP/1.1\r\nHost: localhost\r\n" + lengths + b"\r\n\r\nabcde")
        assert b" 400 " in connection.recv(65536).split(b"\r\n")[0]


def test_the_admin_door_needs_the_key_file(collector: Collector) -> None:
    for headers in ({}, {"Authorization": "Bearer guess"}):
        assert local_http.post(f"{collector.url}/api/admin/join-code", json={}, headers=headers).status_code == 401
    key = collector.data / "keys" / "admin.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert (collector.data / "keys" / "receipt.key").stat().st_mode & 0o777 == 0o600
    headers = {"Authorization": f"Bearer {key.read_text()}"}
    reply = local_http.post(f"{collector.url}/api/admin/nonsense", json={}, headers=headers)
    assert reply.json()["code"] == "verb-unknown"


def test_sigterm_ends_it_cleanly_and_it_starts_again(fresh: Collector) -> None:
    assert fresh.process is not None
    pid = fresh.process.pid
    assert fresh.stop() == 0
    assert not (fresh.data / "service.json").exists()
    assert "Traceback" not in fresh.log
    fresh.start()
    assert fresh.process.pid != pid
    fresh.process.send_signal(signal.SIGINT)
    assert fresh.process.wait(timeout=30) == 0
    fresh.process = None


def test_sigterm_with_a_sender_in_the_middle(fresh: Collector) -> None:
    device = fresh.device()
    location = device.create("cap-1", "media", 1000).headers["Location"]
    with socket.create_connection(("127.0.0.1", fresh.port)) as connection:
        connection.sendall(
            f"PATCH {urlsplit(location).path} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {device.token}\r\nTus-Resumable:"
            " 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\n"
            "Content-Length: 1000\r\n\r\nabc".encode()
        )
        assert fresh.stop() == 0


def test_a_second_service_on_the_same_data_is_one_sentence(collector: Collector) -> None:
    done = collector.run("serve", "--port", "0")
    assert done.returncode == 3
    assert "[data-in-use]" in done.stderr and "Traceback" not in done.stderr


def test_a_taken_port_is_one_sentence(collector: Collector, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "gleaner", "collector", "serve"]
    words += ["--port", str(collector.port), "--data", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2])
    assert done.returncode == 3
    assert "[port-taken]" in done.stderr and "Traceback" not in done.stderr


def test_a_running_service_that_died_leaves_commands_working(fresh: Collector) -> None:
    fresh.kill()
    done = fresh.run("join-code")
    assert done.returncode == 0, done.stderr
    fresh.start()


def test_settings_flag_over_environment_over_file_over_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "gleaner.toml"
    file.write_text('port = 1\nhost = "::1"\nworkers = 2\n')
    monkeypatch.setenv("GLEANER_COLLECTOR_PORT", "2")
    monkeypatch.setenv("GLEANER_COLLECTOR_WORKERS", "3")
    found = load_settings({"port": 4, "host": None}, file)
    assert (found.port, found.workers, found.host) == (4, 3, "::1")
    assert found.reserve_bytes == Settings().reserve_bytes


def test_where_bulk_work_is_done_is_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "gleaner.toml"
    file.write_text('[bulk]\nengine = "ray"\naddress = "10.0.0.5:6379"\nprocesses = 8\n')
    monkeypatch.setenv("GLEANER_COLLECTOR_BULK_PROCESSES", "2")
    bulk = load_settings({}, file).bulk
    assert (bulk.engine, bulk.address, bulk.processes) == ("ray", "10.0.0.5:6379", 2)
    assert (Settings().bulk.engine, Settings().bulk.address) == ("local", None)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("prot = 1", "prot"),
        ("port = 70000", "port"),
        ("public_url = 'here'", "public_url"),
        ("port =", "cannot be read"),
        ("[bulk]\nengine = 'ray'", "bulk"),
        ("[bulk]\naddress = 'here:1'", "bulk"),
        ("[bulk]\nengine = 'ray'\naddress = 'here'", "bulk.address"),
        ("[bulk]\nprocesses = 0", "bulk.processes"),
    ],
)
def test_a_wrong_setting_is_one_sentence(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "gleaner.toml"
    file.write_text(text)
    with pytest.raises(SettingsInvalid, match=named):
        load_settings({}, file)
    with pytest.raises(SettingsInvalid):
        load_settings({}, tmp_path / "none.toml")


def test_every_setting_is_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "collector.md").read_text(encoding="utf-8")
    for name in Settings.model_fields:
        assert f"`{name}`" in page
