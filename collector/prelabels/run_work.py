"""One run from where it is to its end: pages of captures out, outcomes back, progress saved.

Captures are handed out in the order of their ids, and `done_to` moves only over what is finished without a gap: after a
kill -9 at most what was under way is done again.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from collector.bulk.dispatch import Dispatcher
from collector.bulk.pace import WorkPace
from collector.bulk.work_rows import WorkLost
from collector.prelabels import relabel
from collector.prelabels.run_captures import CapturePage, RunCaptures
from collector.prelabels.run_progress import (
    ClaimedRun,
    FinishedCaptures,
    drop_failures,
    end_run,
    save_count,
    save_progress,
)
from collector.prelabels.runs import ROWS
from collector.store.database import Database
from collector.store.sql import Connection
from wire.errors import GleanerError

log = logging.getLogger("gleaner.runs")
BATCH_STILLS = 32  # other media take long enough to go alone
BATCH_APPLIED = 8  # documents in one transaction: others' writes come in between
MAX_OPEN = 512  # batches that may be finished and wait for an older one
MAX_FAILED_IN_A_ROW = 50
SAVE_SECONDS = 2.0
POLL_SECONDS = 1.0


@dataclass
class _RunBatch:
    """Captures under way. `to`: every wanted capture up to it is in this batch or an earlier one; None in a batch of
    captures that failed before.
    """

    captures: list[str]
    withheld: list[str]
    to: str | None
    items: list[dict[str, Any]] = field(default_factory=list)
    is_finished: bool = False
    failed: list[tuple[str, str]] = field(default_factory=list)


class RunWork:
    """For one thread. Every method raises WorkLost when the run was paused, cancelled or taken by another process."""

    def __init__(self, db: Database, run: ClaimedRun, captures: RunCaptures, dispatcher: Dispatcher) -> None:
        self._db, self._run, self._captures, self._dispatcher = db, run, captures, dispatcher
        self._open: deque[_RunBatch] = deque()
        self._by_number: dict[int, _RunBatch] = {}
        self._source: Iterator[_RunBatch] = self._batches(run.done_to or "", again=False)
        self._has_more = True
        self._failed_in_a_row = 0
        self._rate = WorkPace()
        self._saved = time.monotonic()

    def do(self) -> None:
        """Do it to its end. Also raises what is wrong with the engine as a whole, and EngineClosed."""
        if not self._run.counted:
            self._count()
        while True:
            self._feed()
            if self._open:
                self._collect()
            elif self._db.write_sync(lambda conn: end_run(conn, self._run)):
                return
            else:
                self._save(FinishedCaptures())  # raises when it is not ours any more
                self._source, self._has_more = self._batches("", again=True), True

    def _count(self) -> None:
        after, captures, studies = "", 0, set[str]()
        while (page := self._page(self._captures.page, after)).end is not None:
            captures += len(page.rows)
            studies.update(row.study for row in page.rows)
            after = page.end
            if time.monotonic() - self._saved > SAVE_SECONDS:
                self._save_count(captures, None)
        self._save_count(captures, sorted(studies))

    def _save_count(self, captures: int, studies: list[str] | None) -> None:
        self._db.write_sync(lambda conn: save_count(conn, self._run, captures, studies))
        self._saved = time.monotonic()

    def _page(self, read: Callable[[Connection, str], CapturePage], after: str) -> CapturePage:
        return self._db.read_sync(lambda conn: read(conn, after))

    def _batches(self, after: str, *, again: bool) -> Iterator[_RunBatch]:
        read = self._captures.failed_page if again else self._captures.page
        while (page := self._page(read, after)).end is not None:
            yield from self._batches_of(page, again)
            after = page.end

    def _batches_of(self, page: CapturePage, again: bool) -> Iterator[_RunBatch]:
        batch = _RunBatch([], [], None)
        for row, is_allowed in zip(page.rows, page.allowed, strict=True):
            is_still = row.medium == "image"
            if batch.captures and (not is_still or len(batch.captures) >= BATCH_STILLS):
                yield batch
                batch = _RunBatch([], [], None)
            (batch.captures if is_allowed else batch.withheld).append(row.id)
            batch.to = None if again else row.id
            if is_allowed and not is_still:
                yield batch
                batch = _RunBatch([], [], None)
        batch.to = None if again else page.end
        yield batch

    def _feed(self) -> None:
        while self._has_more and self._dispatcher.wants_more and len(self._open) < MAX_OPEN:
            batch = next(self._source, None)
            if batch is None:
                self._has_more = False
                return
            self._db.read_sync(lambda conn, batch=batch: self._prepare(conn, batch))  # type: ignore[misc]
            self._open.append(batch)
            if batch.items:
                self._by_number[self._dispatcher.submit(batch.items)] = batch
            else:
                batch.is_finished = True

    def _prepare(self, conn: Connection, batch: _RunBatch) -> None:
        found = {capture: relabel.prepare(conn, capture, self._run.source) for capture in batch.captures}
        batch.items = [inputs for inputs in found.values() if inputs is not None]
        batch.withheld += [capture for capture, inputs in found.items() if inputs is None]
        batch.captures = [capture for capture, inputs in found.items() if inputs is not None]

    def _collect(self) -> None:
        for number, outcomes in self._dispatcher.results(0.0 if self._open[0].is_finished else POLL_SECONDS):
            self._apply(self._by_number.pop(number), outcomes)
        progress, mended = FinishedCaptures(), []
        while self._open and self._open[0].is_finished:
            batch = self._open.popleft()
            progress.done += len(batch.captures) - len(batch.failed)
            progress.withheld += len(batch.withheld)
            progress.failed += batch.failed
            progress.done_to = batch.to or progress.done_to
            if batch.to is None:
                bad = {capture for capture, _ in batch.failed}
                mended += [capture for capture in (*batch.captures, *batch.withheld) if capture not in bad]
        if progress.captures or progress.done_to or time.monotonic() - self._saved > SAVE_SECONDS:
            self._save(progress, mended)
        if self._failed_in_a_row >= MAX_FAILED_IN_A_ROW:
            self._pause(f"The last {self._failed_in_a_row} captures all failed, so the run was paused.")

    def _apply(self, batch: _RunBatch, outcomes: list[dict[str, Any]]) -> None:
        results = []
        for capture, outcome in zip(batch.captures, outcomes, strict=True):
            error = outcome.get("error")
            if error is None:
                results.append((capture, outcome["result"]))
                self._failed_in_a_row = 0
                continue
            if error["unable"]:
                self._pause(f"{error['message']} {error['hint']}")
            batch.failed.append((capture, error["message"]))
            self._failed_in_a_row += 1
        for start in range(0, len(results), BATCH_APPLIED):
            some = results[start : start + BATCH_APPLIED]
            try:
                self._save_labels(batch, some)
            except Exception as error:
                if isinstance(error, GleanerError) and error.retryable:  # the database: nothing of it is this run's
                    raise
                self._save_labels_alone(batch, some)
        batch.is_finished = True

    def _save_labels(self, batch: _RunBatch, results: Sequence[tuple[str, dict[str, Any]]]) -> None:
        def save(conn: Connection) -> list[str]:
            return [capture for capture, result in results if not relabel.apply(conn, self._run.id, result)]

        withheld = self._db.write_sync(save)
        batch.withheld += withheld
        batch.captures = [capture for capture in batch.captures if capture not in withheld]

    def _save_labels_alone(self, batch: _RunBatch, results: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Those of one of them cannot be saved: the others' are."""
        for capture, result in results:
            try:
                self._save_labels(batch, [(capture, result)])
            except GleanerError as error:
                if error.retryable:
                    raise
                batch.failed.append((capture, error.message))
            except Exception as error:
                log.exception("what the model said of %s cannot be saved", capture)
                batch.failed.append((capture, f"{type(error).__name__}: {error}"))

    def _save(self, progress: FinishedCaptures, mended: list[str] | None = None) -> None:
        self._rate.add(progress.captures)

        def save(conn: Connection) -> None:
            drop_failures(conn, self._run, mended or [])
            save_progress(conn, self._run, progress, self._rate.per_second)

        self._db.write_sync(save)
        self._saved = time.monotonic()

    def _pause(self, problem: str) -> None:
        self._db.write_sync(lambda conn: ROWS.pause_with(conn, self._run, problem))
        raise WorkLost
