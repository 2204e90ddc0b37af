"""What processes on one PostgreSQL database hear of each other: topics of commits, and who else may be at work.

A thread holds a connection that LISTENs. On the same connection a process that takes uploads and does jobs holds an
advisory lock: alone, or shared with others that can do so together. The server gives it back when the process ends,
however that happens.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from secrets import token_hex
from typing import Any

import psycopg

from collector.store.lock import DataInUse, Work
from collector.store.postgres_driver import CONNECT_SECONDS

log = logging.getLogger("gleaner.store")
CHANNEL = "gleaner"
LOOK_SECONDS = 1.0  # how soon the thread sees that it should end
RETRY_SECONDS = 1.0
WORK_LOCK = 0x676C65616E6573  # any number but that of the writers
WAIT_SECONDS = 5  # the server gives back the lock of a process that was killed a moment ago
# After a cut of the network the server may hold our own former lock for a while.
MAX_WITHOUT_LOCK_SECONDS = 120.0
_TAKE_LOCK = {
    "alone": f"SELECT pg_advisory_lock({WORK_LOCK})",
    "together": f"SELECT pg_advisory_lock_shared({WORK_LOCK})",
}


class TopicListener:
    """Calls `tell` with the topics that other processes committed; with None where some may have been missed."""

    def __init__(self, address: str, tell: Callable[[list[str] | None], None], *, work: Work = "none") -> None:
        self.origin = token_hex(8)
        self._address = address
        self._tell = tell
        self._work = work
        self._ending = threading.Event()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to listen, if it has not begun.

        Raises:
            DataInUse: another process is at work alone, or this one would be and is not.
            psycopg.Error: the server cannot be reached.
        """
        with self._guard:
            if self._thread is not None or self._ending.is_set():
                return
            conn = self._connected()
            self._thread = threading.Thread(target=self._run, args=(conn,), name="db-listen", daemon=True)
            self._thread.start()

    def close(self) -> None:
        self._ending.set()
        with self._guard:
            if self._thread is not None:
                self._thread.join()

    def _connected(self) -> Any:
        """A connection that listens, with the lock. Raises DataInUse, psycopg.Error."""
        conn = psycopg.connect(self._address, autocommit=True, connect_timeout=CONNECT_SECONDS)
        try:
            _take_lock(conn, self._work)
            conn.execute(f"LISTEN {CHANNEL}")
        except DataInUse:
            conn.close()
            raise
        except psycopg.Error:
            conn.close()
            raise
        return conn

    def _run(self, conn: Any) -> None:
        while conn is not None:
            with contextlib.closing(conn):
                try:
                    self._listen(conn)
                except psycopg.Error as error:
                    log.warning("the database was lost: %s", " ".join(str(error).split()))
            conn = self._reconnected()

    def _listen(self, conn: Any) -> None:
        """Until the end, or the connection is lost: psycopg.Error."""
        while not self._ending.is_set():
            for note in conn.notifies(timeout=LOOK_SECONDS, stop_after=1):
                origin, _, topic = note.payload.partition(" ")
                if origin != self.origin:
                    self._tell([topic])

    def _reconnected(self) -> Any:
        """A new connection, as soon as there is one; None at the end."""
        lost = None
        while not self._ending.wait(RETRY_SECONDS):
            try:
                conn = self._connected()
            except psycopg.Error:
                continue
            except DataInUse as error:
                lost = lost or time.monotonic()
                if time.monotonic() - lost > MAX_WITHOUT_LOCK_SECONDS:
                    log.critical("%s This process ends.", error.message)
                    os.kill(os.getpid(), signal.SIGTERM)
                    return None
                continue
            self._tell(None)
            return conn
        return None


def _take_lock(conn: Any, work: Work) -> None:
    """Raises DataInUse, psycopg.Error."""
    if work == "none":
        return
    try:
        conn.execute(f"SET lock_timeout = '{WAIT_SECONDS}s'")
        conn.execute(_TAKE_LOCK[work])
    except psycopg.errors.LockNotAvailable as error:
        raise DataInUse(
            "Another collector on this PostgreSQL database takes uploads and runs jobs.",
            hint="Stop it, start this one with review_only, or let all of them keep media and uploads on an S3 server.",
        ) from error


@contextlib.contextmanager
def nobody_at_work(address: str) -> Iterator[None]:
    """Meanwhile no process takes uploads or does jobs on the database. Raises DataInUse, psycopg.Error."""
    with psycopg.connect(address, autocommit=True, connect_timeout=CONNECT_SECONDS) as conn:
        try:
            _take_lock(conn, "alone")
        except DataInUse as error:
            error.hint = "Stop all collectors of this database before an upgrade."
            raise
        yield


def announcements_of(origin: str, topics: Sequence[str]) -> list[str]:
    """Statements, before a COMMIT, that let the other processes know."""
    return [f"NOTIFY {CHANNEL}, '{origin} {topic}'" for topic in dict.fromkeys(topics)]
