"""The driver that does the runs (collector/bulk/work_driver.py)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from collector.bulk.dispatch import Dispatcher
from collector.bulk.engine import BulkEngine
from collector.bulk.work_driver import WorkDriver
from collector.prelabels.known_models import known_model
from collector.prelabels.label_capture import WORK
from collector.prelabels.run_captures import RunCaptures
from collector.prelabels.run_progress import claimed_run
from collector.prelabels.run_work import RunWork
from collector.prelabels.runs import ROWS
from collector.store.database import Database
from collector.store.open_blobs import BlobsLocation
from collector.store.sql import Row
from wire.errors import GleanerError

log = logging.getLogger("gleaner.runs")


class RunDriver(WorkDriver):
    """Does what rows of `prelabel_run` ask for.

    Args:
        blobs: where the media are.
        open_engine: an engine for one run, by the name of its model.
    """

    def __init__(
        self, db: Database, process: str, blobs: BlobsLocation, open_engine: Callable[[str], BulkEngine]
    ) -> None:
        super().__init__(db, process, ROWS, "runs")
        self._blobs, self._open_engine = blobs, open_engine
        self._engine: BulkEngine | None = None

    def _interrupt(self) -> None:
        with self._changed:
            engine = self._engine
        if engine is not None:
            engine.close()

    def _do(self, row: Row) -> None:
        run = claimed_run(row, self._process)
        try:
            media = run.asked.of(known_model(run.model).media)
        except GleanerError as error:
            problem = f"{error.message} {error.hint}"
            self._db.write_sync(lambda conn: ROWS.pause_with(conn, run, problem))
            return
        common = {
            "model": run.model,
            "sha256": run.source.sha256,
            "package": run.source.package,
            "blobs": self._blobs.to_json(),
        }
        engine = self._open_engine(run.model)
        try:
            with self._changed:
                if self._is_stopping():
                    return
                self._engine = engine
            RunWork(self._db, run, RunCaptures(run.id, media, run.asked.step), Dispatcher(engine, WORK, common)).do()
            log.info("run %s is done", run.id)
        finally:
            with self._changed:
                self._engine = None
            engine.close()
