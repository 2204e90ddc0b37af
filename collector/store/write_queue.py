"""The writes that wait for the one thread that does them, and the group of them that shares a transaction. For engines.

Quick writes run on the event loop, between the writer's BEGIN and its COMMIT, which may both wait and therefore stay in
its thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

from collector.store.database import Along, DatabaseFailed, Fn, ThreadRequired, quickly
from collector.store.loop_turn import LoopTurns
from collector.store.read_only import ReadOnly, refusal
from collector.store.sql import Connection

log = logging.getLogger("gleaner.store")
T = TypeVar("T")
GROUP_FNS = 128  # of one transaction
GROUP_SECONDS = 0.002  # for so long a transaction takes in more of them
QUICK_GROUP_SECONDS = 0.02  # of fns on the event loop, which answers nobody meanwhile


class Write(NamedTuple):
    """A write that waits. `along`: what is read for its answer; `loop`: where a quick one runs, and is awaited."""

    fn: Fn[Any]
    answer: Future[Any] | asyncio.Future[Any]
    along: Along[Any] | None = None
    loop: asyncio.AbstractEventLoop | None = None


class RunCarefully(Exception):
    """An fn raised after it had written: its group has to be run again, with a savepoint around each fn."""


class WriteDone(NamedTuple):
    """What a write is answered."""

    write: Write
    value: Any = None
    problem: BaseException | None = None

    def read_along(self, conn: Connection) -> WriteDone:
        """With what is read for the answer; as it is where nothing is, where that would take long, and where it fails:
        the write is good, and whoever asked for it reads again.
        """
        if self.write.along is None or self.problem is not None:
            return self
        try:
            with quickly(conn):
                return self._replace(value=self.write.along(conn, self.value))
        except ThreadRequired:
            return self
        except Exception:
            log.info("what belongs to an answer could not be read along", exc_info=True)
            return self


RunOne = Callable[[Write], WriteDone]


class WriteQueue:
    """Every method but `take` and `take_waiting`, which are the writer's, may be called from any thread."""

    def __init__(self, *, read_only: bool) -> None:
        self._read_only = read_only
        self._waiting: queue.SimpleQueue[Write | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_closed = False

    def write_sync(self, fn: Fn[T]) -> T:
        """Raises DatabaseFailed, and what `fn` raises."""
        return self._put(fn).result()

    async def write(self, fn: Fn[T], *, quick: bool, along: Along[T] | None) -> T:
        """Raises DatabaseFailed, and what `fn` raises."""
        if quick:
            loop = asyncio.get_running_loop()
            here: asyncio.Future[T] = loop.create_future()
            self.put(Write(fn, here, along, loop))
            with contextlib.suppress(ThreadRequired):
                return await here
        return await asyncio.wrap_future(self._put(fn, along))

    def _put(self, fn: Fn[T], along: Along[T] | None = None) -> Future[T]:
        answer: Future[T] = Future()
        self.put(Write(fn, answer, along))
        return answer

    def put(self, write: Write) -> None:
        """Raises DatabaseFailed: the database is closed, or open for reading only."""
        with self._lock:
            if self._is_closed or self._read_only:
                word = "closed" if self._is_closed else "open for reading only"
                raise DatabaseFailed(f"The database is {word}.", hint="Use the running service instead.")
            self._waiting.put(write)

    def close(self) -> bool:
        """Take no more; the writer finds the end after what was taken. False: it was closed before."""
        with self._lock:
            if self._is_closed:
                return False
            self._is_closed = True
            self._waiting.put(None)
            return True

    def take(self) -> Write | None:
        """The next one, waited for; None: the end."""
        return self._waiting.get()

    def take_waiting(self) -> Write | None:
        """The next one of those that wait; None: the end. Raises queue.Empty: none waits."""
        return self._waiting.get_nowait()


class WriteGroup:
    """The writes of one transaction. It may be run several times; those it has taken stay.

    `met_end`: the queue was closed behind the last of them.
    """

    def __init__(self, first: Write, waiting: WriteQueue, turns: LoopTurns) -> None:
        self._writes = [first]
        self._waiting = waiting
        self._turns = turns
        self.met_end = False

    def run(self, conn: Connection, run_one: RunOne, *, in_thread: bool = False) -> list[WriteDone]:
        """Run every write that was taken, and those that come meanwhile; what `run_one` raises ends it.

        Args:
            in_thread: quick ones as well.
        """
        began, done = time.monotonic(), list[WriteDone]()
        while len(done) < len(self._writes):
            loop = self._writes[len(done)].loop
            if loop is None or in_thread:
                self._run_some(run_one, done, began + GROUP_SECONDS)
            else:
                self._turns.take(loop, lambda: self._run_quickly(conn, run_one, done, began + QUICK_GROUP_SECONDS))
        return done

    def _run_quickly(self, conn: Connection, run_one: RunOne, done: list[WriteDone], young_until: float) -> None:
        """On the event loop."""
        with quickly(conn):
            self._run_some(run_one, done, young_until)

    def _run_some(self, run_one: RunOne, done: list[WriteDone], young_until: float) -> None:
        """The next write and those behind it that belong to the same thread; more are taken as long as it is young."""
        loop = self._writes[len(done)].loop
        while len(done) < len(self._writes) and self._writes[len(done)].loop is loop:
            done.append(run_one(self._writes[len(done)]))
            is_full = len(done) >= GROUP_FNS or time.monotonic() > young_until
            if len(done) == len(self._writes) and not is_full:
                self._take_another()

    def _take_another(self) -> None:
        if self.met_end:
            return
        with contextlib.suppress(queue.Empty):
            write = self._waiting.take_waiting()
            if write is None:
                self.met_end = True
            else:
                self._writes.append(write)

    def is_quick(self) -> bool:
        """Whether every write that was taken is a quick one."""
        return all(write.loop is not None for write in self._writes)

    def failed(self, problem: BaseException) -> list[WriteDone]:
        """All that were taken, with the error that the engine gave up the transaction with."""
        return [WriteDone(write, problem=problem) for write in self._writes]


def refusing(state: ReadOnly) -> RunOne:
    """What is done with each write while rows are read-only."""
    return lambda write: WriteDone(write, problem=refusal(state))


def answer(done: Sequence[WriteDone]) -> None:
    """Answer everybody who waits: on a loop with one call for all of them."""
    by_loop: dict[asyncio.AbstractEventLoop, list[WriteDone]] = {}
    for one in done:
        if one.write.loop is None:
            _set_answer(one)
        else:
            by_loop.setdefault(one.write.loop, []).append(one)
    for loop, some in by_loop.items():
        # A loop that is closed has nobody waiting.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_set_answers, some)


def _set_answers(some: list[WriteDone]) -> None:
    for one in some:
        _set_answer(one)


def _set_answer(done: WriteDone) -> None:
    waiting = done.write.answer
    # A caller that went away cancelled its future; its write is committed all the same.
    if waiting.cancelled() or (isinstance(waiting, Future) and not waiting.set_running_or_notify_cancel()):
        return
    if done.problem is not None:
        waiting.set_exception(done.problem)
    else:
        waiting.set_result(done.value)
