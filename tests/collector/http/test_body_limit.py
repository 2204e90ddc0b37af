"""Where a body ends, over a real connection."""

from __future__ import annotations

import json
import socket

import pytest

from tests.collector.running import Collector


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
