"""Waits that end early. One timer serves many waits in a row: a timer for each takes longer than most of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Patience:
    """The waits of one task, one after the other. `close` it after the last."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: asyncio.Task[object] | None = None
        self._until = 0.0
        self._has_ended_it = False

    async def wait_for(self, awaitable: Awaitable[T], seconds: float) -> T:
        """Await something that is given up after so many seconds. Raises TimeoutError: it was, or `end_wait` called."""
        task = asyncio.current_task()
        assert task is not None
        others = task.cancelling()
        self._waiting = task
        self._end_at(self._loop.time() + seconds)
        try:
            return await awaitable
        except asyncio.CancelledError:
            if self._has_ended_it and task.uncancel() <= others:
                raise TimeoutError from None
            raise  # somebody else cancelled the task
        finally:
            self._waiting, self._has_ended_it = None, False

    def end_wait(self) -> None:
        """Give up now what is being waited for, if anything is."""
        if self._waiting is not None:
            self._end_at(self._loop.time())

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_at(self, until: float) -> None:
        """A timer that is early looks again; only one that would be late is replaced."""
        self._until = until
        if self._timer is None or self._timer.when() > until:
            self.close()
            self._timer = self._loop.call_at(until, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._waiting is None or self._has_ended_it:
            return  # the next wait has a timer again
        if self._loop.time() < self._until:
            self._timer = self._loop.call_at(self._until, self._look)
        else:
            self._has_ended_it = True
            self._waiting.cancel()
