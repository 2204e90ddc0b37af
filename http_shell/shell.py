"""The outermost layer of a server: refuses foreign host names and makes every answer strict for browsers."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from http_shell.hosts import Hosts, HostWrong
from http_shell.problems import problem_response

STRICT_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class HttpShell:
    """Pure ASGI. A header that an answer sets itself is left as it is.

    Args:
        hosts: the names under which the server answers.
        headers: of this server's answers, in addition to STRICT_HEADERS; names in lower case.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, headers: Mapping[str, str]) -> None:
        self._app, self._hosts = app, hosts
        self._strict = _raw({**STRICT_HEADERS, **headers})
        # Answers about people and recordings are for who asked; media have their own rule.
        self._strict_for_json = _raw({**STRICT_HEADERS, "cache-control": "no-store", **headers})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_strict(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                names = {name.lower() for name, _ in headers}
                strict = self._strict_for_json if _is_json(headers) else self._strict
                message["headers"] = headers + [header for header in strict if header[0] not in names]
            await send(message)

        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        if self._hosts.allow(host):
            await self._app(scope, receive, send_strict)
        else:
            error = HostWrong(f"There is no {host[:100] or 'nameless host'} here.")
            await problem_response(error)(scope, receive, send_strict)


def _raw(headers: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.encode(), value.encode()) for name, value in headers.items())


def _is_json(headers: list[tuple[bytes, bytes]]) -> bool:
    kind = next((value for name, value in headers if name.lower() == b"content-type"), b"")
    return kind.partition(b";")[0].strip().endswith(b"json")
