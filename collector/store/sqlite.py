"""SQLite behind `Database`: one writer thread with group commit, separate read-only connections.

One process at a time writes (an exclusive lock on the data folder). The writer takes what is waiting, up to 128 fns or
2 ms, into one BEGIN IMMEDIATE … COMMIT with a savepoint around each fn, and answers after the commit is on disk
(WAL, synchronous=FULL). IMMEDIATE is compulsory: a read that turns into a write gets SQLITE_BUSY whatever the timeout.
Statements go to sqlite3's own cursors, which keep them prepared by their text.

Quick fns run on the event loop: reads at once, writes in the group's transaction, between the writer's BEGIN and its
COMMIT, which may both wait and therefore stay in its thread.
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
from typing import Any, NamedTuple, TypeVar

from collector.store.blobs_local import disk_errors
from collector.store.database import Fn, ReadTooLong, ThreadRequired, notified_topics, quickly
from collector.store.lock import lock_folder
from collector.store.loop_turn import LoopTurns
from collector.store.private import private_database, private_folder
from collector.store.sql import Connection
from collector.store.sqlite_driver import Readers, SqliteConnection, connect, failed, interrupted_after, roll_back
from collector.store.write_queue import GROUP_FNS, GROUP_SECONDS, WriteQueue

T = TypeVar("T")
QUICK_GROUP_SECONDS = 0.02  # of fns on the event loop, which answers nobody meanwhile
READERS = 2  # only one thread runs Python at a time: more of them take turns with each other
LONG_READERS = 2
MAX_READ_SECONDS = 30.0


class _Write(NamedTuple):
    """A write that waits. `loop`: where a quick one runs, and its answer is awaited."""

    fn: Fn[Any]
    answer: Future[Any] | asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop | None = None


class _Done(NamedTuple):
    write: _Write
    value: Any = None
    problem: BaseException | None = None


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
        self._waiting: WriteQueue[_Write] = WriteQueue(read_only=read_only)
        self._turns = LoopTurns()
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
        answer: Future[T] = Future()
        self._waiting.put(_Write(fn, answer))
        return answer.result()

    async def write(self, fn: Fn[T], *, quick: bool = False) -> T:
        loop = asyncio.get_running_loop()
        if quick:
            with contextlib.suppress(ThreadRequired):
                here: asyncio.Future[T] = loop.create_future()
                self._waiting.put(_Write(fn, here, loop))
                return await here
        answer: Future[T] = Future()
        self._waiting.put(_Write(fn, answer))
        return await asyncio.wrap_future(answer)

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
        if not self._waiting.close():
            return
        self._turns.end()
        if self._writer is not None:
            self._writer.join()
        self._read_threads.shutdown(wait=True)
        self._long_threads.shutdown(wait=True)
        self._readers.close()
        if self._lock_fd is not None:
            os.close(self._lock_fd)

    def _write_loop(self) -> None:
        conn: SqliteConnection | None = None
        try:
            while (first := self._waiting.take()) is not None:
                try:
                    conn = conn or SqliteConnection(self.path)
                except sqlite3.Error as error:
                    _answer([_Done(first, problem=failed(error))])
                    continue
                if not self._commit_group(conn, first):
                    return
        finally:
            if conn is not None:
                conn.driver.close()

    def _commit_group(self, conn: SqliteConnection, first: _Write) -> bool:
        """One transaction over what is waiting. False when the closing mark was met."""
        group = _Group(conn, self._waiting, first)
        topics = notified_topics(conn)
        topics.clear()
        try:
            conn.driver.execute("BEGIN IMMEDIATE")
            try:
                while group.next is not None:
                    if group.next.loop is None:
                        group.run(GROUP_SECONDS)
                    else:
                        self._turns.take(group.next.loop, group.run_quickly)
                committing = time.perf_counter()
                conn.driver.execute("COMMIT")
                self._observe_commit(len(group.done), time.perf_counter() - committing)
            except BaseException:
                roll_back(conn.driver)
                raise
        except sqlite3.Error as error:
            _answer(group.failed(failed(error)))
            return not group.is_last
        # Subscribers first: who waits for the commit finds it heard of.
        for topic in dict.fromkeys(topics):
            for callback in self._subscribers.get(topic, ()):
                callback()
        _answer(group.done)
        return not group.is_last


class _Group:
    """The writes of one transaction: `next` is the one to run, None when no more are taken."""

    def __init__(self, conn: SqliteConnection, waiting: WriteQueue[_Write], first: _Write) -> None:
        self._conn, self._waiting, self._began = conn, waiting, time.monotonic()
        self.next: _Write | None = first
        self.done: list[_Done] = []
        self.is_last = False

    def run_quickly(self) -> None:
        """On the event loop."""
        with quickly(self._conn):
            self.run(QUICK_GROUP_SECONDS)

    def run(self, seconds: float) -> None:
        """Run `next` and those behind it that belong to the same thread, as long as the group is so young."""
        loop = self.next and self.next.loop
        while self.next is not None and self.next.loop is loop:
            self.done.append(self._run_one(self.next))
            is_full = len(self.done) >= GROUP_FNS or time.monotonic() - self._began > seconds
            self.next = None if is_full else self._take_one()

    def failed(self, error: BaseException) -> list[_Done]:
        """All that were taken, with the error that the engine gave up the transaction with."""
        writes = [done.write for done in self.done]
        if self.next is not None:
            writes.append(self.next)
        return [_Done(write, problem=error) for write in writes]

    def _take_one(self) -> _Write | None:
        try:
            write = self._waiting.take_waiting()
        except queue.Empty:
            return None
        self.is_last = write is None
        return write

    def _run_one(self, write: _Write) -> _Done:
        """One fn in its savepoint. An engine that lost the whole transaction raises; everything else is an answer."""
        conn = self._conn
        topics = notified_topics(conn)
        said = len(topics)
        conn.driver.execute("SAVEPOINT fn")
        try:
            value = write.fn(conn)
            conn.driver.execute("RELEASE fn")
        except BaseException as error:
            del topics[said:]
            if not conn.driver.in_transaction:
                raise sqlite3.OperationalError(f"the transaction was given up: {error}") from error
            conn.driver.execute("ROLLBACK TO fn")
            conn.driver.execute("RELEASE fn")
            if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
                error = failed(error)
            return _Done(write, problem=error)
        return _Done(write, value)


def _answer(done: list[_Done]) -> None:
    """Tell everybody who waits: on a loop with one call for all of them."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Done]] = {}
    for one in done:
        if one.write.loop is None:
            _set_answer(one)
        else:
            by_loop.setdefault(one.write.loop, []).append(one)
    for loop, some in by_loop.items():
        # A loop that is closed has nobody waiting.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_set_answers, some)


def _set_answers(some: list[_Done]) -> None:
    for one in some:
        _set_answer(one)


def _set_answer(done: _Done) -> None:
    answer = done.write.answer
    # A caller that went away cancelled its future; its write is committed all the same.
    if answer.cancelled() or (isinstance(answer, Future) and not answer.set_running_or_notify_cancel()):
        return
    if done.problem is not None:
        answer.set_exception(done.problem)
    else:
        answer.set_result(done.value)


def _analyze(conn: Connection) -> None:
    """Statistics of every index, from a sample of each: the planner chooses by them."""
    conn.exec_driver_sql("PRAGMA analysis_limit=1000")
    conn.exec_driver_sql("ANALYZE")
