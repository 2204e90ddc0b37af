"""A thread's turn on an event loop: a function that runs there while the thread waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

LOOK_SECONDS = 0.05


class LoopTurns:
    """Turns of one thread. `end` may be called from any thread, that of the loop included."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turn: _Turn | None = None
        self._has_ended = False

    def take(self, loop: asyncio.AbstractEventLoop, fn: Callable[[], None]) -> None:
        """Run `fn` on the loop and return after it; where no loop runs any more, run it here. Raises what it raises."""
        turn = _Turn(fn)
        with self._lock:
            self._turn = turn
            is_late = self._has_ended
        try:
            loop.call_soon_threadsafe(turn.run)
        except RuntimeError:  # the loop is closed
            is_late = True
        while not turn.done.wait(0 if is_late else LOOK_SECONDS):
            is_late = is_late or not loop.is_running()
            if is_late:
                turn.run()
        if turn.problem is not None:
            raise turn.problem

    def end(self) -> None:
        """From now on turns are run where they are taken: the loop may be waiting for the thread to end."""
        with self._lock:
            self._has_ended = True
            turn = self._turn
        if turn is not None:
            turn.run()


class _Turn:
    """A function that runs once, whoever comes first."""

    def __init__(self, fn: Callable[[], None]) -> None:
        self._fn = fn
        self._claim = threading.Lock()
        self.done = threading.Event()
        self.problem: BaseException | None = None

    def run(self) -> None:
        if not self._claim.acquire(blocking=False):
            return
        try:
            self._fn()
        except BaseException as problem:  # noqa: BLE001 it is raised where the turn was taken
            self.problem = problem
        finally:
            self.done.set()
