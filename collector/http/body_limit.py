"""Bodies of requests are no longer, and take no longer to arrive, than a document can. Pure ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.http.bodies import IDLE_SECONDS, MAX_BODY_SECONDS, MAX_DOCUMENT_BYTES, BodyCut, BodyTooLong
from http_shell.problems import problem_response
from wire.errors import GleanerError


class BodyLimit:
    """A layer of the app: past the size or the time the sender is answered, and the app sees a disconnect.

    Args:
        is_upload: whether a path takes media: the device is known before a byte of them is read, and the upload's own
            length is their limit.
    """

    def __init__(self, app: ASGIApp, is_upload: Callable[[str], bool]) -> None:
        self._app, self._is_upload = app, is_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_upload(scope["path"]):
            await self._app(scope, receive, send)
            return
        length = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"content-length"), "")
        if length.isdecimal() and (len(length) > 20 or int(length) > MAX_DOCUMENT_BYTES):
            await problem_response(_too_long())(scope, receive, send)
            return
        body = _Body(scope, receive, send)
        try:
            await self._app(scope, body.receive, body.send)
        except ClientDisconnect:
            if not body.is_refused:
                raise


class _Body:
    """The body of one request, counted and timed. Time runs from the first read until the last byte."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._size, self._has_answer, self._is_whole = 0, False, False
        self._deadline: float | None = None
        self.is_refused = False

    async def receive(self) -> Message:
        if self.is_refused:
            return {"type": "http.disconnect"}
        if self._is_whole:
            return await self._receive()
        try:
            async with asyncio.timeout(self._seconds_left()):
                message = await self._receive()
        except TimeoutError:
            return await self._end(BodyCut("The body did not come in time."))
        self._is_whole = message["type"] != "http.request" or not message.get("more_body", False)
        self._size += len(message.get("body", b""))
        return message if self._size <= MAX_DOCUMENT_BYTES else await self._end(_too_long())

    async def send(self, message: Message) -> None:
        if self.is_refused and not self._has_answer:
            return
        self._has_answer = True
        await self._send(message)

    def _seconds_left(self) -> float:
        now = asyncio.get_running_loop().time()
        if self._deadline is None:
            self._deadline = now + MAX_BODY_SECONDS
        return max(0.0, min(IDLE_SECONDS, self._deadline - now))

    async def _end(self, error: GleanerError) -> Message:
        self.is_refused = True
        if not self._has_answer:
            await problem_response(error)(self._scope, self._receive, self._send)
        return {"type": "http.disconnect"}


def _too_long() -> BodyTooLong:
    return BodyTooLong(f"The body is longer than {MAX_DOCUMENT_BYTES} bytes.")
