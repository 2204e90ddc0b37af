"""The driver that makes the exports of the service, each in a process of its own (collector/bulk/work_driver.py)."""

from __future__ import annotations

import logging
import queue
import time
from typing import Any

from collector.bulk.engine import EngineClosed
from collector.bulk.pace import WorkPace
from collector.bulk.work_driver import WorkDriver
from collector.bulk.work_rows import WorkLost
from collector.exports.archives import ExportArchives
from collector.exports.export_process import ExportProcess
from collector.exports.export_progress import (
    ClaimedExport,
    ExportProgress,
    MadeExport,
    claimed_export,
    end_export,
    save_progress,
)
from collector.exports.export_runs import ROWS
from collector.exports.export_tidy import remove_unneeded
from collector.settings import Settings
from collector.store.blobs import DiskFull
from collector.store.database import Database
from collector.store.sql import Row
from wire.errors import GleanerError

log = logging.getLogger("gleaner.exports")
SAVE_SECONDS = 1.0
MAX_ENDS = 3
ENDED = (
    f"The process that makes the export ended {MAX_ENDS} times: it was killed, or the machine has too little memory."
    " Look at the log of the service, then try it again."
)


class ExportPostponed(GleanerError):
    """An export met something that passes, such as an S3 server that does not answer."""

    code = "export-postponed"
    status = 503
    retryable = True


class ExportDriver(WorkDriver):
    """Does what rows of `export_run` ask for."""

    def __init__(self, db: Database, process: str, settings: Settings, archives: ExportArchives) -> None:
        super().__init__(db, process, ROWS, "exports")
        self._settings, self._archives = settings, archives
        self._child: ExportProcess | None = None

    def _interrupt(self) -> None:
        with self._changed:
            child = self._child
        if child is not None:
            child.end()

    def _do(self, row: Row) -> None:
        run = self._db.read_sync(lambda conn: claimed_export(conn, row, self._process))
        for _ in range(MAX_ENDS):
            if self._has_ended(run):
                return
        self._db.write_sync(lambda conn: ROWS.pause_with(conn, run, ENDED))

    def _has_ended(self, run: ClaimedExport) -> bool:
        """Done or failed; False: its process ended before. Raises WorkLost, EngineClosed, ExportPostponed."""
        child = ExportProcess(self._settings, run)
        try:
            with self._changed:
                self._child = child
                if self._is_stopping():
                    raise EngineClosed("The service is ending.")
            return self._follow(run, child)
        except WorkLost:
            child.end()  # nothing writes there any more
            remove_unneeded(self._db, self._settings.exports_folder, self._archives)
            raise
        finally:
            with self._changed:
                self._child = None
            child.end()

    def _follow(self, run: ClaimedExport, child: ExportProcess) -> bool:
        course = _Course(self._db, run)
        seen = self._generation
        while True:
            try:
                line = child.next_line(SAVE_SECONDS)
            except queue.Empty:
                line = {}
            if line is None:
                if self._is_stopping():
                    raise EngineClosed("The service is ending.")
                return False
            if "made" in line:
                self._end(run, MadeExport(**line["made"]))
                return True
            if "failed" in line:
                self._fail(run, line["failed"])
                return True
            course.add(line)
            if course.is_due or self._generation != seen:  # somebody paused it, or it is another's
                seen = self._generation
                course.save()

    def _end(self, run: ClaimedExport, made: MadeExport) -> None:
        self._db.write_sync(lambda conn: end_export(conn, run, made, self._settings.export_days))
        log.info("export %s is done", run.id)

    def _fail(self, run: ClaimedExport, failed: dict[str, Any]) -> None:
        """What passes is tried again automatically; a full disk does not pass."""
        if failed["retryable"] and failed["code"] != DiskFull.code:
            raise ExportPostponed(failed["message"], hint=failed["hint"])
        problem = f"{failed['message']} {failed['hint']}".strip()
        self._db.write_sync(lambda conn: ROWS.pause_with(conn, run, problem))
        log.warning("export %s is paused: %s", run.id, problem)


class _Course:
    """What the process has said of its progress, and what of it the row has."""

    def __init__(self, db: Database, run: ClaimedExport) -> None:
        self._db, self._run = db, run
        self._progress = ExportProgress()
        self._rate = WorkPace()
        self._saved = 0.0

    def add(self, line: dict[str, Any]) -> None:
        progress = self._progress
        if "items" in line:
            progress.items, progress.counted = line["items"], True
            self._saved = 0.0
        if "done" in line:
            self._rate.add(line["done"] - progress.done)
            progress.done, progress.bytes = line["done"], line["bytes"]
        if "packed" in line:
            if not line["packed"]:  # it begins, or begins again: from now on bytes are counted
                self._rate, self._saved, progress.packed_bytes = WorkPace(), 0.0, 0
            self._rate.add(line["packed"] - (progress.packed_bytes or 0))
            progress.packed_bytes = line["packed"]

    @property
    def is_due(self) -> bool:
        return time.monotonic() - self._saved >= SAVE_SECONDS

    def save(self) -> None:
        """Raises WorkLost."""
        self._db.write_sync(lambda conn: save_progress(conn, self._run, self._progress, self._rate.per_second))
        self._saved = time.monotonic()
