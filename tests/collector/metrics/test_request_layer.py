"""Every request is timed under the template of its route, whatever becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request

from collector.http.problems import install_problems
from collector.metrics.instruments import Instruments
from collector.metrics.request_layer import RequestMetrics
from tests.collector.metrics.samples import samples


@pytest.fixture
def made() -> Instruments:
    return Instruments()


@pytest.fixture
def ask(made: Instruments) -> Callable[..., int]:
    router = APIRouter(prefix="/api")

    @router.get("/things/{thing}")
    async def thing(thing: int) -> float:
        return 1 / thing

    @router.patch("/uploads/{upload}")
    async def upload(request: Request) -> int:
        assert samples(made)["gleaner_requests_in_progress"] == 1
        return len(await request.body())

    app = FastAPI()
    app.include_router(router)
    install_problems(app)
    app.add_middleware(RequestMetrics, instruments=made, is_upload=lambda path: path.startswith("/api/uploads"))

    def call(method: str, path: str, content: bytes = b"") -> int:
        async def send() -> int:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return (await client.request(method, path, content=content)).status_code

        return asyncio.run(send())

    return call


def test_templates_methods_and_statuses(made: Instruments, ask: Callable[..., int]) -> None:
    assert [ask("GET", f"/api/things/{thing}") for thing in (1, 2, 0, "x")] == [200, 200, 500, 422]
    assert ask("GET", "/nowhere") == 404 and ask("BREW", "/nowhere") == 404
    found = samples(made)
    route = "method=GET route=/api/things/{thing}"
    assert found[f"gleaner_request_seconds_count {route}"] == 4
    assert [found[f"gleaner_requests_total {route} status={code}"] for code in (200, 500, 422)] == [2, 1, 1]
    assert found["gleaner_requests_total method=GET route=none status=404"] == 1
    assert found["gleaner_requests_total method=other route=none status=404"] == 1
    assert found["gleaner_requests_in_progress"] == 0


def test_whatever_is_answered_with_a_problem_is_counted(made: Instruments, ask: Callable[..., int]) -> None:
    assert [ask("GET", "/api/things/x"), ask("GET", "/nowhere"), ask("GET", "/api/things/1")] == [422, 404, 200]
    found = samples(made)
    assert {name: found[name] for name in found if name.startswith("gleaner_refusals_total")} == {
        "gleaner_refusals_total code=request-invalid": 1,
        "gleaner_refusals_total code=not-found": 1,
    }


def test_bytes_of_uploads_alone_are_counted(made: Instruments, ask: Callable[..., int]) -> None:
    assert ask("PATCH", "/api/uploads/up-1", b"x" * 1000) == 200
    assert ask("GET", "/api/things/1", b"y" * 1000) == 200
    assert samples(made)["gleaner_upload_bytes_total"] == 1000
