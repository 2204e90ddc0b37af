"""Routes that are called without FastAPI's machinery answer as they would with it."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from collector.http.direct import direct_handler
from collector.http.problems import install_problems
from collector.ingest.routes import router as ingest_router
from collector.people.policy import PolicyRoute
from collector.review.routes import router as review_router
from wire.base import Id
from wire.errors import GleanerError


class Closed(GleanerError):
    code = "closed"
    status = 409


async def _agent(request: Request) -> str:
    return request.headers["user-agent"]


async def _nested(agent: Annotated[str, Depends(_agent)]) -> str:
    return agent


Agent = Annotated[str, Depends(_agent)]


async def plain(task: Id, agent: Agent) -> Response:
    if task == "closed":
        raise Closed(f"{task} is closed.")
    return Response(f"{task} for {agent}")


async def with_query(task: Id, agent: Agent, limit: Annotated[int, Query()] = 1) -> Response:
    return Response()


async def with_nested(task: Id, agent: Annotated[str, Depends(_nested)]) -> Response:
    return Response()


async def with_model(task: Id) -> dict[str, str]:
    return {}


async def with_body(task: Id, body: dict[str, Any]) -> Response:
    return Response()


async def with_request(task: Id, agent: Agent, request: Request) -> Response:
    return Response(f"{task} for {agent} at {request.url.path}")


async def with_answer(task: Id, response: Response) -> Response:
    return response


def in_thread(task: Id) -> Response:
    return Response()


async def of_starlette(task: Id) -> Response:
    raise HTTPException(418, headers={"X-Why": task})


async def unexpected(task: Id) -> Response:
    raise ValueError(task)


def route(endpoint: Any, kind: type[APIRoute] = APIRoute) -> APIRoute:
    router = APIRouter(route_class=kind)
    router.add_api_route("/tasks/{task}", endpoint, methods=["POST"])
    (made,) = router.routes
    assert isinstance(made, APIRoute)
    return made


@pytest.mark.parametrize("endpoint", [with_query, with_nested, with_model, with_body, with_answer, in_thread])
def test_what_needs_fastapi_is_left_to_it(endpoint: Any) -> None:
    assert direct_handler(route(endpoint)) is None


@pytest.mark.parametrize("endpoint", [plain, with_request, of_starlette, unexpected])
@pytest.mark.parametrize("path", ["/tasks/task-1", "/tasks/closed", "/tasks/no%20id", "/tasks/" + "x" * 65])
def test_it_answers_as_fastapi_would(path: str, endpoint: Any) -> None:
    answers = []
    for kind in (APIRoute, PolicyRoute):
        app = FastAPI()
        app.router.routes.append(route(endpoint, kind))
        install_problems(app)
        answer = TestClient(app, raise_server_exceptions=False).post(path)
        answers.append((answer.status_code, answer.headers, answer.content))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("router", "path", "method"),
    [(review_router, "/api/tasks/{task}/submit", "POST"), (ingest_router, "/api/uploads/{upload}", "PATCH")],
)
def test_what_is_asked_most_often_goes_this_way(router: APIRouter, path: str, method: str) -> None:
    (found,) = (
        one for one in router.routes if isinstance(one, APIRoute) and one.path == path and method in one.methods
    )
    assert direct_handler(found) is not None
