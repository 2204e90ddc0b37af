"""A connection over a real socket: bodies in pieces of any length, and what strangers send."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from collector.cli.server import HttpServer
from collector.http import connection
from http_shell.ports import bind_port

LONG = connection.MAX_HEAD_BYTES
NEVER = 3600.0


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """What came: the headers, and the length and hash of the body; `/early` is answered before the body is read."""
    size, digest, more = 0, hashlib.sha256(), scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        assert type(message["body"]) is bytes
        size += len(message["body"])
        digest.update(message["body"])
        more = message["more_body"]
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
    said = json.dumps({"headers": headers, "size": size, "sha256": digest.hexdigest(), "path": scope["path"]}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(said))]})
    await send({"type": "http.response.body", "body": said})


@contextlib.asynccontextmanager
async def serving(app: Any = echo) -> AsyncIterator[int]:
    with bind_port("127.0.0.1", 0) as bound:
        port: int = bound.getsockname()[1]
        server = HttpServer(app, None)
        task = asyncio.create_task(server.serve([bound]))
        await server.listening(task)
        try:
            yield port
        finally:
            server.should_exit = True
            await task


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON body of the next answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    return int(head[0].split()[1]), headers, json.loads(await reader.readexactly(int(headers["content-length"])))


async def answer_to(port: int, *pieces: bytes) -> tuple[int, dict[str, str], Any, bool]:
    """The answer to these bytes, and whether the connection was closed behind it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):  # it may hang up before it has read all
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
    found = await answer_of(reader)
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(0.05 if found[0] == 200 else 30):
            assert await reader.read() == b""
        writer.close()
        return *found, True
    writer.close()
    return *found, False


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 400_000), min_size=1, max_size=12), st.booleans())
def test_a_body_arrives_as_it_was_sent_however_it_is_cut(lengths: list[int], is_chunked: bool) -> None:
    body = bytes(range(256)) * (sum(lengths) // 256 + 1)
    body = body[: sum(lengths)]

    async def scene() -> None:
        async with serving() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(2):  # on one connection
                how = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {len(body)}"
                writer.write(f"PUT /x HTTP/1.1\r\nHost: h\r\n{how}\r\n\r\n".encode())
                place = 0
                for length in lengths:
                    piece = body[place : place + length]
                    place += length
                    writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
                    await writer.drain()
                writer.write(b"0\r\n\r\n" if is_chunked else b"")
                status, _, said = await answer_of(reader)
                assert (status, said["size"], said["sha256"]) == (200, len(body), hashlib.sha256(body).hexdigest())
            writer.close()

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_requests_in_one_piece_are_answered_in_their_order() -> None:
    async def scene() -> None:
        async with serving() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            requests = [f"PUT /{n} HTTP/1.1\r\nHost: h\r\nContent-Length: {n}\r\n\r\n{'b' * n}" for n in (3, 0, 5)]
            writer.write("".join(requests).encode())
            said = [(await answer_of(reader))[2] for _ in requests]
            assert [(one["path"], one["size"]) for one in said] == [("/3", 3), ("/0", 0), ("/5", 5)]
            writer.close()

    asyncio.run(asyncio.wait_for(scene(), 60))


async def answering(scope: Any, receive: Any, send: Any) -> None:
    """As the path says: in one piece or two, nothing more behind the head (`/waiting`), an error there (`/failing`)."""
    path, headers = scope["path"], [(b"content-length", b"6")]
    if path in ("/chunked", "/waiting"):
        headers = []
    elif path == "/empty":
        headers = [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if path == "/failing":
        raise RuntimeError("the body cannot be made")
    while path == "/waiting" and (await receive())["type"] != "http.disconnect":
        pass
    pieces = {"/pieces": [b"abc", b"def"], "/chunked": [b"abc", b"def"], "/empty": [b""]}.get(path, [b"abcdef"])
    for piece in pieces:
        await asyncio.sleep(0.01 if len(pieces) > 1 else 0)
        await send({"type": "http.response.body", "body": piece, "more_body": piece is not pieces[-1]})


@pytest.mark.parametrize(
    ("request_line", "body", "is_kept"),
    [
        ("GET /one", b"abcdef", True),
        ("GET /pieces", b"abcdef", True),
        ("GET /chunked", b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", True),
        ("GET /empty", b"", True),
        ("HEAD /one", b"", True),
        ("GET /waiting", b"", False),
        ("GET /failing", b"", False),
    ],
)
@pytest.mark.parametrize("last", ["", "Connection: close\r\n"])
def test_head_and_body_of_an_answer_arrive_as_they_were_given(
    request_line: str, body: bytes, is_kept: bool, last: str
) -> None:
    async def scene() -> None:
        async with serving(answering) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(2 if is_kept and not last else 1):
                writer.write(f"{request_line} HTTP/1.1\r\nHost: h\r\n{last}\r\n".encode())
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200 ")
                assert (b"content-length: " in head) is (b"chunked" not in head)
                assert await reader.readexactly(len(body)) == body
            if (last and is_kept) or request_line.endswith("failing"):
                assert await reader.read() == b""  # hung up, and nothing more was said
            writer.close()

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_the_head_of_an_answer_is_sent_with_its_body_where_that_follows() -> None:
    async def scene() -> None:
        async with serving(answering) as port:
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"GET /one HTTP/1.1\r\nHost: h\r\n\r\n")
                said = await asyncio.to_thread(client.recv, 1 << 16)
                assert said.endswith(b"\r\n\r\nabcdef")

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_who_is_answered_early_sends_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LINGER_SECONDS", 0.3)

    async def scene() -> None:
        async with serving() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"PUT /early HTTP/1.1\r\nHost: h\r\nContent-Length: 300000000\r\n\r\n" + b"x" * 3_000_000)
            assert (await answer_of(reader))[2]["path"] == "/early"
            assert await reader.read() == b""
            with pytest.raises(ConnectionError):
                while True:
                    writer.write(b"x" * 100_000)
                    await writer.drain()
                    await asyncio.sleep(0)
            writer.close()
            # A body that is here already is no reason to hang up.
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"PUT /early HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nxxx")
            writer.write(b"GET /next HTTP/1.1\r\nHost: h\r\n\r\n")
            assert [(await answer_of(reader))[2]["path"] for _ in range(2)] == ["/early", "/next"]
            writer.close()

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_who_is_gone_before_an_early_answer_disturbs_nobody() -> None:
    client: list[socket.socket] = []
    raised: list[BaseException] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        client.pop().close()  # the kernel refuses what comes for it now
        try:
            await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
        except BaseException as error:
            raised.append(error)
            raise

    async def scene() -> None:
        async with serving(app) as port:
            for _ in range(5):
                client.append(socket.create_connection(("127.0.0.1", port)))
                client[0].sendall(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\nx")
                while client:
                    await asyncio.sleep(0.01)
        assert not raised

    asyncio.run(asyncio.wait_for(scene(), 60))


@pytest.mark.parametrize(
    "sent",
    [
        b"HELLO\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS, to a server that speaks none
        b"GET / HTTP/2.0\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nBad Name: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n",
        b"CONNECT other:443 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET \xff\xfe HTTP/1.1\r\nHost: h\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(sent: bytes) -> None:
    async def scene() -> None:
        async with serving() as port:
            status, headers, problem, is_closed = await answer_to(port, sent)
            assert (status, problem["code"], is_closed) == (400, "request-malformed", True)
            assert headers["content-type"] == "application/problem+json" and headers["connection"] == "close"
            assert headers["x-content-type-options"] == "nosniff"

    asyncio.run(asyncio.wait_for(scene(), 60))


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET /", *[b"a" * 30_000] * 50],
        [b"GET / HTTP/1.1\r\nHost: h\r\nX: ", *[b"a" * 30_000] * 50],
        [b"GET / HTTP/1.1\r\nHost: h\r\n", *[b"X-%d: 1\r\n" % n * 500 for n in range(5)]],
        [b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"a" * (LONG + 1) + b"\r\n\r\n"],
    ],
    ids=["address", "one header", "many headers", "in one piece"],
)
def test_a_head_of_any_length_is_refused(pieces: list[bytes]) -> None:
    async def scene() -> None:
        async with serving() as port:
            status, _, problem, is_closed = await answer_to(port, *pieces)
            assert (status, problem["code"], is_closed) == (431, "head-too-long", True)
            # One that is as long as it may be is taken, also behind a body.
            long = b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\nX: " + b"a" * (LONG - 200) + b"\r\n\r\n"
            status, _, said, _ = await answer_to(port, long + b"b" * 200_000)
            assert (status, said["size"]) == (200, 200_000)

    asyncio.run(asyncio.wait_for(scene(), 60))


@pytest.mark.parametrize("between", [b"Y: " + b"a" * (3 * LONG), b"Y: 1\r\n" * LONG], ids=["one", "many"])
def test_a_trailer_adds_no_header_and_does_not_go_on_for_ever(between: bytes) -> None:
    start = b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"

    async def scene() -> None:
        async with serving() as port:
            status, _, said, _ = await answer_to(port, start + b"Authorization: Bearer x\r\n\r\n")
            assert status == 200 and [name for name, _ in said["headers"]] == ["host", "transfer-encoding"]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.suppress(ConnectionError):
                writer.write(start)
                while True:
                    writer.write(between)
                    await writer.drain()
                    await asyncio.sleep(0)
            with contextlib.suppress(ConnectionError):
                assert b"HTTP/1.1 200" not in await reader.read()
            writer.close()

    asyncio.run(asyncio.wait_for(scene(), 60))


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost"])
def test_who_does_not_finish_a_head_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)

    async def scene() -> None:
        async with serving() as port:
            for before in ((), (b"GET /first HTTP/1.1\r\nHost: h\r\n\r\n",)) if sent else ((),):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                for piece in before:
                    writer.write(piece)
                    await answer_of(reader)
                writer.write(sent)
                assert await reader.read() == b""  # hung up
                writer.close()

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_a_slow_body_and_a_pause_between_requests_are_not_cut_by_the_wait_for_a_head(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.1)

    async def scene() -> None:
        async with serving() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(2):
                writer.write(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na")
                await asyncio.sleep(0.3)
                writer.write(b"b")
                assert (await answer_of(reader))[0] == 200
                await asyncio.sleep(0.3)
            writer.close()

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_there_are_no_more_connections_than_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 3)

    async def scene() -> None:
        async with serving() as port:
            kept = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            for reader, writer in kept:
                writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                assert (await answer_of(reader))[0] == 200
            status, _, problem, is_closed = await answer_to(port)
            assert (status, problem["code"], problem["retryable"], is_closed) == (
                503,
                "too-many-connections",
                True,
                True,
            )
            kept.pop()[1].close()
            while (await answer_to(port, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"))[0] != 200:
                await asyncio.sleep(0.01)
            for _, writer in kept:
                writer.close()

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_a_request_under_way_is_answered_at_the_end_and_a_silent_one_does_not_hold_it_up() -> None:
    async def scene() -> None:
        arrived, go_on = asyncio.Event(), asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            arrived.set()
            if scope["path"] == "/silent":
                await receive()
                await asyncio.sleep(NEVER)
            await go_on.wait()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"{}"})

        async with contextlib.AsyncExitStack() as stack:
            port = await stack.enter_async_context(serving(app))
            ends = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            for (_, writer), path in zip(ends, ("/slow", "/silent"), strict=True):
                writer.write(f"PUT {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n".encode())
                await arrived.wait()
                arrived.clear()
            ending = asyncio.create_task(stack.aclose())
            await asyncio.sleep(0.3)
            go_on.set()
            assert (await answer_of(ends[0][0]))[0] == 200
            await ending
            with contextlib.suppress(ConnectionError):
                assert b"200" not in await ends[1][0].read()
            for _, writer in ends:
                writer.close()

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_what_a_request_took_is_free_once_it_is_answered() -> None:
    """Without a pass of the garbage collector: they hold up everybody, and what waits for them adds up."""

    async def scene() -> None:
        async with serving() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            gc.collect()
            gc.disable()
            try:
                for path in ["/x", "/early"] * 20:
                    writer.write(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
                    assert (await answer_of(reader))[0] == 200
                left = [one for one in gc.get_objects() if isinstance(one, RequestResponseCycle)]
            finally:
                gc.enable()
            assert len(left) <= 2, "that of the last answer, and one whose task has just ended"
            writer.close()

    asyncio.run(asyncio.wait_for(scene(), 60))
