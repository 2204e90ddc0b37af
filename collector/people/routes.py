"""`/enter/CODE`, `/api/enter`, `/api/me/…`, `/api/leave`."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from collector.http.bodies import read_body
from collector.http.problems import RequestInvalid
from collector.people import accounts
from collector.people.browser_storage import browser_key, seconds_left
from collector.people.open_tokens import ID_DIGITS, TokenRows, list_tokens, revoke_other_sessions, revoke_token
from collector.people.peers import client_address, seen_client
from collector.people.policy import (
    CLEAR_CACHE,
    PAGE_HEADER,
    Anyone,
    AnyRole,
    NotAllowed,
    PageHeaderMissing,
    PolicyRoute,
    Role,
    token_hash,
)
from collector.people.sign_in_page import CONTENT_SECURITY_POLICY, sign_in_page
from collector.security.log import SecurityLog
from collector.services import Db, services_of

router = APIRouter(tags=["people"], route_class=PolicyRoute)
_LONGEST_BODY = 4096


class SignInRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    code: str = Field(min_length=1, max_length=128)


class Me(BaseModel):
    name: str
    role: Role


class BrowserStorage(BaseModel):
    """How the page encrypts what the browser stores of this person, and when the page drops the key."""

    name: str
    store: str
    key: str
    session: str
    ends_in_seconds: float
    idle_seconds: int


class EndedSessions(BaseModel):
    ended: int


@router.get("/enter/{code}", dependencies=[Anyone], response_class=HTMLResponse)
async def show_link(code: str) -> HTMLResponse:
    """A small page; looking at it uses nothing up."""
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(sign_in_page(code), headers=headers)


@router.post(
    "/api/enter",
    dependencies=[Anyone],
    response_model=Me,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": SignInRequest.model_json_schema()}},
        }
    },
)
async def use_link(request: Request, db: Db) -> Response:
    """Use the code up and set the page's cookie. JSON from the script, a form from the button without scripts."""
    is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    _same_origin(request, is_form)
    code = _code_of(await read_body(request, _LONGEST_BODY), is_form)
    before = request.cookies.get(services_of(request).settings.page_cookie)
    secret = await db.write(lambda conn: accounts.sign_in(conn, code, before))
    log = services_of(request).get(SecurityLog)
    if secret is None:
        raise accounts.LinkUsed("This link has been used or has expired.")
    settings = services_of(request).settings
    who = await db.read(lambda conn: accounts.signed_in(conn, secret))
    log.record("signed-in", person=who["name"], role=who["role"], address=_address(request))
    reply: Response = RedirectResponse("/", status_code=303) if is_form else JSONResponse(who)
    reply.set_cookie(
        settings.page_cookie,
        secret,
        max_age=int(accounts.PAGE_SECONDS),
        httponly=True,
        samesite="strict",
        secure=settings.is_https,
        path="/",
    )
    if before is not None:
        reply.headers.update(CLEAR_CACHE)
    return reply


@router.get("/api/me")
async def me(person: AnyRole) -> Me:
    return Me(name=person.name, role=person.role)


@router.get("/api/me/browser-storage")
async def browser_storage(request: Request, person: AnyRole, db: Db) -> BrowserStorage:
    """The key of what the browser stores of this person, for their session of the page and nobody else."""
    services, current = services_of(request), token_hash(request)
    left = None if current is None else await db.read(lambda conn: seconds_left(conn, current))
    if current is None or left is None:
        raise NotAllowed("Only a session of the page gets the key of the browser's storage.", hint="Open a link.")
    found = browser_key(services.receipt_key, person.id)
    idle = services.settings.page_idle_seconds
    return BrowserStorage(
        name=person.name,
        store=found.store,
        key=found.key,
        session=current[:ID_DIGITS],
        ends_in_seconds=left,
        idle_seconds=idle,
    )


@router.post("/api/leave", status_code=204)
async def sign_out(request: Request, person: AnyRole, db: Db) -> Response:
    """End the page's session, on this side too: the cookie's secret is no longer good."""
    settings = services_of(request).settings
    secret = request.cookies.get(settings.page_cookie)
    await db.write(lambda conn: accounts.sign_out(conn, person, secret))
    services_of(request).get(SecurityLog).record("signed-out", person=person.name, address=_address(request))
    reply = Response(status_code=204)
    reply.delete_cookie(settings.page_cookie, path="/", secure=settings.is_https)
    reply.headers.update(CLEAR_CACHE)
    return reply


@router.get("/api/me/tokens")
async def own_tokens(request: Request, person: AnyRole, db: Db) -> TokenRows:
    """What lets this person in: their sessions of the page, the tokens of their programs, links not opened yet."""
    idle, current = services_of(request).settings.page_idle_seconds, token_hash(request)
    return await db.read(lambda conn: list_tokens(conn, person.id, idle, current))


@router.post("/api/me/tokens/{token}/revoke", status_code=204)
async def revoke_own_token(token: str, request: Request, person: AnyRole, db: Db) -> Response:
    await db.write(lambda conn: revoke_token(conn, person.id, token))
    log = services_of(request).get(SecurityLog)
    log.record("token-revoked", person=person.name, token=token, by=person.name)
    return Response(status_code=204)


@router.post("/api/me/leave-others")
async def sign_out_elsewhere(request: Request, person: AnyRole, db: Db) -> EndedSessions:
    """End this person's sessions of the page in every other browser."""
    current = token_hash(request)
    ended = await db.write(lambda conn: revoke_other_sessions(conn, person.id, current))
    services_of(request).get(SecurityLog).record("sessions-ended", person=person.name, count=ended, by=person.name)
    return EndedSessions(ended=ended)


def _address(request: Request) -> str:
    return client_address(request, services_of(request).settings)


def _same_origin(request: Request, is_form: bool) -> None:
    """Nobody else's page may sign a person in here: the script sends our header, a form its own origin."""
    if not is_form:
        if request.headers.get(PAGE_HEADER) != "1":
            raise PageHeaderMissing("Only the link's own page can open it.")
        return
    # Browsers that send Sec-Fetch-Site are asked that: under no-referrer a form's Origin is "null" even from here.
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = seen_client(request, services_of(request).settings).host or request.headers["host"]
    is_own = site == "same-origin" if site else origin is None or origin.partition("://")[2] == own
    if not is_own:
        raise PageHeaderMissing("Only the link's own page can open it.")


def _code_of(body: bytes, is_form: bool) -> str:
    try:
        if is_form:
            fields = parse_qs(body.decode(), strict_parsing=True)
            return SignInRequest(code=fields.get("code", [""])[0]).code
        return SignInRequest.model_validate(json.loads(body)).code
    except (ValueError, RecursionError) as error:
        raise RequestInvalid('The request is not {"code": "…"}.') from error
