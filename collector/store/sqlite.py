"""SQLite behind `Database`: one writer thread with group commit, separate read-only connections.

One process at a time writes (an exclusive lock on the data folder). The writer takes what is waiting, up to 128 fns or
2 ms, into one BEGIN IMMEDIATE … COMMIT with a savepoint around each fn, and answers after the commit is on disk
(WAL, synchronous=FULL). IMMEDIATE is compulsory: a read that turns into a write gets SQLITE_BUSY whatever the timeout.
Statements go to sqlite3's own cursors, which keep them prepared by their text.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from collector.store.blobs_local import disk_errors
from collector.store.database import DatabaseFailed, Fn, ReadTooLong, notified_topics
from collector.store.lock import lock_folder
from collector.store.private import private_database, private_folder
from collector.store.sql import Connection
from collector.store.sqlite_driver import Readers, SqliteConnection, connect, failed, interrupted_after, roll_back

T = TypeVar("T")
GROUP_FNS = 128
GROUP_SECONDS = 0.002
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
        self._read_only = read_only
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
        self._waiting: queue.SimpleQueue[tuple[Fn[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
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

    async def read(self, fn: Fn[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._read_threads, self.read_sync, fn)

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
        return self._accept(fn).result()

    async def write(self, fn: Fn[T]) -> T:
        return await asyncio.wrap_future(self._accept(fn))

    def maintain(self) -> None:
        self.write_sync(_analyze)
        # Without patience: where a reader still needs the log, the next hour shortens it.
        with contextlib.closing(sqlite3.connect(self.path, timeout=0)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def subscribe(self, topic: str, callback: Callable[[], None]) -> None:
        self._subscribers.setdefault(topic, []).append(callback)

    def observe_commits(self, observe: Callable[[int, float], None]) -> None:
        self._observe_commit = observe

    def close(self) -> None:
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._waiting.put(None)
        if self._writer is not None:
            self._writer.join()
        self._read_threads.shutdown(wait=True)
        self._long_threads.shutdown(wait=True)
        self._readers.close()
        if self._lock_fd is not None:
            os.close(self._lock_fd)

    def _accept(self, fn: Fn[T]) -> Future[T]:
        answer: Future[T] = Future()
        with self._closing:
            if self._closed or self._read_only:
                word = "closed" if self._closed else "open for reading only"
                raise DatabaseFailed(f"The database is {word}.", hint="Use the running service instead.")
            self._waiting.put((fn, answer))
        return answer

    def _write_loop(self) -> None:
        conn: SqliteConnection | None = None
        try:
            while (first := self._waiting.get()) is not None:
                try:
                    conn = conn or SqliteConnection(self.path)
                except sqlite3.Error as error:
                    _set_answer(first[1], None, failed(error))
                    continue
                if not self._commit_group(conn, first):
                    return
        finally:
            if conn is not None:
                conn.driver.close()

    def _commit_group(self, conn: SqliteConnection, first: tuple[Fn[Any], Future[Any]]) -> bool:
        """One transaction over what is waiting. False when the closing mark was met."""
        go_on = True
        done: list[tuple[Future[Any], Any, BaseException | None]] = []
        topics = notified_topics(conn)
        topics.clear()
        began = time.monotonic()
        item: tuple[Fn[Any], Future[Any]] | None = first
        try:
            conn.driver.execute("BEGIN IMMEDIATE")
            try:
                while item is not None:
                    done.append(self._run_one(conn, item))
                    if len(done) >= GROUP_FNS or time.monotonic() - began > GROUP_SECONDS:
                        break
                    try:
                        item = self._waiting.get_nowait()
                    except queue.Empty:
                        break
                    go_on = item is not None
                committing = time.perf_counter()
                conn.driver.execute("COMMIT")
                self._observe_commit(len(done), time.perf_counter() - committing)
            except BaseException:
                roll_back(conn.driver)
                raise
        except sqlite3.Error as error:
            self._fail_group(done, item, failed(error))
            return go_on
        # Subscribers first: who waits for the commit finds it heard of.
        for topic in dict.fromkeys(topics):
            for callback in self._subscribers.get(topic, ()):
                callback()
        for answer, value, problem in done:
            _set_answer(answer, value, problem)
        return go_on

    def _run_one(
        self, conn: SqliteConnection, item: tuple[Fn[Any], Future[Any]]
    ) -> tuple[Future[Any], Any, BaseException | None]:
        """One fn in its savepoint. An engine that lost the whole transaction raises; everything else is an answer."""
        fn, answer = item
        topics = notified_topics(conn)
        said = len(topics)
        conn.driver.execute("SAVEPOINT fn")
        try:
            value = fn(conn)
            conn.driver.execute("RELEASE fn")
        except BaseException as error:
            del topics[said:]
            if not conn.driver.in_transaction:
                raise sqlite3.OperationalError(f"the transaction was given up: {error}") from error
            conn.driver.execute("ROLLBACK TO fn")
            conn.driver.execute("RELEASE fn")
            if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
                return answer, None, failed(error)
            return answer, None, error
        return answer, value, None

    def _fail_group(
        self,
        done: list[tuple[Future[Any], Any, BaseException | None]],
        item: tuple[Fn[Any], Future[Any]] | None,
        error: BaseException,
    ) -> None:
        answers = [row[0] for row in done]
        if item is not None and item[1] not in answers:
            answers.append(item[1])
        for answer in answers:
            _set_answer(answer, None, error)


def _analyze(conn: Connection) -> None:
    """Statistics of every index, from a sample of each: the planner chooses by them."""
    conn.exec_driver_sql("PRAGMA analysis_limit=1000")
    conn.exec_driver_sql("ANALYZE")


def _set_answer(answer: Future[Any], value: Any, problem: BaseException | None) -> None:
    # A caller that went away cancelled its future; its write is committed all the same.
    if not answer.set_running_or_notify_cancel():
        return
    if problem is not None:
        answer.set_exception(problem)
    else:
        answer.set_result(value)
