"""Bytes of media: from the collector or, where it gives a link, from the S3 server that has them.

When the S3 server cannot be reached from here, the bytes come from the collector.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from collector.catalogue.media_links import LINK_TYPE, MediaLink
from collector.client.connection import HttpCalls, read_answer
from http_shell.answers import NoAnswer
from http_shell.trust import http_to

WITHOUT_LINKS_SECONDS = 300.0  # for which the S3 server is not asked after it failed


@dataclass(frozen=True)
class MediumStream:
    """An answer whose body is read while it comes. `etag`: the collector's; `is_part`: it is the range asked for."""

    reply: httpx.Response
    etag: str

    @property
    def is_part(self) -> bool:
        return self.reply.status_code == httpx.codes.PARTIAL_CONTENT


class MediaCalls:
    """Media of one collector. For one thread at a time."""

    def __init__(self, calls: HttpCalls, timeout: float) -> None:
        self._calls, self._timeout = calls, timeout
        self._servers: dict[str, httpx.Client] = {}
        self._without_links_until = 0.0

    def close(self) -> None:
        for server in self._servers.values():
            server.close()

    @contextlib.contextmanager
    def stream(self, path: str, headers: Mapping[str, str], query: Mapping[str, Any]) -> Iterator[MediumStream]:
        """A medium, or the range of it that the headers name. Not tried again; a later call may find another way.

        Raises:
            What any request raises; NoAnswer also for the S3 server.
        """
        accept = f"{LINK_TYPE}, */*;q=0.9" if time.monotonic() >= self._without_links_until else "*/*"
        with self._calls.stream(path, {**headers, "Accept": accept}, query) as reply:
            if not reply.headers.get("Content-Type", "").startswith(LINK_TYPE):
                yield MediumStream(reply, reply.headers.get("ETag", ""))
                return
            reply.read()
            link = read_answer(MediaLink, reply)
        wanted = {name: value for name, value in headers.items() if name != "If-Range"}  # it is another server's
        with self._follow(link, wanted) as reply:
            yield MediumStream(reply, f'"{link.sha256}"')

    @contextlib.contextmanager
    def _follow(self, link: MediaLink, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        url = httpx.URL(link.url)
        origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
        server = self._servers.get(origin)
        if server is None:
            server = self._servers[origin] = http_to(origin, None, httpx.Timeout(self._timeout))
        try:
            with server.stream("GET", url, headers=dict(headers)) as reply:
                if not reply.is_success:
                    raise self._failed(f"answered {reply.status_code}", origin)
                yield reply
        except httpx.HTTPError:
            # Its words have the address of the link.
            raise self._failed("does not answer, or broke the connection off", origin) from None

    def _failed(self, why: str, origin: str) -> NoAnswer:
        self._without_links_until = time.monotonic() + WITHOUT_LINKS_SECONDS
        return NoAnswer(
            f"The S3 server {origin} {why}.", hint="Media come from the collector for the next minutes; try it again."
        )
