"""When a request is sent again and when not, what errors say, whom the client trusts, how answers are read."""

from __future__ import annotations

import json
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collector.client import (
    AnswerUnreadable,
    Client,
    CollectorRefused,
    ConnectionInsecure,
    NoAnswer,
    NotACollector,
    TrustInvalid,
    Untrusted,
)
from collector.client.connection import HttpCalls
from collector.key_folder import KeyFolder
from collector.people.routes import Me
from collector.tls.authority import AUTHORITY, SERVER, SERVER_KEY, renew_certificate
from tests.collector.client.answering import DROP, Reply, Server, answering, problem
from wire.authority import LettersInvalid, authority_pin
from wire.errors import SchemaTooNew

ME = Reply(body=b'{"name": "ana", "role": "lead"}')
BUSY = problem(503, "database-busy", retryable=True)


def calls(server: Server, waits: list[float], tries: int = 4) -> HttpCalls:
    return HttpCalls(server.url, None, "t0ken", tries=tries, timeout=20, wait=waits.append, chance=lambda: 0.5)


@pytest.mark.parametrize(
    "first", [BUSY, DROP, Reply(502, b"<html>"), problem(429, "too-many-requests", retryable=True)]
)
def test_a_read_is_tried_again(first: Any) -> None:
    waits: list[float] = []
    with answering(first, first, ME) as server:
        assert calls(server, waits).get(Me, "/api/me") == Me(name="ana", role="lead")
        assert [one.headers["authorization"] for one in server.asked] == ["Bearer t0ken"] * 3
    assert waits == [0.125, 0.25]


def test_the_collector_says_how_long_to_wait() -> None:
    waits: list[float] = []
    soon = problem(429, "too-many-requests", retryable=True, headers={"Retry-After": "7"})
    late = problem(429, "too-many-attempts", retryable=True, headers={"Retry-After": "600"})
    with answering(soon, ME, late) as server:
        calls(server, waits).get(Me, "/api/me")
        assert waits == [7.125]
        with pytest.raises(CollectorRefused) as caught:
            calls(server, waits).get(Me, "/api/me")
        assert (caught.value.code, caught.value.retry_after) == ("too-many-attempts", 600)
    assert waits == [7.125]


def test_tries_come_to_an_end() -> None:
    waits: list[float] = []
    with answering(BUSY, BUSY, BUSY) as server, pytest.raises(CollectorRefused) as caught:
        calls(server, waits, tries=3).get(Me, "/api/me")
    error = caught.value
    assert (error.code, error.status, error.message, error.hint, error.retryable) == (
        "database-busy", 503, "It is database-busy.", "Do this.", True,
    )  # fmt: skip
    assert error.exit_code == 3, "as the command ends where it asks the database itself"
    assert len(waits) == 2


def test_a_refusal_for_good_is_told_at_once_with_all_it_says() -> None:
    waits: list[float] = []
    lost = problem(409, "lease-lost", retryable=False, task={"holder": "ben"})
    with answering(lost, problem(500, "internal", retryable=False)) as server:
        for code in ("lease-lost", "internal"):
            with pytest.raises(CollectorRefused) as caught:
                calls(server, waits).get(Me, "/api/me")
            assert (caught.value.code, caught.value.exit_code) == (code, 1)
    assert waits == []
    assert CollectorRefused.code == "collector-refused"  # each answer has its own


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (DROP, False),  # it may have arrived
        (Reply(502, b"<html>"), False),  # a proxy's word says nothing of what the collector did
        (BUSY, True),  # the collector refused it: nothing was done
    ],
)
def test_what_may_have_been_done_is_not_done_twice(first: Any, again: bool) -> None:
    waits: list[float] = []
    with answering(first, ME) as server:
        if again:
            calls(server, waits).call(Me, "POST", "/api/x")
        else:
            with pytest.raises((CollectorRefused, NoAnswer)):
                calls(server, waits).call(Me, "POST", "/api/x")
        assert len(server.asked) == 1 + again
    with answering(first, ME) as server:
        calls(server, waits).call(Me, "POST", "/api/x", repeatable=True)
        assert len(server.asked) == 2


