"""SQLite's log (WAL), copied into the database file by a thread of its own.

SQLite copies it inside the commit that makes it long enough, and that commit takes five times as long as the others:
whoever was in it waited for everybody's pages. Where commits follow each other so closely that the thread never finds
a moment without one, the log grows on, and the writer copies the rest itself (`MAX_LOG_PAGES` of
`collector.store.sqlite_driver`).
"""

from __future__ import annotations

import logging
import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from collector.store.sqlite_driver import connect, failed

log = logging.getLogger("gleaner.store")
WRITES_A_COPY = 100  # of the queue's, which are a thousand pages


class LogCopier:
    """`count` is the writer's; `shorten` may be called by any other thread; `close` once nobody calls the others."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="db-log")
        self._copying: Future[None] | None = None
        self._writes = 0
        self._driver: sqlite3.Connection | None = None

    def count(self, writes: int) -> None:
        """So many were committed."""
        self._writes += writes
        if self._writes >= WRITES_A_COPY and (self._copying is None or self._copying.done()):
            self._writes = 0
            try:
                self._copying = self._thread.submit(self._copy)
            except RuntimeError as error:  # no thread can be started: what was committed is committed all the same
                _warn(error)

    def shorten(self) -> None:
        """Copy all of it and empty its file. Where a reader still needs it, it stays. Raises DatabaseFailed."""
        try:
            self._thread.submit(self._checkpoint, "TRUNCATE").result()
        except sqlite3.Error as error:
            raise failed(error) from error

    def _copy(self) -> None:
        try:
            self._checkpoint("PASSIVE")
        except sqlite3.Error as error:
            _warn(error)

    def _checkpoint(self, how: str) -> None:
        if self._driver is None:
            self._driver = connect(self._path)
            self._driver.execute("PRAGMA busy_timeout=0")  # it waits for nobody
        self._driver.execute(f"PRAGMA wal_checkpoint({how})").fetchall()

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        if self._driver is not None:
            self._driver.close()


def _warn(error: Exception) -> None:
    log.warning("the log of the database was not copied, and grows until a commit copies it: %s", error)
