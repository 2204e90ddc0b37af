"""SQLite behind `Database`: one writer thread with group commit, separate read-only connections.

One process at a time writes (an exclusive lock on the data folder). The writer takes what is waiting, up to 128 fns or
2 ms, into one BEGIN IMMEDIATE … COMMIT, and answers after the commit is on disk (WAL, synchronous=FULL). IMMEDIATE is
compulsory: a read that turns into a write gets SQLITE_BUSY whatever the timeout. Statements go to sqlite3's own
cursors, which keep them prepared by their text.

An fn that raises after it wrote costs the group a second run, with a savepoint around each fn. Inside a savepoint
SQLite copies each page before it changes it, into a file: as much work as the statements of a submit that write.

The log is copied into the database file by a thread of its own (`collector.store.sqlite_log`).

Quick reads run on the event loop at once; quick writes as `collector.store.write_queue` has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from collector.store.blobs_local import disk_errors
from collector.store.database import Along, Fn, ReadTooLong, ThreadRequired, notified_topics, quickly
from collector.store.lock import lock_folder
from collector.store.loop_turn import LoopTurns
from collector.store.private import private_database, private_folder
from collector.store.sql import Connection
from collector.store.sqlite_driver import (
    Readers,
    SqliteConnection,
    check_header,
    connect,
    failed,
    found_read_only,
    interrupted_after,
    roll_back,
)
from collector.store.sqlite_log import LogCopier
from collector.store.write_queue import RunCarefully, Write, WriteDone, WriteGroup, WriteQueue, answer, refusing

T = TypeVar("T")
READERS = 2  # only one thread runs Python at a time: more of them take turns with each other
LONG_READERS = 2
MAX_READ_SECONDS = 30.0


class SqliteDatabase:
    """See `collector.store.database.Database` for the meaning of each method."""

    def __init__(self, path: Path, *, read_only: bool = False, first: Callable[[], None] | None = None) -> None:
        """`first` (the migrations) runs alone, before any other connection is made.

        Raises:
            DataInUse, DatabaseFailed, StorageUnusable, and what `first` raises.
        """
        self.path = path
        self._lock_fd: int | None = None
        if not read_only:
            with disk_errors("The data folder cannot be used"):
                private_folder(path.parent)
                self._lock_fd = lock_folder(path.parent)
            try:
                self._run_first(first)
            except BaseException:
                os.close(self._lock_fd)
                raise
        self._subscribers: dict[str, list[Callable[[], None]]] = {}
        self._observe_commit: Callable[[int, float], None] = lambda _writes, _seconds: None
        self._waiting: WriteQueue = WriteQueue(read_only=read_only)
        self._turns = LoopTurns()
        self._log = LogCopier(path)
        self._readers = Readers(path, READERS + LONG_READERS)
        self._read_threads = ThreadPoolExecutor(READERS, thread_name_prefix="db-read")
        self._long_threads = ThreadPoolExecutor(LONG_READERS, thread_name_prefix="db-read-long")
        self._writer: threading.Thread | None = None
        if not read_only:
            self._writer = threading.Thread(target=self._write_loop, name="db-write", daemon=True)
            self._writer.start()

    def _run_first(self, first: Callable[[], None] | None) -> None:
        # Switching a new file to WAL needs it alone: SQLite does not wait for another connection then.
        with disk_errors("The database cannot be opened"):
            private_database(self.path)
            check_header(self.path)
        try:
            connect(self.path).close()
        except sqlite3.Error as error:
            raise failed(error) from error
        if first is not None:
            first()

    # ------------------------------------------------------------------ reading
    def read_sync(self, fn: Fn[T]) -> T:
        try:
            with self._readers.one() as conn:
                return fn(conn)
        except sqlite3.Error as error:
            raise failed(error) from error

    async def read(self, fn: Fn[T], *, quick: bool = False) -> T:
        if quick:
            with contextlib.suppress(ThreadRequired):
                return self._read_here(fn)
        return await asyncio.get_running_loop().run_in_executor(self._read_threads, self.read_sync, fn)

    def _read_here(self, fn: Fn[T]) -> T:
        try:
            with self._readers.one() as conn, quickly(conn):
                return fn(conn)
        except sqlite3.Error as error:
            raise failed(error) from error

    async def read_long(self, fn: Fn[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._long_threads, self._read_within, fn)

    def _read_within(self, fn: Fn[T]) -> T:
        deadline = time.monotonic() + MAX_READ_SECONDS
        try:
            with self._readers.one() as conn, interrupted_after(conn.driver, deadline):
                return fn(conn)
        except sqlite3.Error as error:
            if time.monotonic() > deadline:
                raise ReadTooLong(f"This took longer than {MAX_READ_SECONDS:g} seconds and was stopped.") from error
            raise failed(error) from error

    # ------------------------------------------------------------------ writing
    def write_sync(self, fn: Fn[T]) -> T:
        return self._waiting.write_sync(fn)

    async def write(self, fn: Fn[T], *, quick: bool = False, along: Along[T] | None = None) -> T:
        return await self._waiting.write(fn, quick=quick, along=along)

    def maintain(self) -> None:
        self.write_sync(_analyze)
        self._log.shorten()  # where a reader still needs it, the next hour does

    def subscribe(self, topic: str, callback: Callable[[], None]) -> None:
        self._subscribers.setdefault(topic, []).append(callback)

    def observe_commits(self, observe: Callable[[int, float], None]) -> None:
        self._observe_commit = observe

    def close(self) -> None:
        if not self._waiting.close():
            return
        self._turns.end()
        if self._writer is not None:
            self._writer.join()
        self._log.close()
        self._read_threads.shutdown(wait=True)
        self._long_threads.shutdown(wait=True)
        self._readers.close()
        if self._lock_fd is not None:
            os.close(self._lock_fd)

    def _write_loop(self) -> None:
        conn: SqliteConnection | None = None
        go_on = True
        try:
            while go_on and (first := self._waiting.take()) is not None:
                group = WriteGroup(first, self._waiting, self._turns)
                try:
                    conn = conn or SqliteConnection(self.path)
                    done = self._commit(conn, group)
                except sqlite3.Error as error:
                    done = group.failed(failed(error))
                answer(done)
                go_on = not group.met_end
        finally:
            if conn is not None:
                conn.driver.close()

    def _commit(self, conn: SqliteConnection, group: WriteGroup) -> list[WriteDone]:
        """One transaction over what is waiting. Raises sqlite3.Error: nothing of it was kept."""
        try:
            return self._commit_once(conn, group, careful=False)
        except RunCarefully:
            return self._commit_once(conn, group, careful=True)

    def _commit_once(self, conn: SqliteConnection, group: WriteGroup, *, careful: bool) -> list[WriteDone]:
        """Raises sqlite3.Error, RunCarefully: nothing of it was kept."""
        topics = notified_topics(conn)
        topics.clear()
        conn.driver.execute("BEGIN IMMEDIATE")
        try:
            state = found_read_only(conn)
            run_one = (lambda write: _run_one(conn, write, careful)) if state is None else refusing(state)
            done = group.run(conn, run_one)
            committing = time.perf_counter()
            conn.driver.execute("COMMIT")
            self._observe_commit(len(done), time.perf_counter() - committing)
            self._log.count(len(done))
        except BaseException:
            conn.lasting.clear()
            roll_back(conn.driver)
            raise
        # Subscribers first: who waits for the commit finds it heard of.
        for topic in dict.fromkeys(topics):
            for callback in self._subscribers.get(topic, ()):
                callback()
        return done


def _run_one(conn: SqliteConnection, write: Write, careful: bool) -> WriteDone:
    """One fn. A transaction that cannot go on raises (sqlite3.Error, RunCarefully); everything else is an answer."""
    topics = notified_topics(conn)
    said, changes = len(topics), conn.changes()
    if careful:
        conn.driver.execute("SAVEPOINT fn")
    try:
        done = WriteDone(write, write.fn(conn)).read_along(conn)
        if careful:
            conn.driver.execute("RELEASE fn")
    except BaseException as error:
        del topics[said:]
        conn.lasting.clear()
        if not conn.driver.in_transaction:
            if isinstance(error, sqlite3.Error):
                raise
            raise sqlite3.OperationalError(f"the transaction was given up: {error}") from error
        if careful:
            conn.driver.execute("ROLLBACK TO fn")
            conn.driver.execute("RELEASE fn")
        elif conn.changes() != changes:
            raise RunCarefully from error
        if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
            error = failed(error)
        return WriteDone(write, problem=error)
    return done


def _analyze(conn: Connection) -> None:
    """Statistics of every index, from a sample of each: the planner chooses by them."""
    conn.exec_driver_sql("PRAGMA analysis_limit=1000")
    conn.exec_driver_sql("ANALYZE")
