"""Who may call a route. Every route names its policy as a dependency; a route without one fails a test.

    @router.get("/api/me")
    async def me(person: Annotated[Person, Depends(allow("annotator", "lead"))]) -> …
    @router.post("/api/devices/heartbeat")
    async def heartbeat(device: Annotated[Device, Depends(allow_device)]) -> …

`Annotator` (annotator or lead), `Lead`, `Keeper` (lead or admin), `AnyRole` and `JoinedDevice` below are the ready-made
annotations. An admin looks after the installation and is given no recording, no item and no answer.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, get_args
from urllib.parse import unquote

from fastapi import Depends, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from collector.http.bodies import bounded
from collector.http.direct import answering, direct_handler
from collector.people.peers import is_local
from collector.people.rates import RequestRates
from collector.people.sign_ins import DEVICE_KIND, Known, SignIns, credentials_changed
from collector.people.tokens import hash_secret, same_secret
from collector.services import services_of
from collector.settings import Settings
from collector.store.clock import now_text, steady_now, steady_text
from collector.store.dialects import json_array_of
from collector.store.read_only import DataReadOnly
from collector.store.sql import Connection, text
from wire.base import format_utc
from wire.errors import GleanerError

Role = Literal["annotator", "lead", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
PAGE_HEADER = "x-gleaner-page"
PERSON_HEADER = "x-gleaner-person"
# Recordings that were looked at: a browser keeps them for ten minutes (collector/catalogue/routes.py).
CLEAR_CACHE = {"Clear-Site-Data": '"cache"'}
_SAFE = ("GET", "HEAD", "OPTIONS")
_PERSON = text(
    "SELECT person.id, person.name, person.role, token.expires_at, token.last_used_at,"
    f" (SELECT {json_array_of('study')} FROM person_study WHERE person_id = person.id) AS studies"
    " FROM token JOIN person ON person.id = token.person_id WHERE token.hash = :hash"
    " AND token.kind = :kind AND person.disabled_at IS NULL AND token.used_at IS NULL"
    " AND (token.expires_at IS NULL OR token.expires_at > :now)"
    " AND (token.kind <> 'page' OR token.last_used_at > :idle_since)"
)
_DEVICE = text("SELECT id FROM device WHERE token_hash = :hash AND revoked_at IS NULL")
_REVOKED = text("SELECT name FROM device WHERE token_hash = :hash AND revoked_at IS NOT NULL")
_WHO = "gleaner.who"  # key of the request's scope: who asks, so that a credential is looked up once


class NotSignedIn(GleanerError):
    """No token, or one that is not known, expired or revoked."""

    code = "not-signed-in"
    status = 401
    exit_code = 3
    hint = "Ask your lead for a new link: `gleaner collector user link NAME`."


class NotAllowed(GleanerError):
    """Signed in, but not for this."""

    code = "not-allowed"
    status = 403
    hint = "Ask a lead."


class DeviceRevoked(GleanerError):
    """A lead has taken back the token of this device. Its captures stay on it."""

    code = "device-revoked"
    status = 401
    exit_code = 3
    hint = "Ask your lead. With a new code it sends what it holds: `gleaner agent join URL CODE`."


class PageHeaderMissing(GleanerError):
    """A change was asked for with the page's cookie but without the page's header (cross-site request forgery)."""

    code = "page-header-missing"
    status = 403
    hint = "Send the header X-Gleaner-Page: 1, or use a bearer token."


class SomeoneElseSignedIn(GleanerError):
    """A page asked for a change in the name of somebody who is not signed in in this browser any more."""

    code = "someone-else-signed-in"
    status = 409
    hint = "Reload the page, or open your own link again."


@dataclass(frozen=True)
class Person:
    """A signed-in person. `studies`: those they are limited to, None where they are not; collector/studies/scope.py."""

    id: str
    name: str
    role: Role
    studies: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Device:
    """A device that joined and was not revoked."""

    id: str


@dataclass(frozen=True)
class Policy:
    """What a policy dependency carries: who may pass, in the words of docs/http-api.md."""

    who: tuple[str, ...]


def allow(*roles: Role) -> Callable[[Request], Awaitable[Person]]:
    """A dependency that lets people of these roles pass and returns the `Person`.

    Raises (as problem documents): NotSignedIn, NotAllowed, PageHeaderMissing, TooManyRequests.
    """

    async def check(request: Request) -> Person:
        known = request.scope.get(_WHO)
        if isinstance(known, Person) and known.role in roles:
            return known
        services = services_of(request)
        secret, by_cookie = _credential(request, services.settings)
        if secret is None:
            raise NotSignedIn("This needs a user who is signed in.")
        if by_cookie and request.method not in _SAFE and request.headers.get(PAGE_HEADER) != "1":
            raise PageHeaderMissing("A page must send its own header to change anything.")
        kind = "page" if by_cookie else "api"
        idle = services.settings.page_idle_seconds
        sign_ins = services.get(SignIns)
        person = await sign_ins.find(kind, secret, Person, lambda conn: find_person(conn, secret, kind, idle))
        if person is None:
            owner = await services.db.read(lambda conn: owner_of_expired(conn, secret, idle))
            if owner is not None:
                with contextlib.suppress(DataReadOnly):
                    await services.db.write(lambda conn: end_session(conn, secret, owner))  # it has ended for good
            if not by_cookie:
                raise NotSignedIn("This token is not known here.")
            ended = NotSignedIn("The session of this page has ended.")
            ended.headers = CLEAR_CACHE
            raise ended
        request.scope[_WHO] = person
        _must_be_whom_the_page_means(request, person)
        if person.role not in roles:
            raise NotAllowed(f"{person.name} is {_article(person.role)}; this is for {' or '.join(roles)}.")
        services.get(RequestRates).take_one(person.role, person.id)
        return person

    check.policy = Policy(roles)  # type: ignore[attr-defined]
    return check


def _must_be_whom_the_page_means(request: Request, person: Person) -> None:
    """All tabs of a browser share one cookie: a tab that was opened by somebody else must not write as this person."""
    named = request.headers.get(PERSON_HEADER)
    if named is not None and unquote(named) != person.name:
        raise SomeoneElseSignedIn(f"This browser is signed in as {person.name} now.")


async def allow_device(request: Request) -> Device:
    """A dependency that lets joined devices pass and returns the `Device`."""
    known = request.scope.get(_WHO)
    if isinstance(known, Device):
        return known
    services = services_of(request)
    secret, by_cookie = _credential(request, services.settings)
    if secret is None or by_cookie:
        raise NotSignedIn("This needs a device's token.", hint="Join again: `gleaner agent join URL CODE`.")
    device = await services.get(SignIns).find(DEVICE_KIND, secret, Device, lambda conn: find_device(conn, secret))
    if device is None:
        name = await services.db.read(lambda conn: name_of_revoked(conn, secret))
        if name is not None:
            raise DeviceRevoked(f"The access of the device {name} was revoked.")
        raise NotSignedIn("This device is not known here.", hint="Join again: `gleaner agent join URL CODE`.")
    request.scope[_WHO] = device
    services.get(RequestRates).take_one("device", device.id)
    return device


async def allow_command(request: Request) -> None:
    """A dependency for the commands on this machine: the key file in the data folder, over loopback only."""
    services = services_of(request)
    secret, by_cookie = _credential(request, services.settings)
    if not is_local(request) or by_cookie or secret is None or not same_secret(secret, services.admin_key):
        raise NotSignedIn("This is for commands on the collector's own machine.", hint="Run it there, with --data.")


async def anyone_here(request: Request) -> None:
    """A dependency that lets every program on this machine pass, and nobody else.

    With a public address and no trusted proxy there is a proxy that nobody named. It may look like a program of this
    machine, so that the key of the data folder is asked for.
    """
    if not is_local(request):
        raise NotAllowed("This is for programs on the collector's own machine.", hint="Ask over loopback.")
    services = services_of(request)
    if services.settings.public_url is not None and not services.settings.trusted_proxies:
        secret, by_cookie = _credential(request, services.settings)
        if by_cookie or secret is None or not same_secret(secret, services.admin_key):
            raise NotAllowed(
                "A proxy that is not named in trusted_proxies cannot be distinguished from programs of this machine.",
                hint="Name it in the setting trusted_proxies, or send the key in keys/admin.key as a bearer token.",
            )


async def anyone() -> None:
    """A dependency that states that a route is open; the reason is in docs/http-api.md."""


allow_device.policy = Policy(("device",))  # type: ignore[attr-defined]
allow_command.policy = Policy(("commands on this machine",))  # type: ignore[attr-defined]
anyone_here.policy = Policy(("anyone on loopback",))  # type: ignore[attr-defined]
anyone.policy = Policy(("anyone",))  # type: ignore[attr-defined]

Annotator = Annotated[Person, Depends(allow("annotator", "lead"))]
Lead = Annotated[Person, Depends(allow("lead"))]
Keeper = Annotated[Person, Depends(allow("lead", "admin"))]
AnyRole = Annotated[Person, Depends(allow(*ROLES))]
JoinedDevice = Annotated[Device, Depends(allow_device)]
Command = Depends(allow_command)
Anyone = Depends(anyone)
AnyoneHere = Depends(anyone_here)


class PolicyRoute(APIRoute):
    """A route whose policy is checked before a byte of the body is read. Every router names it as `route_class`.

    A body that FastAPI reads by its declaration is short; longer ones are read by `collector.http.bodies.document`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # which asks for the handler
        self._start = self.path.partition("{")[0]
        if self._is_direct:
            self.app = answering(self._handler)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Most routes that are tried begin otherwise: seen without their expression, in a fifth of the time."""
        if not scope["path"].startswith(self._start):
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        direct = direct_handler(self)
        handle = direct or super().get_route_handler()
        checks = [call for call in policy_checks(self.dependant) if call is not anyone]

        async def handle_allowed(request: Request) -> Response:
            for check in checks:
                await check(request)
            return await handle(request if self.body_field is None else await bounded(request))

        self._handler, self._is_direct = handle_allowed, direct is not None
        return handle_allowed


def policy_checks(dependant: Dependant) -> list[Any]:
    """The dependencies that are policies, all the way down; each has its Policy as the attribute `policy`."""
    found = []
    for child in dependant.dependencies:
        if isinstance(getattr(child.call, "policy", None), Policy):
            found.append(child.call)
        found += policy_checks(child)
    return found


def find_person(conn: Connection, secret: str, kind: str, idle_seconds: float) -> Known | None:
    """`idle_seconds`: a session of the page that was not used for so long has ended."""
    now = steady_now(conn)
    idle = timedelta(seconds=idle_seconds)
    values = {"hash": hash_secret(secret), "kind": kind, "now": format_utc(now), "idle_since": format_utc(now - idle)}
    row = conn.execute(_PERSON, values).one_or_none()
    if row is None:
        return None
    left = math.inf if row.expires_at is None else (datetime.fromisoformat(row.expires_at) - now).total_seconds()
    if kind == "page":
        left = min(left, (datetime.fromisoformat(row.last_used_at) + idle - now).total_seconds())
    studies = tuple(sorted(json.loads(row.studies)))
    return Known(Person(row.id, row.name, row.role, studies or None), left)


def owner_of_expired(conn: Connection, secret: str, idle_seconds: float) -> str | None:
    """The id of the person whose session of the page has run out; None for one that was left or never was."""
    found: str | None = conn.execute(
        text(
            "SELECT person_id FROM token WHERE hash = :hash AND kind = 'page' AND used_at IS NULL"
            " AND (expires_at <= :now OR last_used_at <= :idle_since)"
        ),
        {"hash": hash_secret(secret), "now": steady_text(conn), "idle_since": steady_text(conn, -idle_seconds)},
    ).scalar()
    return found


def end_session(conn: Connection, secret: str, person: str) -> None:
    """The session of the page behind this secret, if it is this person's, opens nothing from now on."""
    conn.execute(
        text("UPDATE token SET used_at = :now WHERE hash = :hash AND kind = 'page' AND person_id = :person"),
        {"hash": hash_secret(secret), "now": now_text(), "person": person},
    )
    credentials_changed(conn)


def find_device(conn: Connection, secret: str) -> Known | None:
    found = conn.execute(_DEVICE, {"hash": hash_secret(secret)}).scalar()
    return None if found is None else Known(Device(found), math.inf)


def name_of_revoked(conn: Connection, secret: str) -> str | None:
    """The name of the device whose token this was until it was revoked."""
    found: str | None = conn.execute(_REVOKED, {"hash": hash_secret(secret)}).scalar()
    return found


def who_asks(request: Request) -> Person | Device | None:
    """Who the policy found behind the request's credential, also when it refused them; None before and without one."""
    who = request.scope.get(_WHO)
    return who if isinstance(who, Person | Device) else None


def token_hash(request: Request) -> str | None:
    """The hash of the credential that the request shows."""
    secret, _ = _credential(request, services_of(request).settings)
    return None if secret is None else hash_secret(secret)


def _credential(request: Request, settings: Settings) -> tuple[str | None, bool]:
    """The secret shown, and whether it came as the page's cookie."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip(), False
    cookie = request.cookies.get(settings.page_cookie)
    return (cookie, True) if cookie else (None, False)


def _article(role: str) -> str:
    return f"an {role}" if role[0] in "aeiou" else f"a {role}"
