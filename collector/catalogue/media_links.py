"""Links to media on the S3 server, in place of their bytes: where the study allows it, and for who asks for one.

A link opens one blob for anybody who has it, for a minute at most; so the access is recorded before it is given. Links
are in no log.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from fastapi import Request, Response

from collector.catalogue.derived import Derived
from collector.store.blobs import MAX_LINK_SECONDS, BlobStore
from collector.store.sql import Connection, text
from wire.base import Sha256, WireModel

LINK_TYPE = "application/vnd.gleaner.media-link+json"
_ALLOWED = text(
    "SELECT study.media_links FROM capture JOIN session ON session.id = capture.session_id"
    " JOIN study ON study.id = session.study WHERE capture.id = :capture"
)


class MediaLink(WireModel):
    """Where a medium can be got without the collector, for so many seconds. `sha256` and `bytes` are of the whole."""

    url: str
    seconds: int
    sha256: Sha256
    bytes: int
    media_type: str


def wants_link(request: Request) -> bool:
    """Whether a link will do in place of the bytes: `Accept` names its type."""
    names = request.headers.get("accept", "").split(",")
    return request.method == "GET" and any(name.partition(";")[0].strip().lower() == LINK_TYPE for name in names)


def links_allowed(conn: Connection, capture: str) -> bool:
    """Whether the capture's study lets people have links."""
    return bool(conn.execute(_ALLOWED, {"capture": capture}).scalar())


async def make_link(blobs: BlobStore, found: Derived, until: datetime) -> MediaLink | None:
    """A link that ends before the consent does; None: there is none for this storage, or no time is left."""
    seconds = min(MAX_LINK_SECONDS, int((until - datetime.now(UTC)).total_seconds()))
    if seconds < 1:
        return None
    url = await asyncio.to_thread(blobs.link, found.blob, found.media_type, seconds)
    if url is None:
        return None
    return MediaLink(url=url, seconds=seconds, sha256=found.blob, bytes=found.bytes, media_type=found.media_type)


def link_reply(link: MediaLink) -> Response:
    headers = {"Cache-Control": "no-store", "Vary": "Accept, Authorization, Cookie"}
    return Response(link.model_dump_json(), headers=headers, media_type=LINK_TYPE)
