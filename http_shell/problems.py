"""Every error as `application/problem+json`: the stable code, one sentence, and what to do."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from wire.errors import GleanerError

MEDIA_TYPE = "application/problem+json"
PLAIN = {
    404: ("not-found", "There is nothing at this address."),
    405: ("method-not-allowed", "This address does not answer to this method."),
}
PROBLEM = "gleaner.problem"  # key of the request's scope: the document it was answered with, for layers around the app
Handler = Callable[[Request, Any], Awaitable[Response]]


class ProblemResponse(JSONResponse):
    """A problem document. Half a surrogate pair, quoted from a request, is written as its JSON escape."""

    media_type = MEDIA_TYPE

    def __init__(self, content: dict[str, Any], status_code: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content, status_code, headers)
        self._document = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[PROBLEM] = self._document
        await super().__call__(scope, receive, send)

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")


def problem_response(error: GleanerError, headers: dict[str, str] | None = None) -> ProblemResponse:
    return ProblemResponse(error.problem(), status_code=error.status, headers=headers)


def problem_handlers(server: str, docs: str, log: logging.Logger) -> dict[Any, Handler]:
    """The exception handlers that make every error of an application a problem document.

    Args:
        server: its name in a sentence, such as "collector".
        docs: the page that lists its addresses.
        log: gets the details of errors that have no code of their own.
    """

    async def known(_request: Request, error: GleanerError) -> Response:
        again = {"Retry-After": str(error.facts["retry_after"])} if "retry_after" in error.facts else {}
        return problem_response(error, {**error.headers, **again})

    async def plain(_request: Request, error: HTTPException) -> Response:
        code, sentence = PLAIN.get(error.status_code, (f"http-{error.status_code}", str(error.detail)))
        body: dict[str, Any] = {"type": "about:blank", "title": sentence, "status": error.status_code, "code": code}
        body |= {"hint": f"See {docs}.", "retryable": False}
        return ProblemResponse(body, status_code=error.status_code, headers=dict(error.headers or {}))

    async def unknown(request: Request, error: Exception) -> Response:
        log.error("unexpected error at %s %s", request.method, request.url.path, exc_info=error)
        sentence = f"The {server} met an error it does not know."
        return problem_response(GleanerError(sentence, hint="Its log has the details; nothing was changed."))

    return {GleanerError: known, HTTPException: plain, Exception: unknown}
