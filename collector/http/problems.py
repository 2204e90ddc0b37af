"""The collector's errors as problem documents; a request of the wrong shape has one, too."""

from __future__ import annotations

import logging

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


def install_problems(app: FastAPI) -> None:
    """Make every way out of `app` that is not an answer a problem document."""
    for error, handler in problem_handlers("collector", "docs/http-api.md", log).items():
        app.add_exception_handler(error, handler)

    @app.exception_handler(RequestValidationError)
    async def shape(_request: Request, error: RequestValidationError) -> Response:
        problems = [{"at": ".".join(str(part) for part in row["loc"]), "why": row["msg"]} for row in error.errors()]
        first = problems[0]
        sentence = f"The request is not valid at {first['at']}: {first['why']}."
        return problem_response(RequestInvalid(sentence, problems=problems))
