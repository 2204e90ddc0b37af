"""`gleaner.installation`: how a collector is, failed jobs, and where the bytes are. For leads of every study."""

from __future__ import annotations

from collections.abc import Iterator

from collector.client.connection import HttpCalls
from collector.installation.failed_jobs import AgainAsked, FailedJob, FailedJobs, StartedAgain
from collector.installation.overview import Overview
from collector.installation.storage import Storage


class InstallationRequests:
    """What the page of the installation shows."""

    def __init__(self, calls: HttpCalls) -> None:
        self._calls = calls

    def overview(self) -> Overview:
        """Version, disks, database, queue, backup; `advice` has what is wrong and what to do, the most urgent first."""
        return self._calls.get(Overview, "/api/installation")

    def failed_jobs(self) -> Iterator[FailedJob]:
        """Work that was given up after five attempts, the newest first; pages are asked for while they are read."""
        before: int | None = None
        while True:
            page = self._calls.get(FailedJobs, "/api/failed-jobs", limit=200, before=before)
            yield from page.jobs
            before = page.next
            if before is None:
                return

    def try_again(self, kind: str, key: str | None = None) -> StartedAgain:
        """Try a failed job again, or every failed one of a kind (`key` None)."""
        return self._calls.call(StartedAgain, "POST", "/api/failed-jobs/again", AgainAsked(kind=kind, key=key))

    def storage(self) -> Storage:
        """Bytes by study, as they were at `at`, at most ten minutes ago."""
        return self._calls.get(Storage, "/api/storage")
