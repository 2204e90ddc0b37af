"""Whether links to media can work: asked of the S3 server as a browser asks it, at most every ten minutes."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

import httpx

from collector.settings import Settings
from collector.store.blobs import BlobStore
from collector.store.database import Database
from collector.store.sql import Connection, text
from collector.studies.studies import any_media_links
from http_shell.trust import http_to

MAX_AGE_SECONDS = 600.0
TIMEOUT_SECONDS = 4.0
_A_BLOB = text("SELECT blob FROM derived LIMIT 1")


class LinkCheck:
    """The last answer, for one process."""

    def __init__(self) -> None:
        self._problem: str | None = None
        self._asked_at: float | None = None

    async def problem(self, db: Database, blobs: BlobStore, settings: Settings) -> str | None:
        """Why links do not work where a study allows them, in one sentence; None: nothing is known to be wrong."""
        allowed, key = await db.read(_find)
        if not allowed:
            return None
        if settings.linked_media is None:
            return "A study allows media links, and the setting link_endpoint does not say where browsers get media."
        if key is None:
            return None
        now = time.monotonic()
        if self._asked_at is None or now - self._asked_at > MAX_AGE_SECONDS:
            self._problem = await asyncio.to_thread(_ask, blobs, key, settings)
            self._asked_at = now
        return self._problem


def _find(conn: Connection) -> tuple[bool, str | None]:
    allowed = any_media_links(conn)
    return allowed, conn.execute(_A_BLOB).scalar() if allowed else None


def _ask(blobs: BlobStore, key: str, settings: Settings) -> str | None:
    """One byte of a blob by a link, for the origin of the page. No sentence has the link."""
    url = blobs.link(key, "application/octet-stream", 30)
    endpoint = settings.link_endpoint
    if url is None or endpoint is None:
        return None
    page = urlsplit(settings.url)
    origin = f"{page.scheme}://{page.netloc}"
    try:
        with http_to(endpoint, None, httpx.Timeout(TIMEOUT_SECONDS)) as server:
            reply = server.get(url, headers={"Origin": origin, "Range": "bytes=0-0"})
    except httpx.HTTPError:
        return None  # browsers may reach what this machine does not
    if not reply.is_success:
        return f"The S3 server {endpoint} answers {reply.status_code} to a media link."
    if reply.headers.get("Access-Control-Allow-Origin") not in ("*", origin):
        bucket = (settings.blobs or "").removeprefix("s3://").partition("/")[0]
        return f"The bucket {bucket} has no CORS rule for {origin}: browsers refuse what media links bring."
    return None
