"""PostgreSQL connections for reading, each for one fn at a time."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Sequence
from typing import TypeVar

import psycopg

from collector.store.database import Fn
from collector.store.postgres_driver import PostgresConnection

T = TypeVar("T")
NEAR_SECONDS = 0.0002  # a round trip to a server on this machine
_SETTINGS = (
    "SET default_transaction_isolation = 'repeatable read'; SET default_transaction_read_only = on;"
    " SET idle_in_transaction_session_timeout = '10min'"
)
# Reports read whole tables, which is faster in the order in which they lie on the disk.
_LONG_SETTINGS = f"{_SETTINGS}; RESET enable_seqscan; RESET plan_cache_mode"


class PostgresReaders:
    """Connections for reading: as many as there are threads that read, made when they are needed.

    `are_near`: the server answers so soon that a few statements can be waited for on the event loop. That was so for
    any of them: a busy process waits longer for its own turn than for the server.
    """

    def __init__(self, address: str, threads: int, *, long: bool = False) -> None:
        """`threads` that read at once; `long`: for reports."""
        self._address, self._settings = address, _LONG_SETTINGS if long else _SETTINGS
        self._idle: queue.LifoQueue[PostgresConnection] = queue.LifoQueue(threads + 1)
        self.are_near = False

    def read(self, fn: Fn[T], begin: Sequence[str], deadline: float | None = None) -> T:
        """On one connection; once more on a new one where the server had closed an idle one. Raises psycopg.Error."""
        try:
            conn = self._idle.get_nowait()
        except queue.Empty:
            conn = self._connected()
        try:
            return _read_on(conn, fn, begin, deadline)
        except psycopg.Error:
            if not conn.is_lost():
                raise
        finally:
            self._put_back(conn)
        conn = self._connected()
        try:
            return _read_on(conn, fn, begin, deadline)
        finally:
            self._put_back(conn)

    def _connected(self) -> PostgresConnection:
        conn = PostgresConnection(self._address, settings=self._settings)
        self.are_near = self.are_near or conn.answers_within(NEAR_SECONDS)
        return conn

    def _put_back(self, conn: PostgresConnection) -> None:
        try:
            conn.deadline = None
            conn.roll_back_soon()
            self._idle.put_nowait(conn)
        except (psycopg.Error, queue.Full):
            conn.close()

    def close(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()


def _read_on(conn: PostgresConnection, fn: Fn[T], begin: Sequence[str], deadline: float | None) -> T:
    """In a transaction of its own: everything read is of one moment. Raises psycopg.Error."""
    conn.deadline = deadline
    conn.begin_with_next(*begin)
    return fn(conn)
