"""A layer around the app that times every request, counts refusals and what uploads bring. Pure ASGI."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPMethod

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.metrics.instruments import Instruments
from http_shell.problems import PROBLEM

NO_ROUTE = "none"  # no route has this address, or the request was refused before one was looked for
_METHODS = frozenset(HTTPMethod)


class RequestMetrics:
    """Args:
    is_upload: whether a path takes media.
    """

    def __init__(self, app: ASGIApp, instruments: Instruments, is_upload: Callable[[str], bool]) -> None:
        self._app, self._instruments, self._is_upload = app, instruments, is_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        instruments = self._instruments
        began, status = time.perf_counter(), 500

        async def send_timed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        async def receive_counted() -> Message:
            message = await receive()
            if body := message.get("body"):
                instruments.received(len(body))
            return message

        instruments.in_progress.inc()
        try:
            await self._app(scope, receive_counted if self._is_upload(scope["path"]) else receive, send_timed)
        finally:
            instruments.in_progress.dec()
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            instruments.request(method, route, status, time.perf_counter() - began)
            if (problem := scope.get(PROBLEM)) is not None:
                instruments.refused(problem["code"])
