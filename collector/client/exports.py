"""`gleaner.exports`: ground truth as files, made by the collector and fetched as one archive. For leads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from collector.client.connection import HttpCalls, quoted
from collector.client.download import Download, ReportBytes
from collector.client.media import MediaCalls
from collector.exports.asked import ExportAsked
from collector.exports.export_runs import ExportRun
from collector.exports.routes import ExportsReply


class ExportRequests:
    """Exports that the collector makes."""

    def __init__(self, calls: HttpCalls, media: MediaCalls) -> None:
        self._calls, self._media = calls, media

    def list(self) -> Sequence[ExportRun]:
        """The newest first, with how far each is and how long the rest takes."""
        return self._calls.get(ExportsReply, "/api/exports").exports

    def find(self, export: str) -> ExportRun:
        return self._calls.get(ExportRun, _path(export))

    def start(self, asked: ExportAsked | None = None) -> ExportRun:
        """Make an export when its turn comes; without options, of everything as JSON lines."""
        return self._calls.call(ExportRun, "POST", "/api/exports", asked or ExportAsked())

    def pause(self, export: str) -> ExportRun:
        """Do nothing more of it until it is resumed; what is there stays."""
        return self._calls.call(ExportRun, "POST", f"{_path(export)}/pause", repeatable=True)

    def resume(self, export: str) -> ExportRun:
        """Continue one that is paused, whether somebody paused it or something was wrong."""
        return self._calls.call(ExportRun, "POST", f"{_path(export)}/resume", repeatable=True)

    def cancel(self, export: str) -> ExportRun:
        """End it, and delete what is there of it."""
        return self._calls.call(ExportRun, "POST", f"{_path(export)}/cancel", repeatable=True)

    def delete(self, export: str) -> ExportRun:
        """Delete the archive of one that is done."""
        return self._calls.call(ExportRun, "DELETE", _path(export))

    def download(self, export: str, to: Path, *, report: ReportBytes = lambda here, total: None) -> Path:
        """Fetch the archive of one that is done, and check it by its hash.

        Args:
            to: a file, or a folder that is there: then with the archive's own name. After an interruption the same
                call continues.
            report: called with the bytes that are here, and how many there are.

        Returns:
            The file. `gleaner collector check-export FILE` compares everything in it with its hash.

        Raises:
            CollectorRefused: `export-not-done`, `export-ended`, `export-outdated`. DownloadFailed.
        """
        found = self.find(export)
        if found.state != "done" or found.ended_sessions:
            self._calls.send("GET", f"{_path(export)}/archive")  # raises: the answer to HEAD would not say why
        target = to / found.name if to.is_dir() else to
        return Download(self._calls, self._media, f"{_path(export)}/archive", target, {}).run(report)


def _path(export: str) -> str:
    return f"/api/exports/{quoted(export)}"
