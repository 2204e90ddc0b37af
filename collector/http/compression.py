"""JSON answers go out compressed when the asking side takes gzip. Pure ASGI.

Media are compressed by their own formats and answered in ranges; they pass untouched, as does everything that comes in
pieces. Small answers are not worth the time: those of the queue are most of all answers.
"""

from __future__ import annotations

import asyncio
import gzip

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MIN_BYTES = 8 * 2**10
MAX_LOOP_BYTES = 256 * 2**10  # more is compressed in a thread
LEVEL = 4


def takes_gzip(header: str) -> bool:
    """Whether `Accept-Encoding` allows gzip (RFC 9110, 12.5.3)."""
    for item in header.lower().split(","):
        coding, _, parameters = item.strip().partition(";")
        weight = parameters.replace(" ", "")
        if coding.strip() in ("gzip", "x-gzip", "*"):
            return not weight.startswith("q=0") or any(digit in "123456789" for digit in weight)
    return False


class JsonCompression:
    """Around the routes, inside the guard."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not takes_gzip(Headers(scope=scope).get("accept-encoding", "")):
            await self._app(scope, receive, send)
            return
        start: Message | None = None

        async def send_smaller(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_plain_json(message):
                start = message
                return
            if start is not None:
                body = message.get("body", b"")
                if message["type"] == "http.response.body" and not message.get("more_body") and len(body) >= MIN_BYTES:
                    message = {**message, "body": await _compressed(body)}
                    headers = MutableHeaders(scope=start)
                    headers["Content-Encoding"] = "gzip"
                    headers["Content-Length"] = str(len(message["body"]))
                    headers.add_vary_header("Accept-Encoding")
                await send(start)
                start = None
            await send(message)

        await self._app(scope, receive, send_smaller)


def _is_plain_json(start: Message) -> bool:
    headers = Headers(scope=start)
    kind = headers.get("content-type", "").partition(";")[0].strip()
    return kind in ("application/json", "application/problem+json") and "etag" not in headers


async def _compressed(body: bytes) -> bytes:
    if len(body) <= MAX_LOOP_BYTES:
        return gzip.compress(body, LEVEL, mtime=0)
    return await asyncio.to_thread(gzip.compress, body, LEVEL, mtime=0)
