"""Where a body ends: with the last byte that was announced, and never sooner than its last piece."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest
from starlette.types import Message, Receive, Scope, Send

from collector.http.body_limit import BodyLimit
from collector.ingest.tus import is_upload_path
from tests.collector.running import Collector

PATHS = ["/api/tasks/x/submit", "/api/uploads/x"]


def arrives(path: str, headers: list[tuple[bytes, bytes]], *pieces: bytes) -> tuple[list[bytes], int]:
    """The pieces that an app reads until the body ends, and how many messages the server was asked for."""
    waiting = [*pieces, b""]  # as granian sends them: the end is a message of its own
    asked, read = 0, []

    async def receive() -> Message:
        nonlocal asked
        piece, asked = waiting[asked], asked + 1
        return {"type": "http.request", "body": piece, "more_body": asked < len(waiting)}

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        has_more = True
        while has_more:
            message = await receive()
            read.append(message["body"])
            has_more = message["more_body"]

    async def send(_message: Message) -> None:
        raise AssertionError("nothing is answered")

    scope = {"type": "http", "path": path, "headers": [(b"host", b"localhost"), *headers]}
    asyncio.run(BodyLimit(app, is_upload_path)(scope, receive, send))
    return read, asked


@pytest.mark.parametrize("path", PATHS)
def test_it_ends_with_the_last_announced_byte(path: str) -> None:
    assert arrives(path, [(b"content-length", b"5")], b"abcde") == ([b"abcde"], 1)
    assert arrives(path, [(b"content-length", b"5")], b"ab", b"", b"cde") == ([b"ab", b"", b"cde"], 3)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-length", b"2"), (b"transfer-encoding", b"chunked")],
        [(b"transfer-encoding", b"chunked"), (b"content-length", b"2")],
        [(b"content-length", b"0")],
        [(b"content-length", b"two")],
    ],
)
def test_it_ends_with_the_last_piece_where_no_length_counts(path: str, headers: list[tuple[bytes, bytes]]) -> None:
    assert arrives(path, headers, b"ab", b"cde") == ([b"ab", b"cde", b""], 3)


def test_what_follows_a_body_on_its_connection_is_the_next_request(collector: Collector) -> None:
    device = collector.device()
    location = device.create("cap-pipelined", "media", 8).headers["Location"].removeprefix(collector.url)

    def patch(offset: int, data: bytes, last: str = "") -> bytes:
        return (
            f"PATCH {location} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {device.token}\r\n"
            "Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n"
            f"Upload-Offset: {offset}\r\nContent-Length: {len(data)}\r\n{last}\r\n"
        ).encode() + data

    with socket.create_connection(("127.0.0.1", collector.port), timeout=60) as connection:
        connection.sendall(patch(0, b"abcd") + patch(4, b"efgh", "Connection: close\r\n"))
        answers = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answers.count(b"HTTP/1.1 204") == 2 and device.offset(location) == 8


@pytest.mark.parametrize("is_first", [True, False])
def test_a_length_does_not_cut_what_comes_in_pieces(collector: Collector, is_first: bool) -> None:
    person = collector.person(f"pieces-{is_first}", "annotator")
    body = json.dumps({"client": "page", "count": "none"}).encode()
    length, pieces = b"Content-Length: 2\r\n", b"Transfer-Encoding: chunked\r\n"
    with socket.create_connection(("127.0.0.1", collector.port), timeout=60) as connection:
        connection.sendall(
            b"POST /api/tasks/next HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\n"
            + f"Authorization: {person.headers['Authorization']}\r\n".encode()
            + (length + pieces if is_first else pieces + length)
            + f"\r\n{len(body):x}\r\n".encode()
            + body
            + b"\r\n0\r\n\r\n"
        )
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    # Refused as a whole, or read as a whole: what is wrong then is at the end of the body.
    assert answer.startswith(b"HTTP/1.1 400") or b"body.count" in answer
