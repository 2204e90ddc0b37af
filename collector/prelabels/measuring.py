"""The report and the fit of calibrations in a process of their own, beside the service.

They read every review there is: half a minute and a gigabyte for 10,000, which the service has no time for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request

from collector.prelabels.calibrating import fit_all
from collector.prelabels.gathering import Asked, Rows, gather, reviewed
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
    measurer: Measurer = request.app.state.measurer
    return measurer


Measures = Annotated[Measurer, Depends(_measurer)]


def report(inputs: dict[str, Any]) -> dict[str, Any]:
    """Work of the other process: `data`, `blobs`, and what `Asked` has -> a `PrelabelReport`."""
    since = inputs["since"]
    studies = inputs["scope"]["studies"]
    scope = Scope(None if studies is None else tuple(studies))
    asked = Asked(inputs["study"], None if since is None else datetime.fromisoformat(since), inputs["model"], scope)
    with _reading(inputs, asked) as (rows, blobs):
        return prelabel_report(reviewed(rows, blobs, asked), datetime.now(UTC)).to_json()


def fit(inputs: dict[str, Any]) -> dict[str, Any]:
    """Work of the other process: `data`, `blobs` -> `fitted`, one `Calibration` a model."""
    with _reading(inputs, Asked()) as (rows, blobs):
        return {"fitted": [one.to_json() for one in fit_all(rows, blobs, datetime.now(UTC))]}


@contextmanager
def _reading(inputs: dict[str, Any], asked: Asked) -> Iterator[tuple[list[Rows], LocalBlobs]]:
    database = open_reader(inputs["data"])
    try:
        yield database.read_sync(lambda conn: gather(conn, asked)), LocalBlobs(Path(inputs["blobs"]))
    finally:
        database.close()
