"""The collector's errors as problem documents; a request of the wrong shape has one, too."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from http_shell.problems import problem_handlers, problem_response
from wire.errors import GleanerError

log = logging.getLogger("gleaner.collector")


class RequestInvalid(GleanerError):
    """A request does not have the shape its route declares. `problems` lists place and reason."""

    code = "request-invalid"
    status = 422
    hint = "Compare it with /api/openapi.json."


def install_problems(app: FastAPI, observe: Callable[[Request, GleanerError], None] | None = None) -> None:
    """Make every way out of `app` that is not an answer a problem document.

    Args:
        observe: called with every request that was answered with a known error.
    """
    handlers = problem_handlers("collector", "docs/http-api.md", log)
    known = handlers[GleanerError]

    async def observed(request: Request, error: Any) -> Response:
        if observe is not None:
            observe(request, error)
        return await known(request, error)

    for error, handler in {**handlers, GleanerError: observed}.items():
        app.add_exception_handler(error, handler)

    @app.exception_handler(RequestValidationError)
    async def shape(_request: Request, error: RequestValidationError) -> Response:
        problems = [{"at": ".".join(str(part) for part in row["loc"]), "why": row["msg"]} for row in error.errors()]
        first = problems[0]
        sentence = f"The request is not valid at {first['at']}: {first['why']}."
        return problem_response(RequestInvalid(sentence, problems=problems))
