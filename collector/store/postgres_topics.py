"""What processes on one PostgreSQL database hear of each other: topics of commits, and which of them is the sole one.

A thread holds a connection that LISTENs. The sole process holds an advisory lock on the same connection: the server
gives it back when the process ends, however that happens.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from secrets import token_hex
from typing import Any

import psycopg

from collector.store.lock import DataInUse
from collector.store.postgres_driver import CONNECT_SECONDS

log = logging.getLogger("gleaner.store")
CHANNEL = "gleaner"
LOOK_SECONDS = 1.0  # how soon the thread sees that it should end
RETRY_SECONDS = 1.0
SOLE_LOCK = 0x676C65616E6573  # any number but that of the writers
WAIT_SECONDS = 5  # the server gives back the lock of a process that was killed a moment ago
# After a cut of the network the server may hold our own former lock for a while.
MAX_WITHOUT_LOCK_SECONDS = 120.0


class TopicListener:
    """Calls `tell` with the topics that other processes committed; with None where some may have been missed."""

    def __init__(self, address: str, tell: Callable[[list[str] | None], None], *, sole: bool = False) -> None:
        self.origin = token_hex(8)
        self._address = address
        self._tell = tell
        self._sole = sole
        self._ending = threading.Event()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to listen, if it has not begun.

        Raises:
            DataInUse: another process is the sole one.
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
        """A connection that listens, with the lock of the sole process. Raises DataInUse, psycopg.Error."""
        conn = psycopg.connect(self._address, autocommit=True, connect_timeout=CONNECT_SECONDS)
        try:
            if self._sole:
                conn.execute(f"SET lock_timeout = '{WAIT_SECONDS}s'")
                conn.execute(f"SELECT pg_advisory_lock({SOLE_LOCK})")
            conn.execute(f"LISTEN {CHANNEL}")
        except psycopg.errors.LockNotAvailable as error:
            conn.close()
            raise DataInUse(
                "Another collector on this PostgreSQL database takes uploads and runs jobs.",
                hint="Stop it, or start this one with review_only.",
            ) from error
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


def announcement_of(origin: str, topics: Sequence[str]) -> str:
    """Statements, before a COMMIT, that tell the other processes; empty without topics."""
    return "".join(f"NOTIFY {CHANNEL}, '{origin} {topic}';" for topic in dict.fromkeys(topics))
