"""The page over real HTTP: every route is locked, streams end, a taken port is one sentence."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from device_agent.events import ConsentAnswered, Pause, Start, Stop
from device_agent.page import stream
from device_agent.page.control import Control
from device_agent.page.guard import PageGuard
from device_agent.page.routes import LOCKED_PAGE, ROUTES, PageContext, PageRoute, make_app, static_files
from device_agent.page.server import PageServer, shown_host
from device_agent.page.stream import BOUNDARY, Viewers
from http_shell.hosts import Hosts
from http_shell.ports import AddressUnusable
from tests.device_agent.page.playing import KEY, Stage, stage
from tests.support import local_http
from wire.errors import PortTaken


@pytest.fixture(scope="module")
def page() -> Iterator[Stage]:
    with stage() as running:
        yield running


def address_of(path: str) -> str:
    return path.replace("{name}", "app.js")


# ---------------------------------------------------------------- policies
def test_every_route_is_listed_with_a_policy() -> None:
    with stage() as running:
        callbacks = (running.rehearsal.read, running.rehearsal.post, running.rehearsal.preview)
        guard = PageGuard("k", 1)
        context = PageContext(*callbacks, guard=guard, viewers=Viewers(), stopping=threading.Event(), control=Control())
        app = make_app(context, Hosts())
    listed = {(row.method, row.path): row.policy for row in ROUTES}
    served = {
        (method, route.path)  # type: ignore[attr-defined]
        for route in app.routes
        for method in route.methods - {"HEAD"}  # type: ignore[attr-defined]
    }
    assert served == set(listed)
    assert set(listed.values()) == {"key", "cookie", "act"}
    assert all(policy == "act" for (method, _), policy in listed.items() if method != "GET")
    assert [path for (_, path), policy in listed.items() if policy == "key"] == ["/"]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_without_the_key_every_route_is_shut(page: Stage, route: PageRoute) -> None:
    method, path = route.method, address_of(route.path)
    with page.client() as stranger:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": f"gleaner_page_{page.server.port}={KEY}"}):
            answer = stranger.request(method, path, headers=headers)
            assert answer.status_code == 401
            assert "title" in answer.text or "This page is locked" in answer.text
    assert page.rehearsal.events == []


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_under_a_foreign_name_every_route_is_shut(page: Stage, route: PageRoute) -> None:
    with page.friend() as friend:
        answer = friend.request(
            route.method,
            address_of(route.path),
            headers={"Host": "rebound.example"},
        )
    assert answer.status_code == 421
    assert answer.json()["code"] == "host-wrong"


def test_a_foreign_page_cannot_post(page: Stage) -> None:
    with page.client(headers={"Authorization": f"Bearer {KEY}"}) as friend:
        answer = friend.post("/api/events", json={"event": "stop"})
    assert (answer.status_code, answer.json()["code"]) == (403, "page-header-missing")
    assert page.rehearsal.events == []


def test_the_printed_address_turns_its_key_into_a_cookie_and_drops_it(page: Stage) -> None:
    with page.client() as browser:
        first = browser.get(page.url)
        assert (first.status_code, first.headers["location"]) == (303, "/")
        assert "HttpOnly" in first.headers["set-cookie"]
        opened = browser.get("/")
        assert opened.status_code == 200
        assert KEY not in opened.text
        assert browser.get("/api/snapshot").json()["state"] == "consent"
    with page.client() as stranger:
        refused = stranger.get("/?key=wrong")
        assert refused.status_code == 401
        assert refused.text == LOCKED_PAGE


def test_every_answer_carries_the_rules(page: Stage) -> None:
    with page.friend() as friend:
        for path in ("/", "/static/app.js", "/api/snapshot", "/nowhere", "/static/../server.py", "/static/%2e%2e"):
            headers = friend.get(path).headers
            assert headers["cache-control"] == "no-store"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]


def test_only_the_page_s_own_files_can_be_had(page: Stage) -> None:
    with page.friend() as friend:
        for name in static_files():
            assert friend.get(f"/static/{name}").status_code == 200
        for name in ("server.py", "..%2fserver.py", "../server.py", "app.js%00", ""):
            assert friend.get(f"/static/{name}").status_code == 404
        assert friend.get("/static/app.js").headers["content-type"].startswith("text/javascript")


def test_nothing_is_loaded_from_elsewhere() -> None:
    for name, (data, _) in static_files().items():
        text = data.decode()
        for foreign in ("https://", "//cdn", "@import", "innerHTML", "eval("):
            assert foreign not in text, f"{name} holds {foreign}"
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", ""), name


# ---------------------------------------------------------------- which browser runs the session
@contextmanager
def browser_at(running: Stage) -> Iterator[httpx.Client]:
    """A browser that opened the printed address."""
    with running.client(headers={"X-Gleaner-Page": "1"}, follow_redirects=True) as client:
        assert client.get(running.url).status_code == 200
        yield client


def test_the_first_browser_answers_and_the_others_watch() -> None:
    with stage() as running, browser_at(running) as first, browser_at(running) as second:
        assert (first.get("/api/snapshot").json()["controls"], second.get("/api/snapshot").json()["controls"]) == (
            True,
            False,
        )
        refused = second.post("/api/events", json={"event": "consent", "granted": ["text"]})
        assert (refused.status_code, refused.json()["code"]) == (403, "page-watches")
        assert running.rehearsal.events == []
        assert first.post("/api/events", json={"event": "consent", "granted": ["video"]}).status_code == 204
        for event in ({"event": "start"}, {"event": "done"}, {"event": "answer", "text": "a"}, {"event": "resume"}):
            assert second.post("/api/events", json=event).status_code == 403
        assert second.post("/api/events", json={"event": "pause"}).status_code == 204
        assert second.post("/api/events", json={"event": "stop"}).status_code == 204
        assert running.rehearsal.events == [
            ConsentAnswered(("video",), ("audio", "image", "text"), "P-rehearsal"),
            Pause(),
            Stop(),
        ]


def test_a_person_can_go_on_at_another_browser() -> None:
    with stage() as running, browser_at(running) as first, browser_at(running) as second:
        assert second.post("/api/control", headers={"X-Gleaner-Page": "0"}).status_code == 403
        assert second.post("/api/control").status_code == 204
        assert first.post("/api/events", json={"event": "consent", "granted": ["text"]}).status_code == 403
        assert second.post("/api/events", json={"event": "consent", "granted": ["audio"]}).status_code == 204
        assert first.get(running.url).status_code == 200, "opening the address again takes nothing back"
        assert first.get("/api/snapshot").json()["controls"] is False


def test_the_stream_says_who_runs_the_session() -> None:
    with stage() as running, browser_at(running) as first, browser_at(running) as second:
        with second.stream("GET", "/api/stream") as answer:
            rows = read_events(answer.iter_lines())
            assert next(rows)["controls"] is False
            second.post("/api/control")
            assert next(row for row in rows if row["controls"])["state"] == "consent"
        assert first.get("/api/snapshot").json()["controls"] is False


def test_pictures_end_with_the_session() -> None:
    with stage() as running, running.friend() as friend:
        running.rehearsal.post(ConsentAnswered(("video",), ("audio", "image", "text"), "P-1"))
        with friend.stream("GET", "/api/preview.mjpeg") as answer:
            chunks = answer.iter_bytes()
            assert next(chunks)
            running.rehearsal.post(Stop())
            assert sum(1 for _ in chunks) < 50, "it ends by itself"


# ---------------------------------------------------------------- events and snapshots
def test_a_session_by_requests() -> None:
    with stage() as running, running.friend() as friend:
        assert friend.post("/api/events", json={"event": "consent", "granted": ["audio"]}).status_code == 204
        assert friend.get("/api/snapshot").json()["granted"] == ["audio"]
        assert friend.post("/api/events", json={"event": "start"}).status_code == 204
        assert friend.get("/api/snapshot").json()["state"] == "countdown"
        assert running.rehearsal.events == [
            ConsentAnswered(("audio",), ("video", "image", "text"), "P-rehearsal"),
            Start(),
        ]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "event-invalid"),
        (b"{", 422, "event-invalid"),
        (b"\xff\xfe\xfa", 422, "event-invalid"),
        (b"[" * 5000, 422, "event-invalid"),
        (b'{"event": "start", "session": "another"}', 409, "session-moved-on"),
        (b"x" * (64 * 1024 + 1), 413, "event-too-large"),
    ],
)
def test_bad_posts_get_one_sentence_and_change_nothing(page: Stage, body: bytes, status: int, code: str) -> None:
    with page.friend() as friend:
        answer = friend.post("/api/events", content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert answer.json()["title"].endswith(".")
    assert answer.json()["hint"]
    assert page.rehearsal.events == []


def test_the_wrong_method_and_the_wrong_address_are_problems(page: Stage) -> None:
    with page.friend() as friend:
        assert friend.delete("/api/events").status_code == 405
        assert friend.get("/api/nothing").json()["code"] == "not-found"


def read_events(lines: Iterator[str]) -> Iterator[dict[str, object]]:
    for line in lines:
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def test_the_stream_gives_each_change() -> None:
    with stage() as running, running.friend() as friend, friend.stream("GET", "/api/stream") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        rows = read_events(answer.iter_lines())
        assert next(rows)["state"] == "consent"
        running.rehearsal.post(ConsentAnswered(("audio",), ("video", "image", "text"), "P-1"))
        assert next(row for row in rows if row["state"] == "ready")["granted"] == ["audio"]
        running.rehearsal.post(Start())
        assert next(row for row in rows if row["state"] == "countdown")["remaining_seconds"] == 2
        running.clock.pass_(0.5)
        assert next(row for row in rows if row["remaining_seconds"] == 1.5)


def test_a_silent_session_is_said_again_so_that_a_page_knows_the_device_lives() -> None:
    with stage() as running, running.friend() as friend, friend.stream("GET", "/api/stream") as answer:
        rows = read_events(answer.iter_lines())
        assert next(rows) == next(rows)


def test_pictures_come_only_when_there_are_some_and_are_counted_as_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "VIEWER_SECONDS", 60.0)
    with stage() as running, running.friend() as friend:
        assert not running.server.watched
        assert friend.get("/api/preview.jpg").json()["code"] == "no-picture"
        assert running.server.watched
        running.rehearsal.post(ConsentAnswered(("video",), ("audio", "image", "text"), "P-1"))
        answer = friend.get("/api/preview.jpg")
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.content[:2] == b"\xff\xd8"


def test_a_moving_picture_is_a_row_of_jpegs_and_ends_with_its_looker() -> None:
    with stage() as running, running.friend() as friend:
        running.rehearsal.post(ConsentAnswered(("video",), ("audio", "image", "text"), "P-1"))
        with friend.stream("GET", "/api/preview.mjpeg") as answer:
            assert answer.headers["content-type"] == f"multipart/x-mixed-replace; boundary={BOUNDARY}"
            body = b""
            for chunk in answer.iter_bytes():
                body += chunk
                assert running.server._viewers._streams == 1
                if body.count(f"--{BOUNDARY}".encode()) == 3:
                    break
        head, _, rest = body.partition(b"\r\n\r\n")
        size = int(head.rsplit(b": ", 1)[1])
        assert rest[:2] == b"\xff\xd8"
        assert rest[size : size + 2] == b"\r\n"
        freed = threading.Event()
        for _ in range(1200):
            if running.server._viewers._streams == 0:
                break
            freed.wait(0.05)
        assert running.server._viewers._streams == 0


def test_looks_are_forgotten() -> None:
    moment = [0.0]
    viewers = Viewers(clock=lambda: moment[0])
    assert not viewers.any
    viewers.picture_sent()
    assert viewers.any
    moment[0] = 2.5
    assert not viewers.any


# ---------------------------------------------------------------- start and stop
def test_a_taken_port_is_one_sentence() -> None:
    with stage() as running:
        rehearsal = running.rehearsal
        second = PageServer(rehearsal.read, rehearsal.post, rehearsal.preview, port=running.server.port, key="k")
        with pytest.raises(PortTaken) as caught:
            second.start()
        second.stop()
        assert caught.value.message == f"Port {running.server.port} on 127.0.0.1 is taken by another program."
        assert caught.value.exit_code == 3


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("no such host", 0), ("127.0.0.1", 70000)])
def test_an_address_of_another_machine_is_one_sentence(host: str, port: int) -> None:
    with stage() as running:
        rehearsal = running.rehearsal
        server = PageServer(rehearsal.read, rehearsal.post, rehearsal.preview, host=host, port=port, key="k")
        with pytest.raises(AddressUnusable) as caught:
            server.start()
        assert caught.value.message.endswith(".")


def test_it_listens_on_loopback_only_unless_asked() -> None:
    with stage() as running:
        own = shown_host("0.0.0.0")
        if own.startswith("127."):
            pytest.skip("this machine has no network: nothing to try from")
        with socket.socket() as visitor:
            visitor.settimeout(2)
            assert visitor.connect_ex((own, running.server.port)) != 0


def test_stop_ends_open_streams_and_the_thread_and_frees_the_port() -> None:
    with stage() as running:
        port = running.server.port
        with running.friend() as friend, friend.stream("GET", "/api/stream") as answer:
            lines = answer.iter_lines()
            next(lines)
            running.rehearsal.reachable = None
            running.server.stop()
            last = list(read_events(lines))[-1]
            assert last["collector_reachable"] is None, "the end is said before the stream ends"
        thread = running.server._thread
        assert thread is not None
        assert (thread.name, thread.is_alive()) == ("page", False)
        running.server.stop()
        again = PageServer(
            running.rehearsal.read, running.rehearsal.post, running.rehearsal.preview, port=port, key=KEY
        )
        assert again.start() == f"http://127.0.0.1:{port}/?key={KEY}"
        try:
            with local_http.Client(headers={"Cookie": f"gleaner_page_{port}={_cookie(port)}"}) as page_still_open:
                assert page_still_open.get(f"{again.address}api/snapshot").status_code == 200
        finally:
            again.stop()


def _cookie(port: int) -> str:
    return PageGuard(KEY, port).cookie_value("phone-1")


def test_a_page_needs_a_key() -> None:
    with stage() as running, pytest.raises(ValueError, match="key"):
        PageServer(running.rehearsal.read, running.rehearsal.post, running.rehearsal.preview, key="")
