"""The routes of the collector: those that the docs name, and who may use each."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from collector.app import create_app
from collector.people.policy import policy_checks
from collector.settings import Settings


def documented_routes() -> list[tuple[str, str]]:
    """(method, path) of every route that docs/http-api.md has to name."""
    found = []
    for context in iter_route_contexts(create_app(Settings()).routes):
        if getattr(context, "include_in_schema", False):
            found += [(method, context.path or "") for method in sorted(context.methods or ())]
    return found


def policies(app: FastAPI) -> dict[str, tuple[str, ...] | None]:
    """`METHOD /path` -> who may pass, None where a route does not name one policy. Walks every route of the app."""
    found: dict[str, tuple[str, ...] | None] = {}
    for context in iter_route_contexts(app.routes):
        route = context.route
        if not isinstance(route, APIRoute):
            found[f"ANY {context.path or route!r}"] = None
            continue
        named = [check.policy.who for check in policy_checks(context.dependant)]
        for method in sorted(context.methods or ()):
            found[f"{method} {context.path}"] = named[0] if len(named) == 1 else None
    return found
