"""Media from a collector into a file: resumed after an interruption, checked by its hash, there whole or not at all."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable
from io import RawIOBase
from pathlib import Path
from typing import ClassVar

import httpx

from collector.client.connection import HttpCalls
from collector.client.media import MediaCalls
from http_shell.answers import NoAnswer, NotACollector
from wire.errors import GleanerError
from wire.files import file_sha256, sync_folder

ReportBytes = Callable[[int, int], None]  # bytes that are here, bytes in all


class DownloadFailed(GleanerError):
    """What arrived is not what the collector has, or the file cannot be written."""

    code: ClassVar[str] = "download-failed"
    exit_code: ClassVar[int] = 3
    hint = "Check the folder and its free space, then run it again; what has arrived stays and is used."


class Download:
    """One medium on its way into a file. Until it is whole it is in `NAME.HASH.part` next to its place.

    Raises (in `run`): DownloadFailed, and what any request raises.
    """

    def __init__(
        self, calls: HttpCalls, media: MediaCalls, path: str, target: Path, query: dict[str, str | None]
    ) -> None:
        self._calls, self._media, self._path, self._target, self._query = calls, media, path, target, query

    def run(self, report: ReportBytes) -> Path:
        """Get what is missing; returns the target. An interrupted one is continued, also by a later process."""
        head = self._calls.send("HEAD", self._path)
        etag, total = head.headers.get("ETag", ""), _length(head)
        digest = etag.strip('"')
        if total is None or re.fullmatch(r"[0-9a-f]{64}", digest) is None:
            raise NotACollector(f"{self._calls.base} does not say what it has at {self._path}.")
        part = self._target.with_name(f"{self._target.name}.{digest[:12]}.part")
        try:
            with part.open("ab", buffering=0) as file:
                self._alone(file)
                self._fetch(file, etag, total, report)
                os.fsync(file.fileno())
            if file_sha256(part) != digest:
                part.unlink()
                raise DownloadFailed(
                    f"What arrived for {self._target.name} has another hash than what the collector has.",
                    hint="Run it again; what arrived was removed.",
                )
            part.replace(self._target)
            sync_folder(self._target.parent)
        except OSError as error:
            raise DownloadFailed(f"{self._target} cannot be written: {error.strerror or error}.") from error
        return self._target

    def _alone(self, file: RawIOBase) -> None:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DownloadFailed(
                f"Another program is downloading {self._target} now.", hint="Wait for it, or name another file."
            ) from error

    def _fetch(self, file: RawIOBase, etag: str, total: int, report: ReportBytes) -> None:
        """All of it. The count of failures begins anew whenever something came."""
        while True:
            before = _size(file)
            try:
                self._calls.tried(lambda: self._append(file, etag, total, report), repeatable=True)
                return
            except NoAnswer:
                if _size(file) == before:
                    raise

    def _append(self, file: RawIOBase, etag: str, total: int, report: ReportBytes) -> None:
        """What is missing now. A broken connection costs the bytes that were on their way."""
        start = _size(file)
        report(start, total)
        if start >= total:
            return
        headers = {"Range": f"bytes={start}-", "If-Range": etag, "Accept-Encoding": "identity"}
        with self._media.stream(self._path, headers, self._query) as found:
            if found.etag != etag:
                raise DownloadFailed(f"What the collector has at {self._path} has changed.", hint="Run it again.")
            if not found.is_part:  # all of it again, because nobody asks a file for a range of it
                file.truncate(start := 0)
            for data in found.reply.iter_bytes():  # as they come: what has arrived is not lost with the connection
                file.write(data)
                start += len(data)
                report(start, total)


def _size(file: RawIOBase) -> int:
    return os.fstat(file.fileno()).st_size


def _length(reply: httpx.Response) -> int | None:
    text = reply.headers.get("Content-Length", "")
    return int(text) if text.isdigit() else None
