"""The thread that does the runs: one after the other, oldest first, as long as the service runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from collector.bulk.dispatch import Dispatcher
from collector.bulk.engine import BulkEngine, EngineClosed
from collector.prelabels.known_models import known_model
from collector.prelabels.label_capture import WORK
from collector.prelabels.run_captures import RunCaptures
from collector.prelabels.run_progress import (
    ClaimedRun,
    RunLost,
    claim_run,
    has_due,
    leave_runs,
    pause_with,
)
from collector.prelabels.run_work import RunWork
from collector.prelabels.runs import RUNS
from collector.store.database import Database
from collector.store.open_blobs import BlobsLocation
from wire.errors import GleanerError

log = logging.getLogger("gleaner.runs")
RETRY_SECONDS = 30.0


class RunDriver:
    """Does what rows of `prelabel_run` ask for.

    Args:
        process: the id of this process, which owns the runs that it does (collector/processes.py).
        blobs: where the media are.
        open_engine: an engine for one run, by the name of its model.
    """

    def __init__(
        self, db: Database, process: str, blobs: BlobsLocation, open_engine: Callable[[str], BulkEngine]
    ) -> None:
        self._db, self._process, self._blobs, self._open_engine = db, process, blobs, open_engine
        self._changed = threading.Condition()
        self._generation = 0
        self._stopping = False
        self._engine: BulkEngine | None = None
        self._thread = threading.Thread(target=self._run, name="runs", daemon=True)

    def start(self) -> None:
        self._db.subscribe(RUNS, self._wake)
        self._thread.start()

    def stop(self) -> None:
        """End what is under way at once; the next start continues there."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            engine = self._engine
        if engine is not None:
            engine.close()
        if self._thread.ident is not None:
            self._thread.join()

    def alive(self) -> bool:
        return self._thread.is_alive()

    def _wake(self) -> None:
        with self._changed:
            self._generation += 1
            self._changed.notify_all()

    def _is_stopping(self) -> bool:
        return self._stopping

    def _run(self) -> None:
        while not self._is_stopping():
            with self._changed:
                seen = self._generation
            wait_seconds: float | None = None  # until a commit
            try:
                run = self._db.write_sync(lambda conn: claim_run(conn, self._process)) if self._is_due() else None
                if run is not None:
                    self._do(run)
                    continue
            except EngineClosed:
                self._release(None)
                continue
            except GleanerError as error:
                log.warning("runs wait: %s", error)
                self._release(f"{error.message} {error.hint} It is tried again every {RETRY_SECONDS:.0f} seconds.")
                wait_seconds = RETRY_SECONDS
            except Exception as error:
                log.exception("a run met an error that is not known")
                self._release(f"{type(error).__name__}: {error}. It is tried again every {RETRY_SECONDS:.0f} seconds.")
                wait_seconds = RETRY_SECONDS
            with self._changed:
                if self._generation == seen and not self._stopping:
                    self._changed.wait(wait_seconds)

    def _is_due(self) -> bool:
        return self._db.read_sync(lambda conn: has_due(conn, self._process))

    def _do(self, run: ClaimedRun) -> None:
        try:
            media = run.asked.of(known_model(run.model).media)
        except GleanerError as error:
            problem = f"{error.message} {error.hint}"
            self._db.write_sync(lambda conn: pause_with(conn, run, problem))
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
                if self._stopping:
                    return
                self._engine = engine
            RunWork(self._db, run, RunCaptures(run.id, media, run.asked.step), Dispatcher(engine, WORK, common)).do()
            log.info("run %s is done", run.id)
        except RunLost:
            log.info("run %s is not done here any more", run.id)
        finally:
            with self._changed:
                self._engine = None
            engine.close()

    def _release(self, problem: str | None) -> None:
        try:
            self._db.write_sync(lambda conn: leave_runs(conn, self._process, problem))
        except GleanerError as error:
            log.error("a run cannot be released: %s", error)
