"""PostgreSQL behind `Database`: one writer thread per process with group commit; writers of all processes take turns.

The writer takes what is waiting, up to 128 fns or 2 ms, into one transaction, and answers after its commit is on disk.
At its begin the transaction takes an advisory lock that lasts until it ends, so writes are serial among all processes
on the database, as they are with SQLite (docs/decisions/0015-postgresql-writers-take-turns.md). A group of quick ones
alone gives its turn to the next process while it reaches the disk (docs/decisions/0021).

An fn that raises after it wrote costs the group a second run, with a savepoint around each fn; most never do, and a
savepoint would take each of them two more round trips. Commits are told to the other processes by NOTIFY.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import psycopg

from collector.store.blobs_local import disk_errors
from collector.store.database import (
    Along,
    DatabaseFailed,
    Fn,
    ReadTooLong,
    ThreadRequired,
    notified_topics,
    quickly,
)
from collector.store.lock import Work, lock_folder
from collector.store.loop_turn import LoopTurns
from collector.store.postgres_driver import PostgresConnection, failed, is_conflict
from collector.store.postgres_readers import PostgresReaders
from collector.store.postgres_topics import TopicListener, announcements_of
from collector.store.private import private_folder
from collector.store.read_only import FIND, parsed
from collector.store.sql import Connection
from collector.store.write_queue import RunCarefully, Write, WriteDone, WriteGroup, WriteQueue, answer, refusing

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
# Whatever runs on the event loop does not wait for a lock of somebody else's session: it is run again in a thread.
_IMPATIENT = "SET LOCAL lock_timeout = '100ms'"
# Others may go on while a commit is on its way to the disk; a transaction behind it waits until both are there.
_LATER = "SET LOCAL synchronous_commit = off"
_ON_DISK = "SELECT pg_logical_emit_message(true, 'gleaner', '')"
BEGIN = ("BEGIN", f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")
HAS_STATE = "SELECT to_regclass('service_state') IS NOT NULL"


class _RunPatiently(Exception):
    """A lock of somebody else's session was in the way: the group has to be run again, in the writer's thread."""


class PostgresDatabase:
    """See `collector.store.database.Database` for the meaning of each method."""

    def __init__(
        self,
        address: str,
        data: Path,
        *,
        read_only: bool = False,
        first: Callable[[], None] | None = None,
        work: Work = "none",
    ) -> None:
        """`data`: the process's own folder, which it locks; `first` (the migrations) runs before anything else;
        `work`: whether this process does what only one may do, or several that can do it together.

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
        self._listener = TopicListener(address, self._call, work=work)
        try:
            with _driver_errors():
                if work != "none":
                    self._listener.start()
                if first is not None:
                    first()
        except BaseException:
            self._listener.close()
            if self._lock_fd is not None:
                os.close(self._lock_fd)
            raise
        self._waiting = WriteQueue(read_only=read_only)
        self._turns = LoopTurns()
        self._readers = PostgresReaders(address, READERS)
        self._long_readers = PostgresReaders(address, LONG_READERS, long=True)
        self._read_threads = ThreadPoolExecutor(READERS, thread_name_prefix="db-read")
        self._long_threads = ThreadPoolExecutor(LONG_READERS, thread_name_prefix="db-read-long")
        self._writes: PostgresConnection | None = None
        self._begin: tuple[str, ...] = BEGIN
        self._may_be_late = False
        self._writer: threading.Thread | None = None
        if not read_only:
            self._writer = threading.Thread(target=self._write_loop, name="db-write", daemon=True)
            self._writer.start()

    # ------------------------------------------------------------------ reading
    def read_sync(self, fn: Fn[T]) -> T:
        with _driver_errors():
            return self._readers.read(fn, ("BEGIN",))

    async def read(self, fn: Fn[T], *, quick: bool = False) -> T:
        if quick and self._readers.are_near:
            with contextlib.suppress(ThreadRequired, psycopg.errors.LockNotAvailable):
                return self._read_here(fn)
        return await asyncio.get_running_loop().run_in_executor(self._read_threads, self.read_sync, fn)

    def _read_here(self, fn: Fn[T]) -> T:
        """On the event loop. Raises also psycopg.errors.LockNotAvailable."""
        try:
            return self._readers.read(lambda conn: _quickly(conn, fn), ("BEGIN", _IMPATIENT))
        except psycopg.errors.LockNotAvailable:
            raise
        except psycopg.Error as error:
            raise failed(error) from error

    async def read_long(self, fn: Fn[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._long_threads, self._read_within, fn)

    def _read_within(self, fn: Fn[T]) -> T:
        try:
            with _driver_errors():
                begin = ("BEGIN", f"SET LOCAL statement_timeout = {int(MAX_READ_SECONDS * 1000)}")
                return self._long_readers.read(fn, begin, time.monotonic() + MAX_READ_SECONDS)
        except DatabaseFailed as error:
            if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
                raise ReadTooLong(f"This took longer than {MAX_READ_SECONDS:g} seconds and was stopped.") from error
            raise

    # ------------------------------------------------------------------ writing
    def write_sync(self, fn: Fn[T]) -> T:
        return self._waiting.write_sync(fn)

    async def write(self, fn: Fn[T], *, quick: bool = False, along: Along[T] | None = None) -> T:
        return await self._waiting.write(fn, quick=quick and self._readers.are_near, along=along)

    def maintain(self) -> None:
        # The server's own autovacuum does the rest.
        with _driver_errors(), contextlib.closing(PostgresConnection(self._address)) as conn:
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
        self._turns.end()
        if self._writer is not None:
            self._writer.join()
        self._listener.close()
        self._read_threads.shutdown(wait=True)
        self._long_threads.shutdown(wait=True)
        self._readers.close()
        self._long_readers.close()
        if self._lock_fd is not None:
            os.close(self._lock_fd)

    def _write_loop(self) -> None:
        go_on = True
        while go_on and (first := self._waiting.take()) is not None:
            group = WriteGroup(first, self._waiting, self._turns)
            try:
                done = self._commit(group)
            except psycopg.Error as error:
                done = group.failed(failed(error))
            answer([one for one in done if one.write.along is None])
            for one in done:
                if one.write.along is not None:
                    answer([self._with_read_along(one)])
            go_on = not group.met_end
        if self._writes is not None:
            self._writes.close()

    def _with_read_along(self, done: WriteDone) -> WriteDone:
        """After the commit, while the next process has its turn."""
        conn = self._writes
        if conn is None:
            return done
        found = done.read_along(conn)
        if found is done:
            _roll_back_quietly(conn)  # what it left of its statements
        return found

    def _commit(self, group: WriteGroup) -> list[WriteDone]:
        """One transaction over what is waiting; what its writes are answered.

        A conflict, or a connection that was lost before the commit was sent, is tried again: nothing has been done.
        Raises psycopg.Error.
        """
        careful = patient = False
        tries = 0
        while True:
            conn = self._connection_of_writer()
            try:
                done = _run_all(conn, group, self._begin, careful, patient)
            except (RunCarefully, _RunPatiently) as reason:
                careful = careful or isinstance(reason, RunCarefully)
                patient = patient or isinstance(reason, _RunPatiently)
                _roll_back_quietly(conn)
                continue
            except psycopg.Error as error:
                tries += 1
                _roll_back_quietly(conn)
                if tries == MAX_TRIES or not (is_conflict(error) or conn.is_lost()):
                    raise
                log.info("a group of writes is run again: %s", error)
                continue
            topics = list(dict.fromkeys(notified_topics(conn)))
            committing = time.perf_counter()
            try:
                said = announcements_of(self._listener.origin, topics)
                if self._may_be_late and group.is_quick():
                    conn.commit([_LATER, *said], [_ON_DISK])
                else:
                    conn.commit(said)
                self._observe_commit(len(done), time.perf_counter() - committing)
            except psycopg.Error:
                _roll_back_quietly(conn)
                raise
            # Subscribers first: who waits for the commit finds it heard of.
            self._call(topics)
            return done

    def _connection_of_writer(self) -> PostgresConnection:
        """The one there is, or a new one. Raises psycopg.Error."""
        if self._writes is not None and self._writes.is_lost():
            self._writes.close()
            self._writes = None
        if self._writes is None:
            self._writes = PostgresConnection(self._address, settings=_WRITER_SETTINGS)
            # In a statement of its own, after the lock: it finds what the process before has committed.
            self._begin = (*BEGIN, FIND) if self._writes.execute(HAS_STATE).scalar() else BEGIN
            self._may_be_late = _may_wait_for_disk(self._writes)
        return self._writes


def _run_all(
    conn: PostgresConnection, group: WriteGroup, begin: tuple[str, ...], careful: bool, patient: bool
) -> list[WriteDone]:
    """Begin a transaction and run every fn in it, unless rows are read-only; the commit is the caller's.

    Raises:
        RunCarefully, _RunPatiently, psycopg.Error: roll back.
    """
    notified_topics(conn).clear()
    found = conn.begin(*begin[: len(BEGIN)], *(() if patient else (_IMPATIENT,)), *begin[len(BEGIN) :])
    if found:
        return group.run(conn, refusing(parsed(found)), in_thread=True)
    try:
        done = group.run(conn, lambda write: _run_one(conn, write, careful, patient), in_thread=patient)
        conn.send_waiting()
    except psycopg.errors.LockNotAvailable as error:
        if patient:
            raise
        raise _RunPatiently from error
    except psycopg.Error as error:
        if careful or conn.is_lost() or is_conflict(error):
            raise
        raise RunCarefully from error
    return done


def _run_one(conn: PostgresConnection, write: Write, careful: bool, patient: bool) -> WriteDone:
    """One fn. A transaction that cannot go on raises; everything else is an answer."""
    topics = notified_topics(conn)
    said = len(topics)
    conn.has_written = False
    if careful:
        conn.exec_driver_sql("SAVEPOINT fn")
    try:
        value = _run_whole(conn, write.fn) if careful else write.fn(conn)
    except BaseException as error:
        del topics[said:]
        conn.lasting.clear()
        if conn.is_lost() or (isinstance(error, psycopg.Error) and is_conflict(error)):
            raise
        if isinstance(error, psycopg.errors.LockNotAvailable) and not patient:
            raise
        if careful:
            conn.exec_driver_sql("ROLLBACK TO fn; RELEASE fn")
        elif conn.has_written or not conn.is_in_transaction():
            raise RunCarefully from error
        if isinstance(error, psycopg.Error) and not isinstance(error, psycopg.IntegrityError):
            error = failed(error)
        return WriteDone(write, problem=error)
    return WriteDone(write, value)


def _run_whole(conn: PostgresConnection, fn: Fn[T]) -> T:
    """With a savepoint: all its statements are run, also where it raises; of what goes wrong the first is raised."""
    try:
        value = fn(conn)
    finally:
        conn.send_waiting()
    conn.exec_driver_sql("RELEASE fn")
    return value


def _quickly(conn: Connection, fn: Fn[T]) -> T:
    with quickly(conn):
        return fn(conn)


def _may_wait_for_disk(conn: PostgresConnection) -> bool:
    """Whether this user of the server may run what waits until commits are on disk. Raises psycopg.Error."""
    try:
        conn.execute(_ON_DISK)
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def write_once(address: str, fn: Fn[T]) -> T:
    """One transaction on a connection of its own, in its turn. Raises DatabaseFailed, and what `fn` raises."""
    with _driver_errors(), contextlib.closing(PostgresConnection(address, settings=_WRITER_SETTINGS)) as conn:
        conn.begin(*BEGIN)
        value = fn(conn)
        conn.send_waiting()
        conn.commit()
        return value


@contextlib.contextmanager
def _driver_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise failed(error) from error


def _roll_back_quietly(conn: PostgresConnection) -> None:
    with contextlib.suppress(psycopg.Error):
        conn.roll_back()
