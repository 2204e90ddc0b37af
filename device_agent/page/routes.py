"""Every route of the session page with its policy, and the application made of nothing but that list."""

from __future__ import annotations

import base64
import hashlib
import logging
import mimetypes
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Literal

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from device_agent.events import ENDED, Event, Pause, Snapshot, Stop
from device_agent.page.control import Control
from device_agent.page.guard import PROGRAM, PageGuard, PageLocked, Policy, new_key
from device_agent.page.messages import MAX_BODY_BYTES, BadEvent, parse_event, snapshot_json
from device_agent.page.stream import BOUNDARY, Viewers, pictures, snapshots
from http_shell.hosts import Hosts
from http_shell.problems import problem_handlers
from http_shell.shell import HttpShell
from wire.errors import GleanerError

log = logging.getLogger("gleaner.page")
STATIC = Path(__file__).parent / "static"


class EventTooLarge(GleanerError):
    code = "event-too-large"
    status = 413
    hint = "Send a shorter answer."


class NoPreview(GleanerError):
    code = "no-picture"
    status = 404
    retryable = True
    hint = "A picture comes as soon as a camera runs."


class PageWatches(GleanerError):
    code = "page-watches"
    status = 403
    hint = "Press “Use this screen instead” on it, or continue where the session began. Pause and Stop work everywhere."


@dataclass(frozen=True)
class PageContext:
    """What the routes work with: the three doors to the session, the lock, who runs the session, and who looks."""

    read: Callable[[], Snapshot]
    post: Callable[[Event], None]
    preview: Callable[[], bytes | None]
    guard: PageGuard
    viewers: Viewers
    stopping: threading.Event
    control: Control

    def visitor(self, request: Request) -> str:
        """Who asks; the route's policy has been checked."""
        visitor = self.guard.visitor(request.headers)
        assert visitor is not None
        return visitor

    def controls(self, visitor: str) -> bool:
        return visitor == PROGRAM or self.control.holds(visitor)

    def shown_to(self, visitor: str) -> bytes:
        """The newest snapshot as JSON, for one of those who look."""
        return snapshot_json(replace(self.read(), controls=self.controls(visitor)))

    @property
    def over(self) -> bool:
        """Nobody looks into the room any more: the session has ended, or the page is closed."""
        return self.stopping.is_set() or self.read().state in ENDED


Endpoint = Callable[[PageContext, Request], Awaitable[Response]]


@dataclass(frozen=True)
class PageRoute:
    method: Literal["GET", "POST"]
    path: str
    policy: Policy
    endpoint: Endpoint


@cache
def static_files() -> dict[str, tuple[bytes, str]]:
    """The page's files by name, read once: nothing else can be asked for by a path."""
    types = {".js": "text/javascript", ".svg": "image/svg+xml"}
    return {
        path.name: (path.read_bytes(), types.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain")
        for path in STATIC.iterdir()
        if path.is_file()
    }


async def page(context: PageContext, request: Request) -> Response:
    """The page; with `?key=` the key becomes a cookie and leaves the address."""
    offered = request.query_params.get("key")
    visitor = context.guard.visitor(request.headers)
    if offered is not None and context.guard.is_key(offered):
        browser = visitor if visitor not in (None, PROGRAM) else new_key()
        context.control.opened(browser)
        return RedirectResponse("/", HTTPStatus.SEE_OTHER, {"set-cookie": context.guard.set_cookie(browser)})
    if visitor is None:
        return HTMLResponse(LOCKED_PAGE, HTTPStatus.UNAUTHORIZED, {"content-security-policy": LOCKED_POLICY})
    return Response(static_files()["index.html"][0], media_type="text/html")


async def static(context: PageContext, request: Request) -> Response:
    name = request.path_params["name"]
    if name not in static_files():
        raise HTTPException(HTTPStatus.NOT_FOUND)
    data, media_type = static_files()[name]
    return Response(data, media_type=media_type)


async def snapshot(context: PageContext, request: Request) -> Response:
    return Response(context.shown_to(context.visitor(request)), media_type="application/json")


async def stream(context: PageContext, request: Request) -> Response:
    context.viewers.opened = True
    visitor = context.visitor(request)
    body = snapshots(lambda: context.shown_to(visitor), context.stopping)
    return StreamingResponse(body, media_type="text/event-stream")


async def picture(context: PageContext, request: Request) -> Response:
    context.viewers.picture_sent()
    data = context.preview()
    if data is None:
        raise NoPreview("There is no preview picture.")
    return Response(data, media_type="image/jpeg")


async def moving_picture(context: PageContext, request: Request) -> Response:
    body = pictures(context.preview, context.viewers, lambda: context.over)
    return StreamingResponse(body, media_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}")


async def events(context: PageContext, request: Request) -> Response:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise EventTooLarge(f"An event has at most {MAX_BODY_BYTES // 1024} KiB.")
    event = parse_event(body, context.read())
    if not context.controls(context.visitor(request)) and not isinstance(event, Pause | Stop):
        raise PageWatches("Another screen runs this session.")
    context.post(event)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def control(context: PageContext, request: Request) -> Response:
    """A person wants to run the session from this browser; the one before only watches from now on."""
    visitor = context.visitor(request)
    if visitor != PROGRAM:
        context.control.take(visitor)
    return Response(status_code=HTTPStatus.NO_CONTENT)


ROUTES: tuple[PageRoute, ...] = (
    PageRoute("GET", "/", "key", page),
    PageRoute("GET", "/static/{name}", "cookie", static),
    PageRoute("GET", "/api/snapshot", "cookie", snapshot),
    PageRoute("GET", "/api/stream", "cookie", stream),
    PageRoute("GET", "/api/preview.jpg", "cookie", picture),
    PageRoute("GET", "/api/preview.mjpeg", "cookie", moving_picture),
    PageRoute("POST", "/api/events", "act", events),
    PageRoute("POST", "/api/control", "act", control),
)


def make_app(context: PageContext, hosts: Hosts) -> Starlette:
    """The page as an ASGI application that answers under these names."""
    return Starlette(
        routes=[Route(row.path, _checked(context, row), methods=[row.method]) for row in ROUTES],
        middleware=[Middleware(HttpShell, hosts=hosts, headers=PAGE_HEADERS)],
        exception_handlers=problem_handlers("session page", "docs/session-page.md", log),
    )


def _checked(context: PageContext, row: PageRoute) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        if row.policy != "key":
            context.guard.check(row.policy, request.headers)
        return await row.endpoint(context, request)

    return endpoint


PAGE_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
}

_LOCKED_STYLE = (
    ":root{color-scheme:light dark}body{font:20px/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;"
    "padding:0 1.5rem}h1{font-size:28px;line-height:1.25}"
)
LOCKED_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Session page</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    f"<style>{_LOCKED_STYLE}</style></head><body><h1>This page is locked</h1>"
    f"<p>{PageLocked.hint}</p></body></html>"
)
_LOCKED_STYLE_HASH = base64.b64encode(hashlib.sha256(_LOCKED_STYLE.encode()).digest()).decode()
LOCKED_POLICY = f"default-src 'none'; style-src 'sha256-{_LOCKED_STYLE_HASH}'"

__all__ = ["ROUTES", "BadEvent", "PageContext", "PageRoute", "make_app", "static_files"]
