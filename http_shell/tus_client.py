"""The sending half of tus 1.0.0, for every program that uploads to a collector.

Every chunk carries its sha256 (tus checksum extension); the collector drops a chunk that arrives damaged or not whole,
so a chunk is also what a broken connection may cost.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import httpx

from http_shell.answers import NotACollector, UplinkError, read_problem
from wire.errors import GleanerError

TUS = "1.0.0"
CHECKSUM_MISMATCH = 460
Send = Callable[[str, str, dict[str, str], bytes], httpx.Response]


class UploadMoved(UplinkError):
    """The collector has another offset than the sender thought, or dropped a damaged chunk: ask for the offset."""

    code: ClassVar[str] = "upload-offset"
    status: ClassVar[int] = 409


class UploadGone(UplinkError):
    """The upload has expired, or never was: create it again."""

    code: ClassVar[str] = "upload-gone"
    status: ClassVar[int] = 410


class UploadSpoiled(UplinkError):
    """The upload holds something else: terminate it and create it again."""

    code: ClassVar[str] = "upload-spoiled"
    status: ClassVar[int] = 409


@dataclass
class PartUpload:
    """One part at the collector: where it stands. `offset` None: ask before sending."""

    url: str
    offset: int | None
    length: int | None  # None: deferred


class TusUploads:
    """Uploads to one collector.

    Args:
        base: the collector's address, without a slash at its end.
        send: method, address, headers, body -> answer; raises what its caller raises when there is none.
        refused: the error for an answer that means nothing to tus.
    """

    def __init__(self, base: str, send: Send, refused: Callable[[httpx.Response], GleanerError]) -> None:
        self._base, self._raw_send, self._refused = base, send, refused

    def create(self, capture: str, part: str, length: int | None) -> PartUpload:
        """Begin a part, or find it again: the collector answers with the same place and its offset."""
        headers = {"Upload-Metadata": f"capture {_base64(capture)},part {_base64(part)}"}
        headers |= {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
        reply = self._send("POST", f"{self._base}/api/uploads", headers)
        if reply.status_code not in (200, 201):
            raise self._refused(reply)
        url = self._own(reply)
        offset = _number(reply, "Upload-Offset")
        if offset is None or not ("Upload-Length" in reply.headers or "Upload-Defer-Length" in reply.headers):
            return self.find(url)  # a place found again may be elsewhere, and without a length yet
        return PartUpload(url, offset, _number(reply, "Upload-Length"))

    def find(self, url: str) -> PartUpload:
        """Where an upload stands: only bytes that are on the collector's disk count. Raises UploadGone."""
        reply = self._send("HEAD", url, {})
        if reply.status_code in (404, 410):
            raise UploadGone("The collector no longer knows this upload.")
        if reply.status_code not in (200, 204):
            raise self._refused(reply)
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
        reply = self._send("PATCH", upload.url, headers, data)
        if reply.status_code in (404, 410):
            raise UploadGone("The collector no longer knows this upload.")
        if reply.status_code == CHECKSUM_MISMATCH:
            raise UploadMoved("A chunk arrived damaged and was dropped.")
        if reply.status_code == 409 and read_problem(reply, self._base).code == "upload-length-conflict":
            raise UploadSpoiled("The collector expects another length of this upload.")
        if reply.status_code == 409:
            raise UploadMoved("The collector has another offset for this upload.")
        if reply.status_code not in (200, 204):
            raise self._refused(reply)
        reached = _number(reply, "Upload-Offset")
        upload.offset = reached if reached == offset + len(data) else None
        if "Upload-Length" in headers:
            upload.length = length

    def terminate(self, url: str) -> None:
        """Take an upload back; one that is gone already is no error."""
        reply = self._send("DELETE", url, {})
        if reply.status_code not in (200, 204, 404, 410):
            raise self._refused(reply)

    def _send(self, method: str, url: str, headers: dict[str, str], body: bytes = b"") -> httpx.Response:
        return self._raw_send(method, url, {"Tus-Resumable": TUS, **headers}, body)

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
