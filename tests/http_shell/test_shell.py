"""The layer itself: foreign names are refused, each header is there once, errors are problems."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message

from http_shell.hosts import Hosts
from http_shell.problems import problem_handlers
from http_shell.shell import STRICT_HEADERS, HttpShell
from wire.errors import BadDocument, SchemaTooNew

LOG = logging.getLogger("tests.http_shell")
OWN = {"content-security-policy": "default-src 'none'"}


async def own_policy(request: Request) -> Response:
    return Response("page", headers={"Content-Security-Policy": "default-src 'self'", "Cache-Control": "max-age=9"})


async def rows(request: Request) -> Response:
    return JSONResponse([])


async def broken(request: Request) -> Response:
    raise BadDocument("The document \ud800 is not valid.", retry_after=7)


async def too_new(request: Request) -> Response:
    raise SchemaTooNew("Schema 9 is too new.")


async def unexpected(request: Request) -> Response:
    raise ZeroDivisionError


PAGES = Starlette(
    routes=[Route(f"/{end.__name__}", end) for end in (own_policy, rows, broken, too_new, unexpected)],
    exception_handlers=problem_handlers("server", "docs/http-api.md", LOG),
)
APP = HttpShell(PAGES, Hosts(), OWN)
WITH_A_RULE = HttpShell(PAGES, Hosts(), {**OWN, "cache-control": "no-cache"})  # of its own for all answers


def get(
    path: str, host: str = "localhost", method: str = "GET", app: HttpShell = APP
) -> tuple[int, list[tuple[str, str]], bytes]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http", "method": method, "path": path, "query_string": b"", "headers": [(b"host", host.encode())],
        "root_path": "", "scheme": "http", "server": ("localhost", 80),
    }  # fmt: skip
    with contextlib.suppress(ZeroDivisionError):  # the framework answers and raises it again, for the server's log
        asyncio.run(app(scope, receive, send))
    headers = [(name.decode().lower(), value.decode()) for name, value in sent[0]["headers"]]
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.mark.parametrize("path", ["/rows", "/own_policy", "/broken", "/none", "/unexpected"])
@pytest.mark.parametrize("app", [APP, WITH_A_RULE])
def test_every_answer_has_each_header_once(path: str, app: HttpShell) -> None:
    _, headers, _ = get(path, app=app)
    names = [name for name, _ in headers]
    assert sorted(set(names)) == sorted(names)
    assert set(STRICT_HEADERS) | set(OWN) <= set(names)


def test_a_header_that_an_answer_sets_stays() -> None:
    _, headers, _ = get("/own_policy")
    assert dict(headers)["content-security-policy"] == "default-src 'self'"
    assert dict(headers)["cache-control"] == "max-age=9"
    assert dict(get("/rows")[1])["content-security-policy"] == OWN["content-security-policy"]


@pytest.mark.parametrize("path", ["/rows", "/broken", "/none"])
def test_json_is_not_stored(path: str) -> None:
    assert dict(get(path)[1])["cache-control"] == "no-store"
    assert dict(get(path, app=WITH_A_RULE)[1])["cache-control"] == "no-cache"


def test_a_foreign_name_is_refused_before_the_application() -> None:
    status, headers, body = get("/unexpected", host="evil.example")
    assert (status, json.loads(body)["code"]) == (421, "host-wrong")
    assert set(STRICT_HEADERS) <= {name for name, _ in headers}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/broken", 422, "document-invalid"),
        ("GET", "/too_new", 409, "schema-too-new"),
        ("GET", "/none", 404, "not-found"),
        ("POST", "/rows", 405, "method-not-allowed"),
        ("GET", "/unexpected", 500, "internal"),
    ],
)
def test_every_error_is_a_problem_with_a_code_and_a_hint(method: str, path: str, status: int, code: str) -> None:
    found, headers, body = get(path, method=method)
    problem = json.loads(body)
    assert (found, problem["status"], problem["code"]) == (status, status, code)
    assert problem["title"].endswith(".") and problem["hint"].endswith(".")
    assert dict(headers)["content-type"] == "application/problem+json"


def test_when_to_try_again_is_a_header_too() -> None:
    assert dict(get("/broken")[1])["retry-after"] == "7"
    assert "retry-after" not in dict(get("/too_new")[1])


def test_an_unexpected_error_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    get("/unexpected")
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]
