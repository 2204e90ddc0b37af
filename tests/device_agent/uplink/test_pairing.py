from __future__ import annotations

import json
import socket
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from collector.key_folder import KeyFolder
from collector.tls.authority import AUTHORITY, renew_certificate
from device_agent.uplink import pairing
from device_agent.uplink.client import CollectorClient
from device_agent.uplink.errors import CollectorUntrusted
from device_agent.uplink.pairing import JoinFailed, JoinUntrusted, read_authority
from http_shell.tus_client import UploadGone
from tests.support.https_collector import collector_with_certificate
from wire.authority import LettersInvalid, authority_pin
from wire.device import DeviceInfo
from wire.errors import GleanerError

INFO = DeviceInfo(name="kitchen camera", model="simulated", agent_version="0.1.0", sensors=["simulated"])
REPLY = {"schema": 1, "device": "dev-7", "token": "t0ken", "collector": "home", "verify_key": "ab" * 32}


class Answering(BaseHTTPRequestHandler):
    status: int
    body: bytes
    asked: list[Any]

    def do_POST(self) -> None:
        self.asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: Any) -> None:
        return


class Server:
    def __init__(self) -> None:
        self.asked: list[Any] = []
        answer = {"status": 201, "body": json.dumps(REPLY).encode(), "asked": self.asked}
        self.handler = type("Bound", (Answering,), answer)
        self.http = HTTPServer(("127.0.0.1", 0), self.handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def says(self, status: int, body: object) -> None:
        self.handler.status = status
        self.handler.body = body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()
    made.thread.join(5)


def test_a_code_becomes_credentials_that_only_the_owner_reads(server: Server, tmp_path: Path) -> None:
    made = pairing.join(server.url + "/", " abcd-2345 ", INFO, tmp_path / "state")
    assert made == pairing.load(tmp_path / "state")
    assert (made.device, made.token, made.url, made.collector) == ("dev-7", "t0ken", server.url, "home")
    assert stat.S_IMODE((tmp_path / "state" / "device.json").stat().st_mode) == 0o600
    assert server.asked == [
        ("/api/devices/join", {"schema": 1, "code": "ABCD-2345", "device": INFO.to_json()}),
    ]
    assert "t0ken" not in repr(made)


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (403, {"code": "join-code-wrong", "title": "This join code is not known."}, "join-code-refused", "not known"),
        (410, {"code": "join-code-expired", "title": "This join code is over."}, "join-code-refused", "over"),
        (403, {"code": "origin-code-refused", "title": "Not from here."}, "join-failed", "Not from here"),
        (403, {"code": ["join-code-wrong"], "title": "Odd."}, "join-failed", "Odd"),
        (429, {"code": "too-many-tries", "title": "Too many tries."}, "join-failed", "Too many"),
        (500, {"code": "internal", "title": "It broke."}, "join-failed", "It broke"),
        (404, b"<html>nginx</html>", "join-not-a-collector", "not a Gleaner collector"),
        (200, b"<html>hello</html>", "join-not-a-collector", "not a Gleaner collector"),
        (201, {"hello": "world"}, "join-not-a-collector", "not a Gleaner collector"),
        (201, {**REPLY, "verify_key": "short"}, "join-not-a-collector", "key"),
        (307, b"", "join-not-a-collector", "not a Gleaner collector"),
    ],
)
def test_each_refusal_is_one_sentence_and_keeps_nothing(
    server: Server, tmp_path: Path, status: int, body: object, error: str, says: str
) -> None:
    server.says(status, body)
    with pytest.raises(pairing.JoinFailed) as caught:
        pairing.join(server.url, "ABCD-2345", INFO, tmp_path)
    assert caught.value.code == error and says in caught.value.message and caught.value.hint is not None
    with pytest.raises(pairing.NotJoined):
        pairing.load(tmp_path)


@pytest.mark.parametrize("code", ["", "ABCD", "ABCD-23456", "ABCD 2345 X", "ÄBCD-2345"])
def test_what_is_no_code_is_not_sent(server: Server, tmp_path: Path, code: str) -> None:
    with pytest.raises(pairing.WrongCode, match="ABCD-2345"):
        pairing.join(server.url, code, INFO, tmp_path)
    assert server.asked == []


