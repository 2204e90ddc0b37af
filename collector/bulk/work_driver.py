"""The thread that does bulk work of one kind: one piece after the other, oldest first, as long as the service runs."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod

from collector.bulk.engine import EngineClosed
from collector.bulk.work_rows import WorkLost, WorkRows
from collector.store.database import Database
from collector.store.read_only import DataReadOnly
from collector.store.sql import Row
from wire.errors import GleanerError

log = logging.getLogger("gleaner.bulk")
RETRY_SECONDS = 30.0
READ_ONLY_SECONDS = 5.0  # whoever ends that is another process, and its commit wakes nobody here


class WorkDriver(ABC):
    """Does what rows ask for.

    Args:
        process: the id of this process, which owns what it does (collector/processes.py).
        name: of the work, in the log and as the thread's.
    """

    def __init__(self, db: Database, process: str, rows: WorkRows, name: str) -> None:
        self._db, self._process, self._rows, self._name = db, process, rows, name
        self._changed = threading.Condition()
        self._generation = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def _do(self, row: Row) -> None:
        """Do it to its end. Raises WorkLost, EngineClosed, and what is to be tried again later."""

    @abstractmethod
    def _interrupt(self) -> None:
        """End what is under way at once; called by another thread."""

    def start(self) -> None:
        self._db.subscribe(self._rows.topic, self._wake)
        self._thread.start()

    def stop(self) -> None:
        """End what is under way at once; the next start continues there."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._interrupt()
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
                if self._has_done_one():
                    continue
            except EngineClosed:
                self._release(None)
                continue
            except DataReadOnly as error:  # what is in hand stays so: it cannot be released, either
                log.info("%s wait: %s", self._name, error.message)
                wait_seconds = READ_ONLY_SECONDS
            except GleanerError as error:
                log.warning("%s wait: %s", self._name, error)
                self._release(f"{error.message} {error.hint} It is tried again every {RETRY_SECONDS:.0f} seconds.")
                wait_seconds = RETRY_SECONDS
            except Exception as error:
                log.exception("%s met an error that is not known", self._name)
                self._release(f"{type(error).__name__}: {error}. It is tried again every {RETRY_SECONDS:.0f} seconds.")
                wait_seconds = RETRY_SECONDS
            with self._changed:
                if self._generation == seen and not self._stopping:
                    self._changed.wait(wait_seconds)

    def _has_done_one(self) -> bool:
        """False: there is none."""
        if not self._db.read_sync(lambda conn: self._rows.is_due(conn, self._process)):
            return False
        row = self._db.write_sync(lambda conn: self._rows.claim(conn, self._process))
        if row is None:
            return False
        try:
            self._do(row)
        except WorkLost:
            log.info("%s: %s is not done here any more", self._name, row.id)
        return True

    def _release(self, problem: str | None) -> None:
        try:
            self._db.write_sync(lambda conn: self._rows.leave(conn, self._process, problem))
        except DataReadOnly:
            log.info("%s in hand are released by the next start", self._name)
        except GleanerError as error:
            log.error("%s cannot be released: %s", self._name, error)
