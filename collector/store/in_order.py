"""Work on one thing, such as an open file, that threads of a pool do in the order in which it was asked for."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

TURN = 16  # pieces of work, then it is the turn of another thing that waits for a thread


class InOrder:
    """A thread stays at it while more is waiting: to wake one for every piece takes longer than many a piece does."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads
        self._guard = threading.Lock()
        self._waiting: deque[tuple[Callable[[], None], Future[None]]] = deque()
        self._has_thread = False

    def begin(self, work: Callable[[], None]) -> Future[None]:
        """Have it done after everything that was asked for before; what it raises is the future's."""
        done: Future[None] = Future()
        with self._guard:
            self._waiting.append((work, done))
            if self._has_thread:
                return done
            self._has_thread = True
        self._threads.submit(self._run)
        return done

    def _run(self) -> None:
        while True:
            for _ in range(TURN):
                with self._guard:
                    if not self._waiting:
                        self._has_thread = False
                        return
                    work, done = self._waiting.popleft()
                _do(work, done)
            with contextlib.suppress(RuntimeError):  # the pool is closing: it ends here
                self._threads.submit(self._run)
                return


def _do(work: Callable[[], None], done: Future[None]) -> None:
    try:
        work()
    except BaseException as problem:  # noqa: BLE001 it is raised where its end is waited for
        done.set_exception(problem)
    else:
        done.set_result(None)
