"""The report and the fit of calibrations in a process of their own, beside the service.

They read everything that people reviewed, seconds for 100,000 items, which the service has no time for.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import pickle
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Request

from collector.prelabels.calibration import fit_all
from collector.prelabels.measurements import Measurements, NotMeasured
from collector.prelabels.reviewed_rows import Asked, ReviewedRows
from collector.services import services_of
from collector.settings import Settings
from collector.store.open import open_reader
from collector.store.open_blobs import BlobsLocation, open_blobs
from collector.studies.scope import Scope
from prelabel.labelling.worker import Worker, WorkerStopped, WorkFailed
from prelabel.quality.measurement import Vocabulary
from prelabel.quality.report import added_up, prelabel_report
from prelabel.quality.shapes import PrelabelReport
from prelabel.quality.sums import QualitySums
from prelabel.triage.calibration import Calibration
from wire.base import format_utc

log = logging.getLogger("gleaner.prelabels")
LIMIT_SECONDS = 3600.0
MIN_SPLIT = 20_000  # revisions: fewer are added up in less time than a process needs to begin
FIRST_PART = 0.55  # of the revisions: the second process begins later
IDLE_SECONDS = 60.0  # a lead who looks through the filters asks again soon; after that its memory is given back


class DataLocation(NamedTuple):
    """Where a process reads: the data folder, the blobs, the address of the database if it has one."""

    data: Path
    blobs: BlobsLocation
    database: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> DataLocation:
        return cls(settings.data, settings.blobs_location, settings.database)

    def to_inputs(self) -> dict[str, Any]:
        """For another process, whose standard input they go to: an address may hold a password."""
        return {"data": str(self.data), "blobs": self.blobs.to_json(), "database": self.database}

    @classmethod
    def read(cls, inputs: Mapping[str, Any]) -> DataLocation:
        return cls(Path(inputs["data"]), BlobsLocation.read(inputs["blobs"]), inputs["database"])


class LaterHalf:
    """The later part of many revisions, added up by a second process meanwhile where the machine has two processors.

    `before` are the others, which are the caller's; `revisions` are none where there are few.
    """

    def __init__(self, location: DataLocation, asked: Asked, revisions: Sequence[str]) -> None:
        is_split = len(revisions) >= MIN_SPLIT and len(os.sched_getaffinity(0)) > 1
        place = round(len(revisions) * FIRST_PART) if is_split else len(revisions)
        self.before, self.revisions = revisions[:place], revisions[place:]
        self._inputs = {**location.to_inputs(), **_inputs_of(asked), "revisions": self.revisions}
        self._worker = Worker()
        self._thread = ThreadPoolExecutor(1)
        self._work: Future[QualitySums | None] | None = None

    def __enter__(self) -> LaterHalf:
        if self.revisions:
            self._work = self._thread.submit(self._added_up)
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.stop()
        self._thread.shutdown()

    def sums(self) -> QualitySums | None:
        """What the other process found; None where there was none, or something has to be measured first."""
        return None if self._work is None else self._work.result()

    def _added_up(self) -> QualitySums | None:
        try:
            found = self._worker.run(f"{__name__}:saved_sums", self._inputs, LIMIT_SECONDS)["sums"]
        except WorkerStopped:
            return None
        except WorkFailed as problem:
            log.warning("One process adds up everything: %s", problem)
            return None
        sums: QualitySums | None = None if found is None else pickle.loads(b64decode(found))
        return sums


class Measurer:
    """Asks for reports and fits, one at a time. Made with the service, used on its event loop."""

    def __init__(self, location: DataLocation) -> None:
        self._location = location.to_inputs()
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
            task = asyncio.create_task(self._run("report", _inputs_of(asked)))
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
                    worker.run, f"{__name__}:{work}", {**self._location, **inputs}, LIMIT_SECONDS
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
    """Work of the other process: `DataLocation` and what `Asked` has -> a `PrelabelReport`."""
    return report_of(DataLocation.read(inputs), _asked_of(inputs)).to_json()


def saved_sums(inputs: dict[str, Any]) -> dict[str, Any]:
    """Work of a second process: `DataLocation`, what `Asked` has, `revisions` -> `sums`.

    Those of these revisions, a pickle in Base64; None where one of them has to be measured first.
    """
    asked = _asked_of(inputs)
    with _without_collection(), _measurements(DataLocation.read(inputs)) as measurements:
        words = measurements.vocabulary()
        try:
            sums = added_up(measurements.read(inputs["revisions"], asked, words, measure=False), words)
        except NotMeasured:
            return {"sums": None}
    return {"sums": b64encode(pickle.dumps(sums, pickle.HIGHEST_PROTOCOL)).decode("ascii")}


def _asked_of(inputs: dict[str, Any]) -> Asked:
    since, studies = inputs["since"], inputs["scope"]["studies"]
    scope = Scope(None if studies is None else tuple(studies))
    return Asked(inputs["study"], None if since is None else datetime.fromisoformat(since), inputs["model"], scope)


def _inputs_of(asked: Asked) -> dict[str, Any]:
    return {**asdict(asked), "since": None if asked.since is None else format_utc(asked.since)}


def fit(inputs: dict[str, Any]) -> dict[str, Any]:
    """Work of the other process: `DataLocation` -> `fitted`, one `Calibration` per model."""
    return {"fitted": [one.to_json() for one in calibrations_of(DataLocation.read(inputs))]}


def measure(inputs: dict[str, Any]) -> dict[str, Any]:
    """Work of the other process: `DataLocation` -> `items`, how many are measured now."""
    with _measurements(DataLocation.read(inputs)) as measurements:
        return {"items": measurements.refresh()}


def report_of(location: DataLocation, asked: Asked, progress: Callable[[int], None] | None = None) -> PrelabelReport:
    """The report on a collector's data, read beside a running service. What was measured before is not measured again.

    Args:
        progress: called with the number of items added up so far; not of those that another process adds up.
    """
    with _without_collection(), _measurements(location) as measurements:
        revisions, words = measurements.selected(asked), measurements.vocabulary()
        with LaterHalf(location, asked, revisions) as later:

            def sums_of(known: Vocabulary) -> QualitySums:
                sums = added_up(measurements.read(later.before, asked, known), known, progress)
                found = later.sums() if known == words else None
                if found is None:
                    found = added_up(measurements.read(later.revisions, asked, known), known)
                sums.merge(found)
                return sums

            return prelabel_report(sums_of, datetime.now(UTC), words=words)


def calibrations_of(location: DataLocation) -> list[Calibration]:
    """What the scores of each model are worth now."""
    with _reviewed_rows(location) as rows:
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
def _measurements(location: DataLocation) -> Iterator[Measurements]:
    with _reviewed_rows(location) as rows, closing(Measurements(rows, location.data)) as measurements:
        yield measurements


@contextmanager
def _reviewed_rows(location: DataLocation) -> Iterator[ReviewedRows]:
    database = open_reader(location.data, location.database)
    try:
        yield ReviewedRows(database, open_blobs(location.blobs))
    finally:
        database.close()
