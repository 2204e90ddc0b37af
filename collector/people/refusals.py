"""Refused requests in the security log: who asked, from where, for which route, and why not."""

from __future__ import annotations

from fastapi import Request

from collector.people.peers import client_address
from collector.people.policy import Device, Person, who_asks
from collector.security.log import SecurityLog
from collector.services import services_of
from wire.errors import GleanerError

_STATUSES = frozenset({401, 403, 429})
_CODES = frozenset({"link-used", "join-code-used", "join-code-expired"})


def log_refusal(request: Request, error: GleanerError) -> None:
    """Write down that this request was refused, if that is what the error says."""
    if error.status not in _STATUSES and error.code not in _CODES:
        return
    services, who = services_of(request), who_asks(request)
    route = request.scope.get("route")
    services.get(SecurityLog).refused(
        client_address(request, services.settings),
        code=error.code,
        method=request.method,
        route=getattr(route, "path", None),  # the template: an address may have a secret in it
        person=who.name if isinstance(who, Person) else None,
        device=who.id if isinstance(who, Device) else None,
    )
