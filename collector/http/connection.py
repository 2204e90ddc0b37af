"""One connection of a client: uvicorn's own, for bodies of gigabytes and for clients that nobody trusts.

uvicorn gathers a body in a buffer of its own and copies it out again; here a piece goes on as it was read. uvicorn
waits for the head of a request for ever and takes one of any length; here both have a limit, and a trailer behind a
body adds nothing to the headers that were already judged. uvicorn sends the head of an answer and its body in two
calls; here the head goes with the first piece of the body.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from http_shell.problems import problem_response
from http_shell.shell import STRICT_HEADERS
from wire.errors import GleanerError

READ_BYTES = 1 << 20  # at once from one connection
MAX_CONNECTIONS = 1024
MAX_HEAD_BYTES = 64 * 2**10  # of a request's address and headers
BYTES_OF_A_HEADER = 32  # besides its name and value, as HTTP/2 counts them (RFC 9113, 6.5.2)
HEAD_SECONDS = 30.0  # for the whole head, from the opening of the connection or the first byte of a later request
IDLE_SECONDS = 150  # between two requests: longer than proxies keep a connection, so that they are the ones to let go
LINGER_SECONDS = 10.0  # for a sender to read why nothing more is read: a reset on what it still sends would undo it


class RequestMalformed(GleanerError):
    """What came is not a request of HTTP/1.1."""

    code = "request-malformed"
    status = 400
    hint = "Use HTTP/1.1; where the collector speaks TLS, begin the address with https."


class HeadTooLong(GleanerError):
    """The line and headers of a request are longer than any that is needed here."""

    code = "head-too-long"
    status = 431
    hint = "Send fewer or shorter headers and a shorter address."


class TooManyConnections(GleanerError):
    """More connections are open than the service can keep."""

    code = "too-many-connections"
    status = 503
    exit_code = 3
    retryable = True
    hint = "Try again in a minute."


_READ = memoryview(bytearray(READ_BYTES))  # of all connections: what is read is parsed before anything else is read


class HttpConnection(HttpToolsProtocol, asyncio.BufferedProtocol):
    """What asyncio and the parser call as a connection lives."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._problem: GleanerError | None = None
        self._has_hung_up = False
        self._is_in_head = False
        self._head_bytes = 0
        self._unreported_bytes = 0  # that the parser holds without a word about them
        self._head_timer: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------------ asyncio
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self._refuse(TooManyConnections(f"{MAX_CONNECTIONS} connections are open, and there may be no more."))
        else:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_wait_for_head()
        super().connection_lost(exc)

    def get_buffer(self, _sizehint: int) -> memoryview:
        return _READ

    def buffer_updated(self, nbytes: int) -> None:
        if self._has_hung_up or self.transport.is_closing():
            return
        self._unreported_bytes += nbytes
        self.data_received(_READ[:nbytes])  # type: ignore[arg-type]
        if self._unreported_bytes > MAX_HEAD_BYTES:
            self._refuse(_too_long())
        elif self._is_in_head and self._head_timer is None:
            self._wait_for_head()

    # ------------------------------------------------------------------ the parser
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head, self._head_bytes, self._unreported_bytes = True, 0, 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + BYTES_OF_A_HEADER)
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._is_in_head, self._unreported_bytes = False, 0
        self._end_wait_for_head()
        if self.parser.get_http_version() not in ("1.0", "1.1"):
            raise _malformed()
        super().on_headers_complete()
        self.cycle.transport = _AnswerTransport(self.cycle)  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        self._unreported_bytes = 0
        cycle = self.cycle
        if cycle.response_complete:
            return
        # uvicorn's own would copy it into a buffer, and out again. A second piece comes only behind a short one.
        cycle.body = cycle.body + body if cycle.body else body  # type: ignore[assignment]
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_response_complete(self) -> None:
        if self.cycle.response_complete and self.cycle.more_body:
            self._hang_up()  # who was answered early would otherwise send the rest, for nothing
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._problem or _malformed())

    # ------------------------------------------------------------------ limits
    def _count(self, more: int) -> None:
        self._head_bytes += more
        self._unreported_bytes = 0
        if self._head_bytes > MAX_HEAD_BYTES:
            self._problem = _too_long()
            raise self._problem  # the parser gives up, and `send_400_response` is called

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _end_wait_for_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, error: GleanerError) -> None:
        """Answer with a problem, unless an answer is under way, and hang up."""
        if self._has_hung_up:
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.close()
            return
        self.transport.write(_answer(error))
        self._hang_up()

    def _hang_up(self) -> None:
        """Read and answer nothing more. What was answered is given time to arrive."""
        self._has_hung_up = True
        self._end_wait_for_head()
        if self.transport.is_closing():
            return
        if self.transport.can_write_eof():
            with contextlib.suppress(OSError):  # the client is gone
                self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


class _AnswerTransport:
    """The transport as an answer sees it: a head that gives the length of the body waits for its first piece.

    Other heads go at once: behind those the first piece may take its time.
    """

    def __init__(self, cycle: RequestResponseCycle) -> None:
        # Weakly: the answer has this transport, and would wait for the garbage collector with all of its request.
        self._cycle, self._transport = weakref.proxy(cycle), cycle.transport
        self._head: bytes | None = None
        self._has_sent_head = False

    def write(self, data: bytes) -> None:
        cycle = self._cycle
        if self._head is not None:
            self._transport.write(b"".join((self._head, data)))
            self._head = None
        elif self._has_sent_head or not cycle.response_started:
            self._transport.write(data)
        else:
            self._has_sent_head = True
            if cycle.chunked_encoding is False and cycle.scope["method"] != "HEAD":
                self._head = data
            else:
                self._transport.write(data)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        if self._head is not None:  # its body failed
            self.write(b"")
        self._transport.close()


def _malformed() -> RequestMalformed:
    return RequestMalformed("This is not a request of HTTP/1.1.")


def _too_long() -> HeadTooLong:
    return HeadTooLong(f"The line and headers of the request are longer than {MAX_HEAD_BYTES // 2**10} KiB.")


def _answer(error: GleanerError) -> bytes:
    """The whole answer to what never was a request."""
    response = problem_response(error, {**STRICT_HEADERS, "connection": "close"})
    lines = [f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}".encode()]
    lines += [name + b": " + value for name, value in response.raw_headers]
    return b"\r\n".join([*lines, b"", bytes(response.body)])
