"""Blobs in parts that nobody completes: found on the S3 server, and ended.

A process that is killed while a blob goes up leaves the parts that are there: no listing of objects shows them, and
they are paid for. Which process they are of nobody knows; but one that lives sends a part every few seconds, or gives
up itself. So where the last one came long ago, by the clock of the server, the upload is ended.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import urlencode
from xml.etree import ElementTree

import httpx

from collector.store.objects import IDLE_SECONDS, TRIES, Objects, StorageUnreachable, wait
from collector.store.s3_place import REQUEST_SECONDS

_NOT_KNOWN = frozenset({400, 404, 405, 501})
_REFUSED = frozenset({401, 403})
log = logging.getLogger("gleaner.collector")


def end_abandoned(objects: Objects) -> int:
    """End the multipart uploads below the folder of `objects` in which nothing happens; returns how many.

    Where the server cannot list them, or the credentials do not allow it, that is logged.

    Raises:
        StorageUnreachable.
    """
    with httpx.Client(timeout=REQUEST_SECONDS, verify=_trust()) as client:
        server = _Server(client, objects)
        try:
            found = [one for one in server.uploads() if server.is_idle(*one)]
            for key, upload, _ in found:
                server.end(key, upload)
        except _NotAllowed as error:
            log.warning("parts that killed processes left stay on the S3 server: it answers %s to %s", *error.args)
            return 0
    if found:
        log.info("parts of %d blobs that nobody completed are removed from the S3 server", len(found))
    return len(found)


class _NotAllowed(Exception):
    """Status, and what was asked for."""


class _Server:
    def __init__(self, client: httpx.Client, objects: Objects) -> None:
        self._client, self._objects = client, objects

    def uploads(self) -> Iterator[tuple[str, str, datetime]]:
        """Name of the object, id and time of the beginning."""
        more: dict[str, str] = {}
        while True:
            query = {"prefix": f"{self._objects.prefix}/", **more}
            page, _ = self._page(None, f"uploads&{urlencode(query)}", "ListMultipartUploads")
            for one in _all(page, "Upload"):
                name = _text(one, "Key").removeprefix(f"{self._objects.prefix}/")
                yield name, _text(one, "UploadId"), _time(_text(one, "Initiated"))
            if _text(page, "IsTruncated") != "true":
                return
            more = {"key-marker": _text(page, "NextKeyMarker"), "upload-id-marker": _text(page, "NextUploadIdMarker")}

    def is_idle(self, name: str, upload: str, begun: datetime) -> bool:
        """Whether its last part came long ago. One that has ended meanwhile is not."""
        last, after = begun, "0"
        while True:
            query = urlencode({"uploadId": upload, "part-number-marker": after})
            try:
                page, now = self._page(name, query, "ListMultipartUploadParts")
            except FileNotFoundError:
                return False
            last = max([last, *(_time(_text(part, "LastModified")) for part in _all(page, "Part"))])
            if (now - last).total_seconds() < IDLE_SECONDS:
                return False
            if _text(page, "IsTruncated") != "true":
                return True
            after = _text(page, "NextPartNumberMarker")

    def end(self, name: str, upload: str) -> None:
        self._ask("DELETE", name, urlencode({"uploadId": upload}), "AbortMultipartUpload")

    def _page(self, name: str | None, query: str, what: str) -> tuple[ElementTree.Element, datetime]:
        """A page of a list, and the time at the server. Raises FileNotFoundError: there is no such upload."""
        reply = self._ask("GET", name, query, what)
        if name is not None and reply.status_code == 404:
            raise FileNotFoundError(name)
        try:
            return ElementTree.fromstring(reply.content), parsedate_to_datetime(reply.headers["Date"])
        except (ElementTree.ParseError, KeyError, ValueError):
            raise _NotAllowed("what is no such list", what) from None

    def _ask(self, method: Literal["GET", "DELETE"], name: str | None, query: str, what: str) -> httpx.Response:
        """Raises _NotAllowed, StorageUnreachable."""
        for failures in range(1, TRIES + 1):
            try:
                reply = self._client.request(method, self._objects.sign(method, name, query))
            except httpx.HTTPError:
                status = 0
            else:
                status = reply.status_code
                if status < 300 or (status == 404 and name is not None):
                    return reply
            if status in _REFUSED or status in _NOT_KNOWN:
                raise _NotAllowed(status, what)
            if failures < TRIES:
                wait(failures)
        why = f"answers {status}" if status else "cannot be reached"
        raise StorageUnreachable(f"Blobs that were never completed are not looked for: the S3 server {why}.")


def _trust() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))


def _all(page: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return page.findall(f"{{*}}{name}")


def _text(one: ElementTree.Element, name: str) -> str:
    return one.findtext(f"{{*}}{name}") or ""


def _time(value: str) -> datetime:
    """Raises ValueError."""
    found = datetime.fromisoformat(value)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
