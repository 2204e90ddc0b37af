"""The tasks that people have open, as they were shown them: what a submit is compared with, read once.

After a restart, or on another process than the one that showed it, a task is read again, which finds the same: its
lease says which pre-labels the person saw (task_detail.py).
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from collector.review.task_detail import TaskDetail
from wire.labels import Track

MAX_TASKS = 1024
MAX_LABELS = 1000  # and keyframes: a task with more is read again


class ShownTasks:
    """By task and fence, the newest MAX_TASKS. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._details: OrderedDict[tuple[str, int], TaskDetail] = OrderedDict()

    def add(self, detail: TaskDetail) -> None:
        """The task as its newest lease shows it."""
        labels = [label for document in detail.prelabels for label in document.labels]
        if sum(len(label.keyframes) if isinstance(label, Track) else 1 for label in labels) > MAX_LABELS:
            return
        with self._lock:
            self._details[detail.id, detail.fence] = detail
            if len(self._details) > MAX_TASKS:
                self._details.popitem(last=False)

    def find(self, task: str, fence: int) -> TaskDetail | None:
        """As it was shown with this lease; None where that is not known here."""
        with self._lock:
            return self._details.get((task, fence))

    def drop(self, task: str, fence: int) -> None:
        with self._lock:
            self._details.pop((task, fence), None)