def test_nobody_there(tmp_path: Path) -> None:
    with socket.socket() as held:  # bound, so nobody else takes it, and not listening
        held.bind(("127.0.0.1", 0))
        with pytest.raises(pairing.JoinUnreachable, match="does not answer"):
            pairing.join(f"http://127.0.0.1:{held.getsockname()[1]}", "ABCD-2345", INFO, tmp_path)


def test_something_that_does_not_speak_http(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(b"220 mail.example ESMTP\r\n")
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(10_000):
                    continue

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(pairing.JoinNotACollector):
            pairing.join(f"http://127.0.0.1:{listening.getsockname()[1]}", "ABCD-2345", INFO, tmp_path)
        thread.join(5)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://192.0.2.7:8700", pairing.JoinInsecure),
        ("http://collector.example", pairing.JoinInsecure),
        ("http://localhost.example", pairing.JoinInsecure),
        ("ftp://127.0.0.1", pairing.JoinNotACollector),
        ("http://", pairing.JoinNotACollector),
        ("", pairing.JoinNotACollector),
        ("http://[::1", pairing.JoinNotACollector),
    ],
)
def test_addresses_that_are_refused(tmp_path: Path, url: str, error: type[GleanerError]) -> None:
    with pytest.raises(error):
        pairing.join(url, "ABCD-2345", INFO, tmp_path)


@pytest.mark.parametrize(
    ("url", "insecure", "address"),
    [
        ("http://127.0.0.1:8700/", False, "http://127.0.0.1:8700"),
        ("http://localhost:8700", False, "http://localhost:8700"),
        ("http://[::1]:8700", False, "http://[::1]:8700"),
        ("127.0.0.1:8700", False, "http://127.0.0.1:8700"),
        ("https://collector.example/", False, "https://collector.example"),
        ("http://192.0.2.7:8700", True, "http://192.0.2.7:8700"),
    ],
)
def test_addresses_that_are_taken(url: str, insecure: bool, address: str) -> None:
    assert pairing.check_address(url, insecure) == address


def test_a_file_that_is_no_credentials(tmp_path: Path) -> None:
    (tmp_path / "device.json").write_text("{")
    with pytest.raises(pairing.NotJoined, match="cannot be read"):
        pairing.load(tmp_path)


def test_a_state_folder_that_cannot_be_written_uses_no_code_up(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(pairing.JoinFailed, match="cannot be written"):
        pairing.join(server.url, "ABCD-2345", INFO, tmp_path / "file" / "state")
    assert server.asked == []


def test_a_device_joins_over_https_with_the_authority_of_a_file_and_delivers(tmp_path: Path) -> None:
    """From the join to a heartbeat: a real certificate, and the wrong authority refused in one sentence."""
    now = datetime.now(UTC)
    for folder in ("tls", "other"):
        renew_certificate(KeyFolder(tmp_path / folder), tmp_path / folder, ["127.0.0.1"], now)
    running = collector_with_certificate(tmp_path, tmp_path / "tls")
    running.start()
    try:
        url = running.url.replace("http:", "https:")
        right, wrong = (read_authority(tmp_path / folder / AUTHORITY) for folder in ("tls", "other"))
        code = running.ask("join-code")["code"]
        for authority in (wrong, None):
            with pytest.raises(JoinUntrusted, match="not signed by an authority this device trusts"):
                pairing.join(url, code, INFO, tmp_path / "state", authority=authority)
        with pytest.raises(JoinUntrusted, match="is not the collector that made this code"):
            pairing.join(url, f"{code}-{authority_pin(b'another')}", INFO, tmp_path / "state")
        with pytest.raises(LettersInvalid, match="as in earlier versions"):
            pairing.join(url, f"{code}-K7QM-9PWX-3HTR-V6YZ", INFO, tmp_path / "state")
        joined = pairing.join(url, code, INFO, tmp_path / "state", authority=right)
        saved = pairing.load(tmp_path / "state")
        assert saved == joined and saved.authority == right and saved.schema_number == 2
        with pytest.raises(UploadGone):
            CollectorClient(saved).receipt("cap-none")
        with pytest.raises(CollectorUntrusted, match="not signed by the authority of this device's collector"):
            CollectorClient(saved.model_copy(update={"authority": wrong})).receipt("cap-none")
    finally:
        running.stop()
    (tmp_path / "no.pem").write_text("nonsense")
    with pytest.raises(JoinFailed, match="cannot be used"):
        read_authority(tmp_path / "no.pem")
