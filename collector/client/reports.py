"""`gleaner.reports` and `gleaner.prelabel_runs`: the day, what models were worth, and running one again. For leads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from collector.client.connection import HttpCalls, quoted
from collector.prelabels.routes import RunsReply
from collector.prelabels.runs import PrelabelRun, RunAsked, RunFailure, RunFailures
from collector.reports.today import Today
from prelabel.quality.shapes import PrelabelReport
from wire.base import format_utc
from wire.capture import Medium


class ReportRequests:
    """What was done, and what pre-labels were worth."""

    def __init__(self, calls: HttpCalls) -> None:
        self._calls = calls

    def day(self, day: date | None = None, zone: str | None = None) -> Today:
        """Takes, captures, tasks and people of a local day.

        Args:
            day: None: today. zone: an IANA name such as "Europe/Berlin"; None: that of the collector's machine.
        """
        return self._calls.get(Today, "/api/reports/today", day=None if day is None else day.isoformat(), zone=zone)

    def prelabels(
        self, *, study: str | None = None, model: str | None = None, since: datetime | None = None
    ) -> PrelabelReport:
        """What people made of the models' pre-labels: per model, class, device and step. `since` is an aware time."""
        asked = {"study": study, "model": model, "since": None if since is None else format_utc(since)}
        return self._calls.get(PrelabelReport, "/api/reports/prelabels", **asked)


class PrelabelRunRequests:
    """Runs of models over captures that are here."""

    def __init__(self, calls: HttpCalls) -> None:
        self._calls = calls

    def list(self) -> Sequence[PrelabelRun]:
        """The newest first, with how many captures are done, waiting, failed, and how long the rest takes."""
        return self._calls.get(RunsReply, "/api/prelabel-runs").runs

    def start(
        self, model: str, *, study: str | None = None, step: str | None = None, medium: Medium | None = None
    ) -> PrelabelRun:
        """Run a model that is on the collector's machine over all of its media, or those of a study, step or medium."""
        return self._calls.call(
            PrelabelRun, "POST", "/api/prelabel-runs", RunAsked(model=model, study=study, step=step, medium=medium)
        )

    def pause(self, run: str) -> PrelabelRun:
        """Do nothing more of it until it is resumed; what is done stays."""
        return self._calls.call(PrelabelRun, "POST", f"/api/prelabel-runs/{quoted(run)}/pause", repeatable=True)

    def resume(self, run: str) -> PrelabelRun:
        """Continue a paused run, and try again what failed."""
        return self._calls.call(PrelabelRun, "POST", f"/api/prelabel-runs/{quoted(run)}/resume", repeatable=True)

    def cancel(self, run: str) -> PrelabelRun:
        """End it: what has not begun is left as it is, what is done stays."""
        return self._calls.call(PrelabelRun, "POST", f"/api/prelabel-runs/{quoted(run)}/cancel", repeatable=True)

    def failures(self, run: str) -> Sequence[RunFailure]:
        """The captures that it could not label, with one sentence each; at most 1,000."""
        return self._calls.get(RunFailures, f"/api/prelabel-runs/{quoted(run)}/failures").failures
