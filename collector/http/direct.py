"""Routes that need little of FastAPI's machinery are called without it: it takes longer than the queue's own work.

An endpoint that takes path parameters, dependencies of a request and the request, and makes its own `Response`, is
called with just these; OpenAPI describes it as before. Everything else is left to FastAPI.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, get_type_hints

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

Handler = Callable[[Request], Awaitable[Response]]


def direct_handler(route: APIRoute) -> Handler | None:
    """What answers the requests of such a route; None where FastAPI has to."""
    found = route.dependant
    returns = get_type_hints(route.endpoint).get("return")
    if returns is not Response or route.body_field is not None or not _is_plain(found):
        return None
    if not all(_takes_request_alone(child) for child in found.dependencies):
        return None
    path = {
        field.name: TypeAdapter(get_type_hints(route.endpoint, include_extras=True)[field.name])
        for field in found.path_params
    }
    calls: dict[str, Callable[[Request], Awaitable[Any]]] = {
        child.name: child.call for child in found.dependencies if child.name is not None and child.call is not None
    }

    async def handle(request: Request) -> Response:
        values = {name: _path_value(request, name, adapter) for name, adapter in path.items()}
        for name, call in calls.items():
            values[name] = await call(request)
        if found.request_param_name is not None:
            values[found.request_param_name] = request
        answer: Response = await route.endpoint(**values)
        return answer

    return handle


def answering(handle: Handler) -> ASGIApp:
    """The app of such a route. What it raises is for the layers around the routes, as with FastAPI's own wrapper.

    That one also opens two stacks, for dependencies with `yield` and files of forms, and looks for the errors a second
    time.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        response = await handle(Request(scope, receive, send))
        await response(scope, receive, send)

    return answer


def _path_value(request: Request, name: str, adapter: TypeAdapter[Any]) -> Any:
    try:
        return adapter.validate_python(request.path_params[name])
    except ValidationError as error:
        rows = error.errors(include_url=False)
        raise RequestValidationError([{**row, "loc": ("path", name, *row["loc"])} for row in rows]) from error


def _is_plain(dependant: Dependant) -> bool:
    """Nothing is read from query, headers, cookies or body by declaration, and only the request is injected."""
    injected = (
        dependant.response_param_name,
        dependant.background_tasks_param_name,
        dependant.security_scopes_param_name,
        dependant.http_connection_param_name,
    )
    declared = (dependant.query_params, dependant.header_params, dependant.cookie_params, dependant.body_params)
    return inspect.iscoroutinefunction(dependant.call) and not any(injected) and not any(declared)


def _takes_request_alone(dependant: Dependant) -> bool:
    only_request = [dependant.request_param_name] == list(inspect.signature(dependant.call).parameters)  # type: ignore[arg-type]
    return inspect.iscoroutinefunction(dependant.call) and only_request and not dependant.dependencies
