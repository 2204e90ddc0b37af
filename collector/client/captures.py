"""`gleaner.captures`: what was recorded, its media, and the labels it came with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from collector.catalogue.capture_list import BadReason, CaptureRow, CaptureState
from collector.catalogue.capture_list import CaptureList as CapturePage
from collector.catalogue.captures import CaptureView, LabelsReply
from collector.client.connection import HttpCalls, quoted
from collector.client.download import Download, ReportBytes
from collector.client.media import MediaCalls
from collector.ingest.conflicts import ManifestConflict, ManifestConflicts
from wire.capture import FrameTable, Medium
from wire.labels import LabelsDocument
from wire.redaction import MaskRecord

Which = Literal["media", "original"]


class CaptureRequests:
    """Captures. A lead sees all of their studies; an annotator those of tasks that they hold or have held."""

    def __init__(self, calls: HttpCalls, media: MediaCalls) -> None:
        self._calls, self._media = calls, media

    def list(
        self,
        *,
        study: str | None = None,
        session: str | None = None,
        medium: Medium | None = None,
        state: CaptureState | None = None,
        bad_reason: BadReason | None = None,
        limit: int | None = None,
    ) -> Iterator[CaptureRow]:
        """For leads: the captures that are here, the newest first; pages are asked for while they are read.

        Args:
            state: `received` waits to be opened, `opened` can be used, nobody is given one that is `bad`.
            bad_reason: `unreadable`, `infected` (the virus scanner found something), or `given-up` (opening it failed).
            limit: rows at most; None: all.
        """
        asked = {"study": study, "session": session, "medium": medium, "state": state, "bad_reason": bad_reason}
        return self._calls.pages(CapturePage, "/api/captures", "captures", limit, **asked)

    def get(self, capture: str) -> CaptureView:
        """One capture: its format, duration (microseconds), place in its take, and what made it."""
        return self._calls.get(CaptureView, f"/api/captures/{quoted(capture)}")

    def labels(self, capture: str) -> Sequence[LabelsDocument]:
        """The labels documents of every source, in the order they came."""
        return self._calls.get(LabelsReply, f"/api/captures/{quoted(capture)}/labels").documents

    def frames(self, capture: str) -> FrameTable:
        """The frame table of a video: `times_us[n]` is the media time of frame n in microseconds."""
        return self._calls.get(FrameTable, f"/api/captures/{quoted(capture)}/frames")

    def redaction(self, capture: str) -> MaskRecord:
        """What the device masked before it wrote; `not-made` where nothing was to be masked."""
        return self._calls.get(MaskRecord, f"/api/captures/{quoted(capture)}/redaction")

    def read(
        self, capture: str, start: int = 0, end: int | None = None, *, which: Which = "media", why: str | None = None
    ) -> bytes:
        """The bytes `start` to `end` (not included; None: the end) of a medium. Each access is recorded.

        Args:
            which: `media` is what a browser plays (MP4, FLAC, JPEG, UTF-8); `original` is what the device made, for
                leads.
            why: kept with the record of the access.
        """
        if start < 0 or (end is not None and end < start):
            raise ValueError(f"There are no bytes {start} to {end}.")
        if end == start:
            return b""
        wanted = {} if (start, end) == (0, None) else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        path = f"/api/captures/{quoted(capture)}/{which}"

        def once() -> bytes:
            with self._media.stream(path, wanted, {"why": why}) as found:
                return found.reply.read()

        return self._calls.tried(once, repeatable=True)

    def download(
        self,
        capture: str,
        target: Path | str,
        *,
        which: Which = "media",
        why: str | None = None,
        report: ReportBytes = lambda here, total: None,
    ) -> Path:
        """A medium as a file, replaced if it is there. The access is recorded.

        It comes from the S3 server where the study allows links and this program reaches it. What an earlier call left
        in `NAME.….part` is continued. The sha256 of the whole is compared with the collector's before the file gets its
        name.

        Args:
            report: called with the bytes that are here and the bytes in all, as they come.

        Raises:
            DownloadFailed: it cannot be written, or what arrived is not what the collector has.
        """
        path = f"/api/captures/{quoted(capture)}/{which}"
        return Download(self._calls, self._media, path, Path(target), {"why": why}).run(report)

    def manifest_conflicts(self) -> Iterator[ManifestConflict]:
        """For leads: captures that came with two manifests, both as sent, the newest first."""
        before: int | None = None
        while True:
            page = self._calls.get(ManifestConflicts, "/api/manifest-conflicts", limit=20, before=before)
            yield from page.conflicts
            before = page.next
            if before is None:
                return
