"""The writes that wait for the one thread that does them, in the order in which they came. For engines."""

from __future__ import annotations

import queue
import threading
from typing import Generic, TypeVar

from collector.store.database import DatabaseFailed

Write = TypeVar("Write")
GROUP_FNS = 128  # of one transaction
GROUP_SECONDS = 0.002  # for so long a transaction takes in more of them


class WriteQueue(Generic[Write]):
    """Every method but `take` and `take_waiting`, which are the writer's, may be called from any thread."""

    def __init__(self, *, read_only: bool) -> None:
        self._read_only = read_only
        self._waiting: queue.SimpleQueue[Write | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_closed = False

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
