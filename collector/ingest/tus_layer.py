"""What every request and answer under /api/uploads has in common, as a layer around the app (pure ASGI).

`X-HTTP-Method-Override` is obeyed, every answer names the protocol's version, also the refusals, and pages of the
origins in the setting `upload_origins` may upload (CORS, without cookies).
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.ingest.tus import VERSION, is_upload_path
from collector.people.refusals import log_foreign_origin
from collector.settings import Settings

METHODS = "POST, HEAD, PATCH, DELETE, OPTIONS"
SENT = (
    "Authorization, Content-Type, Tus-Resumable, Upload-Length, Upload-Defer-Length, Upload-Offset, Upload-Metadata,"
    " Upload-Checksum, Upload-Concat, X-HTTP-Method-Override, X-Requested-With, X-Request-ID"
)
ANSWERED = (
    "Location, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Upload-Offset,"
    " Upload-Length, Upload-Defer-Length, Upload-Metadata, Upload-Expires, Upload-Concat, Retry-After"
)
PREFLIGHT_SECONDS = "600"
_METHOD = re.compile(r"[A-Za-z]{1,16}")


class TusLayer:
    """Around the whole app; other paths pass through it untouched."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._origins = settings.upload_origins
        self._own = settings.url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_upload_path(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        override = headers.get("x-http-method-override", "")
        if _METHOD.fullmatch(override):
            scope = {**scope, "method": override.upper()}
        origin = headers.get("origin")
        if origin is not None and not self._is_allowed(origin, headers.get("host", "")):
            log_foreign_origin(scope, origin)

        async def send_tus(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer["Tus-Resumable"] = VERSION
                if message["status"] == 412:
                    answer["Tus-Version"] = VERSION
                if origin is not None:
                    self._allow(answer, origin, is_options=scope["method"] == "OPTIONS")
            await send(message)

        await self._app(scope, receive, send_tus)

    def _is_allowed(self, origin: str, host: str) -> bool:
        """Whether pages of this origin may read answers. Our own one has each name that we answer under."""
        return origin in (*self._origins, self._own) or urlsplit(origin).netloc.lower() == host.lower()

    def _allow(self, answer: MutableHeaders, origin: str, *, is_options: bool) -> None:
        """Which origin may read the answer: the asking one if it is named in the settings, else only our own."""
        answer["Access-Control-Allow-Origin"] = origin if origin in self._origins else self._own
        answer.add_vary_header("Origin")
        answer["Access-Control-Expose-Headers"] = ANSWERED
        if is_options:
            answer["Access-Control-Allow-Methods"] = METHODS
            answer["Access-Control-Allow-Headers"] = SENT
            answer["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
