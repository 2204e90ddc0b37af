"""What every answer passes: the Host header is one of ours, and browsers are told to be strict. Pure ASGI."""

from __future__ import annotations

import ipaddress
import json
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.problems import MEDIA_TYPE
from collector.settings import Settings
from wire.errors import GleanerError

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
# wavesurfer.js styles its shadow root with an element; scripts, frames and other origins stay shut.
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
    name = urlsplit(f"//{header}").hostname if header else None
    if name is None:
        return False
    if name.lower() in allowed:
        return True
    if not any_number:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """The outermost layer of the app."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._allowed = allowed_hosts(settings)
        self._any_number = settings.host not in LOOPBACK_NAMES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_strict(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                names = {name.lower() for name, _ in headers}
                for name, value in _STRICT:
                    if name not in names:
                        headers.append((name, value))
                message["headers"] = headers
            await send(message)

        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        if not host_allowed(host, self._allowed, any_number=self._any_number):
            await _refuse(send_strict, HostWrong(f"There is no {host[:100] or 'nameless host'} here."))
            return
        await self._app(scope, receive, send_strict)


_STRICT = (
    (b"content-security-policy", PAGE_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


async def _refuse(send: Send, error: GleanerError) -> None:
    body = json.dumps(error.problem()).encode()
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
