"""Every line of the security log reaches the syslog server: over TLS, through outages, restarts and rotations."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509 import (
    CertificateBuilder,
    ExtendedKeyUsage,
    Name,
    NameAttribute,
    load_pem_x509_certificate,
    random_serial_number,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from collector.key_folder import KeyFolder
from collector.security.chain import check_chain
from collector.security.files import SecurityFiles, read_lines
from collector.security.sender import SENT_FILE, SecurityLogSender, read_sent
from collector.setting_tables import SecurityLogSettings
from collector.settings import SettingsInvalid, load_settings
from collector.store.clock import now_text
from collector.tls.authority import AUTHORITY, AUTHORITY_KEY, renew_certificate
from tests.collector.running import Collector
from tests.support import local_http
from tests.support.syslog_receiver import SyslogServer
from tests.support.waiting import until

MakeSender = Callable[..., SecurityLogSender]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    renew_certificate(KeyFolder(folder), folder, ["127.0.0.1"], datetime.now(UTC))
    return folder


@pytest.fixture
def server(certificate: Path) -> Iterator[SyslogServer]:
    made = SyslogServer(certificate)
    yield made
    made.stop()


@pytest.fixture
def make_sender(tmp_path: Path, certificate: Path, server: SyslogServer) -> Iterator[MakeSender]:
    made = []

    def make(kept_seconds: float = 0.1, **settings: object) -> SecurityLogSender:
        given = {"to": f"syslog+tls://127.0.0.1:{server.port}", "ca": certificate / AUTHORITY, **settings}
        sender = SecurityLogSender(tmp_path, SecurityLogSettings.model_validate(given), kept_seconds=kept_seconds)
        made.append(sender)
        sender.start()
        return sender

    yield make
    for sender in made:
        sender.stop()


def write(folder: Path, count: int, files: SecurityFiles | None = None) -> None:
    for _ in range(count):
        (files or SecurityFiles(folder)).append([{"at": now_text(), "event": "signed-in", "person": "ánn\n"}])


def advice(lead: httpx.Client) -> list[str]:
    return [one["what"] for one in lead.get("/api/installation").json()["advice"]]


def sent_number(folder: Path) -> int:
    sent = read_sent(folder)
    return 0 if sent is None else sent.number


def test_lines_arrive_as_syslog_and_their_chain_can_be_checked_there(
    tmp_path: Path, make_sender: MakeSender, server: SyslogServer
) -> None:
    write(tmp_path, 2)
    SecurityFiles(tmp_path).append([{"at": "2026-11-30T15:20:01.123456Z", "event": "refused", "code": "x"}])
    sender = make_sender()
    until(lambda: server.numbers == [1, 2, 3])
    write(tmp_path, 1)
    until(lambda: server.numbers == [1, 2, 3, 4])
    priority, at, host, name, process, event, data = server.messages[2]
    assert (priority, at, name, process, event, data) == (
        "84", "2026-11-30T15:20:01.123456Z", "gleaner-collector", "-", "refused", "-",
    )  # fmt: skip
    assert re.fullmatch(r"[\x21-\x7e]+", host) and server.messages[0][0] == "85"
    assert [json.dumps(row) for row in server.rows] == [json.dumps(json.loads(line)) for line in read_lines(tmp_path)]
    assert check_chain(json.dumps(row).encode() for row in server.rows)[1] == []
    until(lambda: sent_number(tmp_path) == 4)
    assert sender.problem() is None and (tmp_path / SENT_FILE).stat().st_mode & 0o777 == 0o600


def test_an_outage_loses_nothing_and_is_said(tmp_path: Path, make_sender: MakeSender, server: SyslogServer) -> None:
    write(tmp_path, 1)
    sender = make_sender()
    until(lambda: sent_number(tmp_path) == 1)
    server.stop()
    write(tmp_path, 5)
    until(lambda: sender.problem())
    said = str(sender.problem())
    assert said.startswith(f"The security log has not reached syslog+tls://127.0.0.1:{server.port} since 20")
    until(lambda: "; 5 lines wait." in str(sender.problem()))
    server.start()
    until(lambda: sender.problem() is None and sent_number(tmp_path) == 6)
    assert set(server.numbers) == {1, 2, 3, 4, 5, 6}


def test_what_was_on_the_way_when_the_server_died_is_sent_again(
    tmp_path: Path, certificate: Path, server: SyslogServer
) -> None:
    settings = SecurityLogSettings(to=f"syslog+tls://127.0.0.1:{server.port}", ca=certificate / AUTHORITY)
    sender = SecurityLogSender(tmp_path, settings, kept_seconds=3600)  # nothing counts as delivered before its end
    write(tmp_path, 3)
    sender.start()
    until(lambda: server.numbers == [1, 2, 3])
    server.stop()  # it had not stored them
    server.rows.clear()
    server.start()
    until(lambda: server.numbers == [1, 2, 3])
    assert sent_number(tmp_path) == 0
    sender.stop()
    assert sent_number(tmp_path) == 3, "it ended in good order, so everything was read"


def test_after_a_restart_it_goes_on_where_it_was_over_rotated_files(
    tmp_path: Path, make_sender: MakeSender, server: SyslogServer
) -> None:
    files = SecurityFiles(tmp_path, max_bytes=600)
    write(tmp_path, 4, files)
    make_sender().stop()
    first = len(server.rows)
    assert first == sent_number(tmp_path) > 4, "continued files have a line of their own"
    write(tmp_path, 9, files)
    sender = make_sender()
    write(tmp_path, 9, files)
    total = len(list(read_lines(tmp_path)))
    until(lambda: sent_number(tmp_path) == total)
    sender.stop()
    assert server.numbers == list(range(1, total + 1)), "each once"
    assert check_chain(json.dumps(row).encode() for row in server.rows)[1] == []


def test_another_server_gets_everything_and_another_log_is_sent_from_its_beginning(
    tmp_path: Path, make_sender: MakeSender, server: SyslogServer, certificate: Path
) -> None:
    write(tmp_path, 3)
    make_sender().stop()
    other = SyslogServer(certificate)
    try:
        make_sender(to=f"syslog+tls://127.0.0.1:{other.port}/").stop()
        assert other.numbers == [1, 2, 3]
    finally:
        other.stop()
    server.rows.clear()
    for path in tmp_path.glob("security*"):
        path.unlink()
    write(tmp_path, 5)
    make_sender().stop()
    assert server.numbers == [1, 2, 3, 4, 5]


def test_removed_files_leave_a_gap_that_is_reported(
    tmp_path: Path, make_sender: MakeSender, server: SyslogServer, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, 1)
    make_sender().stop()
    files = SecurityFiles(tmp_path, max_bytes=600, max_files=1)
    write(tmp_path, 20, files)
    make_sender().stop()
    assert server.numbers[0] == 1 and server.numbers[1] > 2
    assert server.numbers[1:] == [json.loads(line)["n"] for line in read_lines(tmp_path)]
    assert "of the security log were removed before they could be sent" in caplog.text


def test_a_stranger_gets_nothing(
    tmp_path: Path, make_sender: MakeSender, server: SyslogServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    others = tmp_path_factory.mktemp("others")
    renew_certificate(KeyFolder(others), others, ["127.0.0.1"], datetime.now(UTC))
    write(tmp_path, 1)
    unknown, wrong_name = make_sender(ca=others / AUTHORITY), make_sender(to=f"syslog+tls://localhost:{server.port}")
    until(lambda: "certificate" in str(unknown.problem()) and "certificate" in str(wrong_name.problem()))
    unknown.stop()
    wrong_name.stop()
    assert server.rows == []


def client_certificate(authority: Path, folder: Path) -> dict[str, Path]:
    """The settings `cert` and `key` for a certificate by which a client is known."""
    key, issuer = generate_private_key(SECP256R1()), load_pem_x509_certificate((authority / AUTHORITY).read_bytes())
    made = CertificateBuilder(
        issuer.subject, Name([NameAttribute(NameOID.COMMON_NAME, "collector")]), key.public_key(),
        random_serial_number(), issuer.not_valid_before_utc, issuer.not_valid_after_utc,
    )  # fmt: skip
    made = made.add_extension(ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    signing = load_pem_private_key((authority / AUTHORITY_KEY).read_bytes(), None)
    assert isinstance(signing, EllipticCurvePrivateKey)
    (folder / "cert.pem").write_bytes(made.sign(signing, SHA256()).public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return {"cert": folder / "cert.pem", "key": folder / "key.pem"}


def test_a_server_may_ask_for_a_certificate(
    tmp_path: Path, make_sender: MakeSender, certificate: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    strict = SyslogServer(certificate, clients_of=certificate / AUTHORITY)
    try:
        write(tmp_path, 1)
        to = f"syslog+tls://127.0.0.1:{strict.port}"
        without = make_sender(3600, to=to)  # a client is done with the handshake before the server has looked
        until(lambda: without.problem())
        without.stop()
        assert strict.rows == []
        make_sender(to=to, **client_certificate(certificate, tmp_path_factory.mktemp("client")))
        until(lambda: strict.numbers == [1])
    finally:
        strict.stop()


def test_to_this_machine_it_may_be_plain_tcp(tmp_path: Path, make_sender: MakeSender) -> None:
    plain = SyslogServer()
    try:
        write(tmp_path, 2)
        make_sender(to=f"syslog+tcp://127.0.0.1:{plain.port}", ca=None)
        until(lambda: plain.numbers == [1, 2])
    finally:
        plain.stop()


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"to": "log.example.org:6514"}, "an address like"),
        ({"to": "syslog+tls://ann:pw@log.example.org"}, "an address like"),
        ({"to": "syslog+tls://log.example.org:99999"}, "an address like"),
        ({"to": "syslog+tcp://log.example.org"}, "use syslog+tls"),
        ({"to": "syslog+tls://log.example.org", "cert": "a.pem"}, "belong together"),
    ],
)
def test_settings_that_send_nothing_or_to_everybody_are_refused(table: dict[str, str], why: str) -> None:
    with pytest.raises(SettingsInvalid, match=why.replace("+", r"\+")):
        load_settings({"security_log": table})


def test_a_collector_sends_its_log_to_its_last_line(tmp_path: Path, certificate: Path, server: SyslogServer) -> None:
    names = {"TO": f"syslog+tls://127.0.0.1:{server.port}", "CA": str(certificate / AUTHORITY)}
    running = Collector(tmp_path, **{f"GLEANER_COLLECTOR_SECURITY_LOG_{name}": value for name, value in names.items()})
    running.start()
    try:
        local_http.get(f"{running.url}/api/me")
        until(lambda: any(row["event"] == "refused" for row in server.rows))
        lead = running.person("lea", "lead")
        server.stop()
        lead.get("/api/nothing")
        until(lambda: [one for one in advice(lead) if "The security log has not reached" in one])
        figures = local_http.get(f"{running.url}/metrics").text
        assert float(re.findall(r"^gleaner_security_log_waiting (\S+)", figures, re.M)[0]) > 0
        assert "no further" in running.run("security-log", "--check").stdout
        server.start()
        until(lambda: any(row.get("code") == "not-found" for row in server.rows))
    finally:
        running.stop()
    until(lambda: server.rows[-1]["event"] == "service-stopped")
    assert set(server.numbers) == {json.loads(line)["n"] for line in read_lines(running.data / "logs")}
