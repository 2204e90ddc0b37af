"""PostgreSQL behind `Database`: one writer thread per process with group commit; writers of all processes take turns.

The writer takes what is waiting, up to 128 fns or 2 ms, into one transaction, and answers after its commit is on disk.
At its begin the transaction takes an advisory lock that lasts until it ends, so writes are serial among all processes
on the database, as they are with SQLite (docs/decisions/0015-postgresql-writers-take-turns.md).

An fn that raises after it wrote costs the group a second run, with a savepoint around each fn; most never do, and a
savepoint would take each of them two more round trips. Commits are told to the other processes by NOTIFY.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from collector.store.blobs_local import disk_errors
from collector.store.database import DatabaseFailed, Fn, ReadTooLong, notified_topics
from collector.store.lock import lock_folder
from collector.store.postgres_driver import PostgresConnection, failed, is_conflict
from collector.store.postgres_topics import TopicListener, announcement_of
from collector.store.private import private_folder
from collector.store.write_queue import GROUP_FNS, GROUP_SECONDS, WriteQueue

log = logging.getLogger("gleaner.store")
T = TypeVar("T")
READERS = 4
LONG_READERS = 2
MAX_READ_SECONDS = 30.0
MAX_TRIES = 5
WRITERS_LOCK = 0x676C65616E6572  # any number; the same in every process
# A process that hangs in the middle of a transaction loses it before the others give up waiting.
_WRITER_SETTINGS = (
    "SET lock_timeout = '20s'; SET idle_in_transaction_session_timeout = '15s';"
    # What is answered is on disk, whatever the server's own default is.
    " SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)
_READER_SETTINGS = (
    "SET default_transaction_isolation = 'repeatable read'; SET default_transaction_read_only = on;"
    " SET idle_in_transaction_session_timeout = '10min'"
)
BEGIN = f"BEGIN; SELECT pg_advisory_xact_lock({WRITERS_LOCK})"

Item = tuple[Fn[Any], Future[Any]]
Answer = tuple[Future[Any], Any, BaseException | None]


class _RunCarefully(Exception):
    """An fn raised after it had written: the group has to be run again, with savepoints."""


class PostgresDatabase:
    """See `collector.store.database.Database` for the meaning of each method."""

    def __init__(
        self,
        address: str,
        data: Path,
        *,
        read_only: bool = False,
        first: Callable[[], None] | None = None,
        sole: bool = False,
    ) -> None:
        """`data`: the process's own folder, which it locks; `first` (the migrations) runs before anything else;
        `sole`: no other process that is opens the database meanwhile.

        Raises:
            DataInUse, DatabaseFailed, StorageUnusable, and what `first` raises.
        """
        self._address = address
        self._lock_fd: int | None = None
        if not read_only:
            with disk_errors("The data folder cannot be used"):
                private_folder(data)
                self._lock_fd = lock_folder(data)
        self._subscribers: dict[str, list[Callable[[], None]]] = {}
        self._observe_commit: Callable[[int, float], None] = lambda _writes, _seconds: None
        self._listener = TopicListener(address, self._call, sole=sole)
        try:
            with _driver_errors():
                if sole:
                    self._listener.start()
                if first is not None:
                    first()
        except BaseException:
            self._listener.close()
            if self._lock_fd is not None:
                os.close(self._lock_fd)
            raise
        self._waiting: WriteQueue[Item] = WriteQueue(read_only=read_only)
        self._idle: queue.LifoQueue[PostgresConnection] = queue.LifoQueue(READERS + LONG_READERS)
        self._read_threads = ThreadPoolExecutor(READERS, thread_name_prefix="db-read")
        self._long_threads = ThreadPoolExecutor(LONG_READERS, thread_name_prefix="db-read-long")
        self._writes: PostgresConnection | None = None
        self._writer: threading.Thread | None = None
        if not read_only:
            self._writer = threading.Thread(target=self._write_loop, name="db-write", daemon=True)
            self._writer.start()

    # ------------------------------------------------------------------ reading
    def read_sync(self, fn: Fn[T]) -> T:
        with _driver_errors():
            return self._read(fn, "BEGIN", None)

    # A server may take its time: quick fns run in threads as well.
    async def read(self, fn: Fn[T], *, quick: bool = False) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._read_threads, self.read_sync, fn)

    async def read_long(self, fn: Fn[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._long_threads, self._read_within, fn)

    def _read_within(self, fn: Fn[T]) -> T:
        try:
            with _driver_errors():
                begin = f"BEGIN; SET LOCAL statement_timeout = {int(MAX_READ_SECONDS * 1000)}"
                return self._read(fn, begin, time.monotonic() + MAX_READ_SECONDS)
        except DatabaseFailed as error:
            if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
                raise ReadTooLong(f"This took longer than {MAX_READ_SECONDS:g} seconds and was stopped.") from error
            raise

    def _read(self, fn: Fn[T], begin: str, deadline: float | None) -> T:
        """On one connection; once more on a new one where the server had closed an idle one."""
        conn = self._reader()
        try:
            return _read_on(conn, fn, begin, deadline)
        except psycopg.Error:
            if not conn.is_lost():
                raise
        finally:
            self._put_back(conn)
        conn = self._connected(_READER_SETTINGS)
        try:
            return _read_on(conn, fn, begin, deadline)
        finally:
            self._put_back(conn)

    def _reader(self) -> PostgresConnection:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return self._connected(_READER_SETTINGS)

    def _put_back(self, conn: PostgresConnection) -> None:
        try:
            conn.deadline = None
            conn.roll_back()
            self._idle.put_nowait(conn)
        except (psycopg.Error, queue.Full):
            conn.close()

    def _connected(self, settings: str) -> PostgresConnection:
        return PostgresConnection(self._address, settings=settings)

    # ------------------------------------------------------------------ writing
    def write_sync(self, fn: Fn[T]) -> T:
        return self._accept(fn).result()

    async def write(self, fn: Fn[T], *, quick: bool = False) -> T:
        return await asyncio.wrap_future(self._accept(fn))

    def maintain(self) -> None:
        # The server's own autovacuum does the rest.
        with _driver_errors(), contextlib.closing(self._connected("")) as conn:
            conn.exec_driver_sql("ANALYZE")

    def subscribe(self, topic: str, callback: Callable[[], None]) -> None:
        self._subscribers.setdefault(topic, []).append(callback)
        with _driver_errors():
            self._listener.start()

    def _call(self, topics: list[str] | None) -> None:
        """Call the subscribers of topics, or all."""
        for topic in list(self._subscribers) if topics is None else topics:
            for callback in self._subscribers.get(topic, ()):
                callback()

    def observe_commits(self, observe: Callable[[int, float], None]) -> None:
        self._observe_commit = observe

    def close(self) -> None:
        if not self._waiting.close():
            return
        if self._writer is not None:
            self._writer.join()
        self._listener.close()
        self._read_threads.shutdown(wait=True)
        self._long_threads.shutdown(wait=True)
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()
        if self._lock_fd is not None:
            os.close(self._lock_fd)

    def _accept(self, fn: Fn[T]) -> Future[T]:
        answer: Future[T] = Future()
        self._waiting.put((fn, answer))
        return answer

    def _write_loop(self) -> None:
        go_on = True
        while go_on and (first := self._waiting.take()) is not None:
            group = _SharedTransaction(first, self._waiting)
            try:
                self._commit(group)
            except psycopg.Error as error:
                group.fail(failed(error))
            go_on = not group.met_end
        if self._writes is not None:
            self._writes.close()

    def _commit(self, group: _SharedTransaction) -> None:
        """Commit a group and answer it.

        A conflict, or a connection that was lost before the commit was sent, is tried again: nothing has been done.
        Raises psycopg.Error.
        """
        careful = False
        for attempt in range(MAX_TRIES):
            conn = self._connection_of_writer()
            try:
                done = group.run(conn, careful)
            except _RunCarefully:
                careful = True
                _roll_back_quietly(conn)
                continue
            except psycopg.Error as error:
                _roll_back_quietly(conn)
                if attempt == MAX_TRIES - 1 or not (is_conflict(error) or conn.is_lost()):
                    raise
                log.info("a group of writes is run again: %s", error)
                continue
            topics = list(dict.fromkeys(notified_topics(conn)))
            committing = time.perf_counter()
            try:
                conn.commit(f"{announcement_of(self._listener.origin, topics)}COMMIT")
                self._observe_commit(len(done), time.perf_counter() - committing)
            except psycopg.Error:
                _roll_back_quietly(conn)
                raise
            # Subscribers first: who waits for the commit finds it heard of.
            self._call(topics)
            group.answer(done)
            return

    def _connection_of_writer(self) -> PostgresConnection:
        """The one there is, or a new one. Raises psycopg.Error."""
        if self._writes is not None and self._writes.is_lost():
            self._writes.close()
            self._writes = None
        self._writes = self._writes or self._connected(_WRITER_SETTINGS)
        return self._writes


class _SharedTransaction:
    """The fns of one transaction. It may be run several times; those it has taken stay."""

    def __init__(self, first: Item, waiting: WriteQueue[Item]) -> None:
        self._items = [first]
        self._source = waiting
        self.met_end = False

    def run(self, conn: PostgresConnection, careful: bool) -> list[Answer]:
        """Begin a transaction and run every fn in it; the commit is the caller's.

        Raises:
            _RunCarefully, psycopg.Error: roll back.
        """
        notified_topics(conn).clear()
        conn.begin(BEGIN)
        began = time.monotonic()
        done: list[Answer] = []
        while len(done) < len(self._items):
            done.append(_run_one(conn, self._items[len(done)], careful))
            if len(done) == len(self._items):
                self._take_another(began)
        return done

    def _take_another(self, began: float) -> None:
        if self.met_end or len(self._items) >= GROUP_FNS or time.monotonic() - began > GROUP_SECONDS:
            return
        with contextlib.suppress(queue.Empty):
            item = self._source.take_waiting()
            if item is None:
                self.met_end = True
            else:
                self._items.append(item)

    def answer(self, done: list[Answer]) -> None:
        for future, value, problem in done:
            # A caller that went away cancelled its future; its write is committed all the same.
            if future.set_running_or_notify_cancel():
                if problem is None:
                    future.set_result(value)
                else:
                    future.set_exception(problem)

    def fail(self, problem: BaseException) -> None:
        self.answer([(future, None, problem) for _, future in self._items])


def _run_one(conn: PostgresConnection, item: Item, careful: bool) -> Answer:
    """One fn. A transaction that cannot go on raises; everything else is an answer."""
    fn, future = item
    topics = notified_topics(conn)
    said = len(topics)
    conn.has_written = False
    if careful:
        conn.begin("SAVEPOINT fn")
    try:
        value = fn(conn)
        if careful:
            conn.begin("RELEASE fn")
    except BaseException as error:
        del topics[said:]
        if conn.is_lost() or (isinstance(error, psycopg.Error) and is_conflict(error)):
            raise
        if careful:
            conn.begin("ROLLBACK TO fn; RELEASE fn")
        elif conn.has_written or not conn.is_in_transaction():
            raise _RunCarefully from error
        if isinstance(error, psycopg.Error) and not isinstance(error, psycopg.IntegrityError):
            return future, None, failed(error)
        return future, None, error
    return future, value, None


def _read_on(conn: PostgresConnection, fn: Fn[T], begin: str, deadline: float | None) -> T:
    """In a transaction of its own: everything read is of one moment. Raises psycopg.Error."""
    conn.deadline = deadline
    conn.begin(begin)
    return fn(conn)


@contextlib.contextmanager
def _driver_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise failed(error) from error


def _roll_back_quietly(conn: PostgresConnection) -> None:
    with contextlib.suppress(psycopg.Error):
        conn.roll_back()
