"""The device's half of docs/http-api.md: uploads, manifests, receipts, session records, heartbeats.

One colour: sync httpx, called by the one uplink thread.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import httpx

from device_agent.uplink.errors import Withdrawn, problem_of, unreachable
from device_agent.uplink.pairing import Credentials
from http_shell.trust import http_to
from http_shell.tus_client import TusUploads, UploadGone
from wire.device import TIME_HEADER, Heartbeat, Receipt
from wire.script import Plan
from wire.session import SessionRecord, TakeDocument

TIMEOUT = httpx.Timeout(connect=5.0, read=20.0, write=20.0, pool=5.0)


class CollectorClient:
    """Raises an UplinkError of uplink/errors.py for everything but success. Not shared between threads.

    `uploads`: the parts of captures.
    """

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        self._base = credentials.url.rstrip("/")
        self._http = http_to(self._base, credentials.authority, TIMEOUT, credentials.token)
        self.uploads = TusUploads(self._base, self._send, lambda reply: problem_of(reply, self._base))

    def close(self) -> None:
        self._http.close()

    # ---------------------------------------------------------------- documents
    def put_manifest(self, capture: str, manifest: bytes) -> None:
        """The same bytes again are welcome. Raises OtherManifest, or the collector's own problem."""
        self._put(f"/api/captures/{capture}/manifest", manifest)

    def receipt(self, capture: str) -> Receipt | None:
        """None: not yet.

        Raises:
            PartsWanted, Withdrawn; UploadGone: the collector does not know the capture at all.
        """
        reply = self._send("GET", f"{self._base}/api/captures/{capture}/receipt", {})
        if reply.status_code == 200:
            return Receipt.read(reply.content)
        if reply.status_code == 202:
            return None
        if reply.status_code == 404:
            raise UploadGone(f"The collector does not know the capture {capture}.")
        if reply.status_code == 410:
            raise Withdrawn(f"The capture {capture} was withdrawn at the collector.")
        raise problem_of(reply, self._base)

    def put_plan(self, sha256: str, plan: Plan) -> int:
        """Returns how many bytes were sent."""
        body = plan.model_dump_json(by_alias=True).encode()
        self._put(f"/api/plans/{sha256}", body)
        return len(body)

    def put_session(self, record: SessionRecord) -> int:
        """Returns how many bytes were sent."""
        body = record.model_dump_json(by_alias=True).encode()
        self._put(f"/api/sessions/{record.session}", body)
        return len(body)

    def put_take(self, document: TakeDocument) -> int:
        """Returns how many bytes were sent."""
        body = document.model_dump_json(by_alias=True).encode()
        self._put(f"/api/sessions/{document.session}/takes/{document.take.take}", body)
        return len(body)

    def heartbeat(self, heartbeat: Heartbeat) -> datetime | None:
        """Returns the collector's time, where it says so."""
        body = heartbeat.model_dump_json(by_alias=True).encode()
        reply = self._send("POST", f"{self._base}/api/devices/heartbeat", {"Content-Type": "application/json"}, body)
        if reply.status_code not in (200, 204):
            raise problem_of(reply, self._base)
        try:
            told = datetime.fromisoformat(reply.headers.get(TIME_HEADER, ""))
        except ValueError:
            return None
        return told if told.tzinfo is not None else None

    # ---------------------------------------------------------------- inside
    def _put(self, path: str, body: bytes) -> None:
        reply = self._send("PUT", f"{self._base}{path}", {"Content-Type": "application/json"}, body)
        if reply.status_code not in (200, 201, 202, 204):
            raise problem_of(reply, self._base)

    def _send(self, method: str, url: str, headers: dict[str, str], body: bytes = b"") -> httpx.Response:
        content: Any = body if method in ("POST", "PUT", "PATCH") else None
        try:
            return self._http.request(method, url, headers=headers, content=content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreachable(self._base, error) from error
