"""One lock over what the spool knows, and a number that rises with every change, for those who wait."""

from __future__ import annotations

import threading
from types import TracebackType


class ChangeSignal:
    def __init__(self) -> None:
        self._condition = threading.Condition(threading.RLock())
        self._number = 0

    def __enter__(self) -> None:
        self._condition.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._condition.release()

    @property
    def number(self) -> int:
        return self._number

    def notify(self) -> None:
        with self._condition:
            self._number += 1
            self._condition.notify_all()

    def wait(self, timeout: float, since: int | None = None) -> int:
        """The number of the newest change, once it is above `since` (None: above now's) or time is up."""
        with self._condition:
            start = self._number if since is None else since
            self._condition.wait_for(lambda: self._number > start, max(0.0, timeout))
            return self._number
