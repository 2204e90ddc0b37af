"""Every error as `application/problem+json`: the stable code, one sentence, and what to do."""

from __future__ import annotations

import json
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from wire.errors import GleanerError

log = logging.getLogger("gleaner.collector")
MEDIA_TYPE = "application/problem+json"
PLAIN = {404: ("not-found", "There is nothing at this address."), 405: ("method-not-allowed", "Not done this way.")}


class RequestInvalid(GleanerError):
    """A request does not have the shape its route declares. `problems` lists place and reason."""

    code = "request-invalid"
    status = 422
    hint = "Compare it with /api/openapi.json."


class ProblemResponse(JSONResponse):
    """A problem document. Half a surrogate pair, quoted from a request, is written as its JSON escape."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")


def problem_response(error: GleanerError, headers: dict[str, str] | None = None) -> JSONResponse:
    return ProblemResponse(error.problem(), status_code=error.status, headers=headers)


def install_problems(app: FastAPI) -> None:
    """Make every way out of `app` that is not an answer a problem document."""

    @app.exception_handler(GleanerError)
    async def known(_request: Request, error: GleanerError) -> Response:
        headers = {"Retry-After": str(error.facts["retry_after"])} if "retry_after" in error.facts else None
        return problem_response(error, headers)

    @app.exception_handler(RequestValidationError)
    async def shape(_request: Request, error: RequestValidationError) -> Response:
        problems = [{"at": ".".join(str(part) for part in row["loc"]), "why": row["msg"]} for row in error.errors()]
        first = problems[0]
        sentence = f"The request is not valid at {first['at']}: {first['why']}."
        return problem_response(RequestInvalid(sentence, problems=problems))

    @app.exception_handler(HTTPException)
    async def plain(_request: Request, error: HTTPException) -> Response:
        code, sentence = PLAIN.get(error.status_code, (f"http-{error.status_code}", str(error.detail)))
        body: dict[str, Any] = {"type": "about:blank", "title": sentence, "status": error.status_code, "code": code}
        body |= {"hint": "See docs/http-api.md.", "retryable": False}
        headers = dict(error.headers or {})
        return ProblemResponse(body, status_code=error.status_code, headers=headers)

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> Response:
        log.error("unexpected error at %s %s", request.method, request.url.path, exc_info=error)
        fault = GleanerError(
            "The collector met an error it does not know.", hint="Its log has the details; nothing was changed."
        )
        return problem_response(fault)
