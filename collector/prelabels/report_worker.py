"""The report and the fit of calibrations in a process of their own, beside the service.

They read everything that people reviewed, seconds for 100,000 items, which the service has no time for.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request

from collector.prelabels.calibration import fit_all
from collector.prelabels.measurements import Measurements
from collector.prelabels.reviewed_rows import Asked, ReviewedRows
from collector.services import services_of
from collector.store.blobs_local import LocalBlobs
from collector.store.open import open_reader
from collector.studies.scope import Scope
from prelabel.labelling.worker import Worker, WorkerStopped
from prelabel.quality.report import prelabel_report
from prelabel.quality.shapes import PrelabelReport
from prelabel.triage.calibration import Calibration
from wire.base import format_utc

LIMIT_SECONDS = 3600.0
IDLE_SECONDS = 60.0  # a lead who looks through the filters asks again soon; after that its memory is given back


class Measurer:
    """Asks for reports and fits, one at a time. Made with the service, used on its event loop.

    Args:
        data: the folder of the database.
        blobs: the folder of the blobs.
    """

    def __init__(self, data: Path, blobs: Path) -> None:
        self._places = {"data": str(data), "blobs": str(blobs)}
        self._turn = asyncio.Lock()
        self._reports: dict[Asked, asyncio.Task[dict[str, Any]]] = {}
        self._worker: Worker | None = None
        self._leaves: asyncio.TimerHandle | None = None
        self._closed = False

    async def report(self, asked: Asked) -> PrelabelReport:
        """Who asks while the same report is being made gets that one.

        Raises:
            WorkFailed: with the sentence of what went wrong.
            WorkerStopped: the service is ending.
        """
        task = self._reports.get(asked)
        if task is None:
            since = None if asked.since is None else format_utc(asked.since)
            task = asyncio.create_task(self._run("report", {**asdict(asked), "since": since}))
            self._reports[asked] = task
            task.add_done_callback(lambda _: self._reports.pop(asked))
        # One who leaves takes nothing from the others.
        return PrelabelReport.read(await asyncio.shield(task))

    async def fit(self) -> list[Calibration]:
        """Raises WorkFailed, WorkerStopped."""
        return [Calibration.read(row) for row in (await self._run("fit", {}))["fitted"]]

    async def measure(self) -> None:
        """Measure what was reviewed since, so that nobody who asks for a report waits for it.

        Raises:
            WorkFailed, WorkerStopped.
        """
        await self._run("measure", {})

    def close(self) -> None:
        """End what is running and begin nothing more; who waits for it is told."""
        self._closed = True
        if self._worker is not None:
            self._worker.stop()

    async def _run(self, work: str, inputs: dict[str, Any]) -> dict[str, Any]:
        async with self._turn:
            if self._closed:
                raise WorkerStopped("The service is ending.")
            if self._leaves is not None:
                self._leaves.cancel()
            worker = self._worker = self._worker or Worker()
            loop = asyncio.get_running_loop()
            try:
                return await asyncio.to_thread(
                    worker.run, f"{__name__}:{work}", {**self._places, **inputs}, LIMIT_SECONDS
                )
            finally:
                self._leaves = loop.call_later(IDLE_SECONDS, self._leave, loop)

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            loop.run_in_executor(None, worker.stop)  # a gigabyte takes a moment to give back


async def _measurer(request: Request) -> Measurer:
    return services_of(request).get(Measurer)


Measures = Annotated[Measurer, Depends(_measurer)]


def report(inputs: dict[str, Any]) -> dict[str, Any]:
    """Work of the other process: `data`, `blobs`, and what `Asked` has -> a `PrelabelReport`."""
    since = inputs["since"]
    studies = inputs["scope"]["studies"]
    scope = Scope(None if studies is None else tuple(studies))
    asked = Asked(inputs["study"], None if since is None else datetime.fromisoformat(since), inputs["model"], scope)
    return report_of(Path(inputs["data"]), Path(inputs["blobs"]), asked).to_json()


def fit(inputs: dict[str, Any]) -> dict[str, Any]:
    """Work of the other process: `data`, `blobs` -> `fitted`, one `Calibration` per model."""
    return {"fitted": [one.to_json() for one in calibrations_of(Path(inputs["data"]), Path(inputs["blobs"]))]}


def measure(inputs: dict[str, Any]) -> dict[str, Any]:
    """Work of the other process: `data`, `blobs` -> `items`, how many are measured now."""
    data = Path(inputs["data"])
    with _reviewed_rows(data, Path(inputs["blobs"])) as rows, closing(Measurements(rows, data)) as measurements:
        return {"items": measurements.refresh()}


def report_of(data: Path, blobs: Path, asked: Asked, progress: Callable[[int], None] | None = None) -> PrelabelReport:
    """The report on a data folder, read beside a running service. What was measured before is not measured again.

    Args:
        progress: called with the number of items added up so far.
    """
    with _without_collection(), _reviewed_rows(data, blobs) as rows, closing(Measurements(rows, data)) as measurements:
        words = measurements.vocabulary()
        return prelabel_report(measurements.of(asked), datetime.now(UTC), progress=progress, words=words)


def calibrations_of(data: Path, blobs: Path) -> list[Calibration]:
    """What the scores of each model in a data folder are worth now."""
    with _reviewed_rows(data, blobs) as rows:
        return fit_all(rows.items(Asked(random=True)), datetime.now(UTC))


@contextmanager
def _without_collection() -> Iterator[None]:
    """No search for garbage: the rows of a report have no circles, and to look through all of them takes long."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def _reviewed_rows(data: Path, blobs: Path) -> Iterator[ReviewedRows]:
    database = open_reader(data)
    try:
        yield ReviewedRows(database, LocalBlobs(blobs))
    finally:
        database.close()
