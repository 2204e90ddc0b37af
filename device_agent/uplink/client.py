"""The device's half of docs/http-api.md: tus 1.0.0 uploads, manifests, receipts, session records, heartbeats.

One colour: sync httpx, called by the one uplink thread. Every chunk carries its sha256 (tus checksum extension); the
collector drops a chunk that arrives damaged or not whole, so a chunk is also what a broken connection may cost.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from device_agent.uplink.errors import (
    CHECKSUM_MISMATCH,
    NotACollector,
    UploadGone,
    UploadMoved,
    UploadSpoiled,
    Withdrawn,
    problem_body,
    problem_of,
    unreachable,
)
from device_agent.uplink.pairing import Credentials
from device_agent.uplink.trust import context_of
from http_shell.hosts import is_loopback
from wire.device import TIME_HEADER, Heartbeat, Receipt
from wire.script import Plan
from wire.session import SessionRecord, TakeDocument

TUS = "1.0.0"
TIMEOUT = httpx.Timeout(connect=5.0, read=20.0, write=20.0, pool=5.0)


@dataclass
class PartUpload:
    """One part at the collector: where it stands. `offset` None: ask before sending."""

    url: str
    offset: int | None
    length: int | None  # None: deferred


class CollectorClient:
    """Raises an UplinkError of uplink/errors.py for everything but success. Not shared between threads."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        self._base = credentials.url.rstrip("/")
        # A proxy from the environment is for the way out, never for this machine.
        outside = not is_loopback(httpx.URL(self._base).host)
        self._http = httpx.Client(
            timeout=TIMEOUT,
            trust_env=outside,
            headers={"Authorization": f"Bearer {credentials.token}"},
            verify=context_of(credentials.authority),
        )

    def close(self) -> None:
        self._http.close()

    # ---------------------------------------------------------------- uploads
    def create(self, capture: str, part: str, length: int | None) -> PartUpload:
        """Begin a part, or find it again: the collector answers with the same place and its offset."""
        headers = {"Upload-Metadata": f"capture {_base64(capture)},part {_base64(part)}"}
        headers |= {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
        reply = self._tus("POST", f"{self._base}/api/uploads", headers)
        if reply.status_code not in (200, 201):
            raise problem_of(reply, self._base)
        url = self._own(reply)
        offset = _number(reply, "Upload-Offset")
        if offset is None or not ("Upload-Length" in reply.headers or "Upload-Defer-Length" in reply.headers):
            return self.find(url)  # a place found again may be elsewhere, and without a length yet
        return PartUpload(url, offset, _number(reply, "Upload-Length"))

    def find(self, url: str) -> PartUpload:
        """Where an upload stands: only bytes that are on the collector's disk count."""
        reply = self._tus("HEAD", url, {})
        if reply.status_code in (404, 410):
            raise UploadGone("The collector no longer knows this upload.")
        if reply.status_code not in (200, 204):
            raise problem_of(reply, self._base)
        offset = _number(reply, "Upload-Offset")
        if offset is None:
            raise NotACollector(f"{self._base} answered a HEAD without Upload-Offset.")
        return PartUpload(url, offset, _number(reply, "Upload-Length"))

    def append(self, upload: PartUpload, data: bytes, length: int | None) -> None:
        """Send one chunk at the upload's offset; `length` is the whole size, once it is known.

        Raises:
            UploadMoved: the offset is another one, or the chunk arrived damaged; ask for the offset. UploadGone: create
            it again. UploadSpoiled: it has another length there; terminate it and create it again.
        """
        assert upload.offset is not None
        offset, upload.offset = upload.offset, None  # unknown until the reply is here: it may get lost
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
        headers = {
            "Upload-Offset": str(offset),
            "Upload-Checksum": f"sha256 {checksum}",
            "Content-Type": "application/offset+octet-stream",
        }
        if length is not None and upload.length is None:
            headers["Upload-Length"] = str(length)
        reply = self._tus("PATCH", upload.url, headers, data)
        if reply.status_code in (404, 410):
            raise UploadGone("The collector no longer knows this upload.")
        if reply.status_code == CHECKSUM_MISMATCH:
            raise UploadMoved("A chunk arrived damaged and was dropped.")
        if reply.status_code == 409 and problem_body(reply).get("code") == "upload-length-conflict":
            raise UploadSpoiled("The collector expects another length of this upload.")
        if reply.status_code == 409:
            raise UploadMoved("The collector has another offset for this upload.")
        if reply.status_code not in (200, 204):
            raise problem_of(reply, self._base)
        reached = _number(reply, "Upload-Offset")
        upload.offset = reached if reached == offset + len(data) else None
        if "Upload-Length" in headers:
            upload.length = length

    def terminate(self, url: str) -> None:
        reply = self._tus("DELETE", url, {})
        if reply.status_code not in (200, 204, 404, 410):
            raise problem_of(reply, self._base)

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

    def _tus(self, method: str, url: str, headers: dict[str, str], body: bytes = b"") -> httpx.Response:
        return self._send(method, url, {"Tus-Resumable": TUS, **headers}, body)

    def _send(self, method: str, url: str, headers: dict[str, str], body: bytes = b"") -> httpx.Response:
        content: Any = body if method in ("POST", "PUT", "PATCH") else None
        try:
            return self._http.request(method, url, headers=headers, content=content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreachable(self._base, error) from error

    def _own(self, reply: httpx.Response) -> str:
        """The Location of an upload. The token goes to the collector's own address and nowhere else."""
        place = reply.headers.get("Location")
        if not place:
            raise NotACollector(f"{self._base} created an upload without a Location.")
        url = reply.request.url.join(place)
        base = httpx.URL(self._base)
        if (url.scheme, url.host, url.port) != (base.scheme, base.host, base.port):
            raise NotACollector(f"{self._base} sends uploads to another address, {url.host}.")
        return str(url)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _number(reply: httpx.Response, header: str) -> int | None:
    text = reply.headers.get(header, "")
    return int(text) if text.isascii() and text.isdigit() else None