def test_nobody_there() -> None:
    waits: list[float] = []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        alone = HttpCalls(url, None, None, tries=3, timeout=5, wait=waits.append, chance=lambda: 0.5)
        with pytest.raises(NoAnswer, match="does not answer"):
            alone.call(Me, "POST", "/api/x")  # it was never sent, so it may be sent again
    assert len(waits) == 2


def test_something_else_answers() -> None:
    with answering(Reply(404, b"<html>")) as server, pytest.raises(NotACollector):
        calls(server, []).get(Me, "/api/me")
    for url in ("collector.example:8700", "ftp://collector", "https://"):
        with pytest.raises(NotACollector):
            Client(url)


def test_plain_http_to_another_machine_has_to_be_allowed() -> None:
    with pytest.raises(ConnectionInsecure):
        Client("http://192.0.2.1:8700", token="t")
    Client("http://192.0.2.1:8700", token="t", insecure=True).close()
    Client("http://localhost:8700", token="t").close()


def test_trust_is_a_certificate_or_letters(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("nonsense")
    for trust in (tmp_path / "no.pem", tmp_path / "none.pem", "ABCD", str(tmp_path / "no.pem")):
        with pytest.raises(TrustInvalid):
            Client("https://127.0.0.1:1", trust=trust)
    with answering(Reply(404), Reply(body=b"-----BEGIN")) as server:
        for _ in range(2):
            with pytest.raises(Untrusted):
                Client(server.url, trust=authority_pin(b"another").lower().replace("-", " "))
    for letters in ("K7QM-9PWX-3HTR-V6YZ", "ABCD-2345-K7QM-9PWX-3HTR-V6YZ", f"{authority_pin(b'another')[:-1]}A"):
        with pytest.raises(LettersInvalid):
            Client("https://127.0.0.1:1", trust=letters)


def test_the_collector_is_recognised_before_the_token_goes_out(tmp_path: Path) -> None:
    """By its letters, or by the certificate of its authority; what somebody else has there is not believed."""
    for folder in ("tls", "other"):
        renew_certificate(KeyFolder(tmp_path / folder), tmp_path / folder, ["127.0.0.1"], datetime.now(UTC))
    right, wrong = (tmp_path / folder / AUTHORITY for folder in ("tls", "other"))
    letters, others = (authority_pin(ssl.PEM_cert_to_DER_cert(file.read_text())) for file in (right, wrong))
    pem = Reply(body=right.read_bytes(), headers={"Content-Type": "application/x-pem-file"})
    with answering(pem, ME, ME, pem, certificate=(tmp_path / "tls" / SERVER, tmp_path / "tls" / SERVER_KEY)) as server:
        url = server.url.replace("http:", "https:")
        for trust in (f"ABCD-2345-{letters}", right):
            with Client(url, token="t0ken", trust=trust) as client:
                assert client.people.me().name == "ana"
        with pytest.raises(Untrusted, match="another certificate authority"):
            Client(url, token="t0ken", trust=others)
        for trust in (wrong, None):
            with Client(url, token="t0ken", trust=trust) as client, pytest.raises(Untrusted):
                client.people.me()
        assert ["authorization" in one.headers for one in server.asked] == [False, True, True, False]


def test_members_of_a_later_version_are_left_out() -> None:
    with answering(Reply(body=b'{"name": "ana", "role": "lead", "team": {"a": 1}}')) as server:
        assert calls(server, []).get(Me, "/api/me").name == "ana"


def test_an_answer_of_another_shape_is_named() -> None:
    with answering(Reply(body=b'{"name": "ana"}'), Reply(body=b"<html>")) as server:
        for place in ("role", "whole"):
            with pytest.raises(AnswerUnreadable, match=place):
                calls(server, []).get(Me, "/api/me")


def test_a_document_of_a_later_schema_is_not_read_in_part() -> None:
    document = {"schema": 999, "capture": "cap-1", "source": {"kind": "person", "name": "ana"}, "labels": []}
    reply = Reply(body=json.dumps({"documents": [document]}).encode())
    with answering(reply) as server, Client(server.url) as client, pytest.raises(SchemaTooNew):
        client.captures.labels("cap-1")


def test_names_are_one_piece_of_the_address() -> None:
    with answering(Reply(body=b'{"tokens": []}')) as server, Client(server.url) as client:
        client.people.tokens("Ana/../x?y")
        assert server.asked[0].path == "/api/users/Ana%2F..%2Fx%3Fy/tokens"
