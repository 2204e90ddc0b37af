"""Refused requests in the security log: who asked, from where, for which route, and why not."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from collector.people.peers import client_address
from collector.people.policy import Device, Person, who_asks
from collector.security.log import Refusal, SecurityLog
from collector.services import services_of
from http_shell.problems import PROBLEM

_ACCESS_STATUSES = frozenset({401, 403, 429})
_ACCESS_CODES = frozenset({"link-used", "join-code-used", "join-code-expired", "someone-else-signed-in"})
_INPUT_STATUSES = frozenset({400, 404, 405, 412, 413, 414, 415, 421, 422, 431})
# What contradicts what is stored, or was refused by its content. A lost lease and the like are daily work.
_INPUT_CODES = frozenset({
    "capture-conflict", "capture-taken", "capture-unreadable", "checksum-mismatch", "device-active", "session-conflict",
    "session-taken", "submit-reused", "take-taken", "upload-length-conflict",
})  # fmt: skip


class RefusalLog:
    """A layer of the app: what it answers with a problem is looked at. Pure ASGI."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        finally:
            problem = scope.get(PROBLEM)
            if problem is not None and (kind := kind_of_refusal(problem)) is not None:
                _log(scope, kind, problem["code"])


def kind_of_refusal(problem: dict[str, Any]) -> Refusal | None:
    """The event of the security log that an answer with this problem document is; None: daily work or a fault of ours.

    What may be sent again as it is, such as a body that a bad network cut off, is no attempt at anything.
    """
    status, code = problem["status"], problem["code"]
    if status in _ACCESS_STATUSES or code in _ACCESS_CODES:
        return "refused"
    if code in _INPUT_CODES or (status in _INPUT_STATUSES and not problem["retryable"]):
        return "input-refused"
    return None


def log_foreign_origin(scope: Scope, origin: str) -> None:
    """A page of this origin asked for something that pages of other origins are not given."""
    _log(scope, "origin-refused", None, origin=origin)


def _log(scope: Scope, kind: Refusal, code: str | None, **members: str) -> None:
    request = Request(scope)
    services, who = services_of(request), who_asks(request)
    route = scope.get("route")
    services.get(SecurityLog).refused(
        kind,
        client_address(request, services.settings),
        code=code,
        method=request.method,
        route=getattr(route, "path", None),  # the template: an address may have a secret in it
        person=who.name if isinstance(who, Person) else None,
        device=who.id if isinstance(who, Device) else None,
        **members,
    )
