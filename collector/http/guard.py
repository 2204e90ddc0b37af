"""What every request passes: the Host header is one of ours, the body is no longer than a document can be, and
answers carry strict headers for browsers. Pure ASGI."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.http.bodies import IDLE_SECONDS, MAX_BODY_SECONDS, MAX_DOCUMENT_BYTES, BodyCut, BodyTooLong
from collector.http.problems import MEDIA_TYPE
from collector.settings import Settings
from wire.errors import GleanerError

_HOST = re.compile(r"(\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[^\s\[\]:/\\@?#]+))(:[0-9]{0,5})?")
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
# Views set places and colours by style attributes; scripts, frames and other origins stay shut.
PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' blob: data:; media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self' blob:;"
    " object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class HostWrong(GleanerError):
    """The Host header names a place this collector does not serve (DNS rebinding)."""

    code = "host-wrong"
    status = 421
    hint = "Use the address that `collector serve` prints, or name this one with --public-url."


def allowed_hosts(settings: Settings) -> frozenset[str]:
    """Names a request may be for: loopback, the address bound, the public one."""
    hosts = set(LOOPBACK_NAMES) | {settings.host.lower()}
    if settings.public_url:
        hosts.add((urlsplit(settings.public_url).hostname or "").lower())
    return frozenset(hosts)


def host_allowed(header: str, allowed: frozenset[str], *, any_number: bool) -> bool:
    """`any_number`: listening beyond loopback, a bare IP address is fine too; rebinding needs a name."""
    found = _HOST.fullmatch(header)
    if found is None:
        return False
    name = (found["address"] or found["name"]).lower()
    if name in allowed:
        return True
    if not any_number:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """The outermost layer of the app.

    Args:
        is_upload: whether a path takes media, whose bodies have limits of their own.
    """

    def __init__(self, app: ASGIApp, settings: Settings, is_upload: Callable[[str], bool]) -> None:
        self._app, self._is_upload = app, is_upload
        self._allowed = allowed_hosts(settings)
        self._strict = (*_STRICT, _ONLY_HTTPS) if settings.is_https else _STRICT
        self._any_number = settings.host not in LOOPBACK_NAMES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_strict(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                names = {name.lower() for name, _ in headers}
                strict = (*self._strict, _NO_STORE) if _is_json(headers) else self._strict
                headers += [(name, value) for name, value in strict if name not in names]
                message["headers"] = headers
            await send(message)

        host = _header(scope, b"host")
        if not host_allowed(host, self._allowed, any_number=self._any_number):
            await _refuse(send_strict, HostWrong(f"There is no {host[:100] or 'nameless host'} here."))
            return
        if self._is_upload(scope["path"]):
            # Media: the device is known before a byte is read, and the upload's own length is the limit.
            await self._app(scope, receive, send_strict)
            return
        await _bounded(self._app, scope, receive, send_strict)


async def _bounded(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Run `app` with a bounded body: past its size or its time the sender is answered, and `app` sees a disconnect."""
    length = _header(scope, b"content-length")
    if length.isdecimal() and (len(length) > 20 or int(length) > MAX_DOCUMENT_BYTES):
        await _refuse(send, _too_long())
        return
    body = _Body(receive, send)
    try:
        await app(scope, body.receive, body.send)
    except ClientDisconnect:
        if not body.is_refused:
            raise


class _Body:
    """The body of one request, counted and timed. Time runs from the first read until the last byte."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._size, self._has_answer, self._is_whole = 0, False, False
        self._deadline: float | None = None
        self.is_refused = False

    async def receive(self) -> Message:
        if self.is_refused:
            return {"type": "http.disconnect"}
        if self._is_whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self._patience())
        except TimeoutError:
            return await self._end(BodyCut("The body did not come in time."))
        self._is_whole = message["type"] != "http.request" or not message.get("more_body", False)
        self._size += len(message.get("body", b""))
        return message if self._size <= MAX_DOCUMENT_BYTES else await self._end(_too_long())

    async def send(self, message: Message) -> None:
        if self.is_refused and not self._has_answer:
            return
        self._has_answer = True
        await self._send(message)

    def _patience(self) -> float:
        now = asyncio.get_running_loop().time()
        if self._deadline is None:
            self._deadline = now + MAX_BODY_SECONDS
        return max(0.0, min(IDLE_SECONDS, self._deadline - now))

    async def _end(self, error: GleanerError) -> Message:
        self.is_refused = True
        if not self._has_answer:
            await _refuse(self._send, error)
        return {"type": "http.disconnect"}


def _too_long() -> BodyTooLong:
    return BodyTooLong(f"The body is longer than {MAX_DOCUMENT_BYTES} bytes.")


def _is_json(headers: list[tuple[bytes, bytes]]) -> bool:
    kind = next((value for name, value in headers if name.lower() == b"content-type"), b"")
    return kind.partition(b";")[0].strip().endswith(b"json")


def _header(scope: Scope, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), "")


_STRICT = (
    (b"content-security-policy", PAGE_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
# Answers about people and recordings are for who asked; media have their own rule.
_NO_STORE = (b"cache-control", b"no-store")
_ONLY_HTTPS = (b"strict-transport-security", b"max-age=31536000")


async def _refuse(send: Send, error: GleanerError) -> None:
    body = json.dumps(error.problem()).encode()
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
