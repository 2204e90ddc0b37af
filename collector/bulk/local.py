"""Bulk work in processes of this machine, with the least claim to its processors."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from typing import Any

from collector.bulk.engine import EngineClosed, Request
from prelabel.labelling.worker import BULK_NICENESS, Worker, WorkerStopped, WorkFailed

WORK = "collector.bulk.batch:do_batch"
NO_LIMIT_SECONDS = 86_400.0  # each item has one of its own


class LocalEngine:
    """So many worker processes, each with a thread that hands it one batch after the other (see `BulkEngine`).

    Args:
        preload: modules that each process imports before its first batch.
        memory_bytes: the most that one process may use; None: no limit.
    """

    def __init__(self, processes: int, preload: Sequence[str] = (), memory_bytes: int | None = None) -> None:
        self._requests: queue.Queue[tuple[int, Request] | None] = queue.Queue()
        self._answers: queue.Queue[tuple[int, dict[str, Any] | None] | None] = queue.Queue()
        self._closed = threading.Event()
        self._workers = [Worker(preload, memory_bytes=memory_bytes, niceness=BULK_NICENESS) for _ in range(processes)]
        self._threads = [
            threading.Thread(target=self._serve, args=(worker,), name=f"bulk-{number}", daemon=True)
            for number, worker in enumerate(self._workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def slots(self) -> int:
        return len(self._workers)

    def send(self, number: int, request: Request) -> None:
        self._requests.put((number, request))

    def receive(self, seconds: float) -> list[tuple[int, dict[str, Any] | None]]:
        found = []
        try:
            answer = self._answers.get(timeout=seconds)
            while answer is not None:
                found.append(answer)
                answer = self._answers.get_nowait()
        except queue.Empty:
            pass
        if self._closed.is_set():
            raise EngineClosed("The work was ended.")
        return found

    def close(self) -> None:
        self._closed.set()
        for worker in self._workers:
            worker.stop()
        for _ in self._threads:
            self._requests.put(None)
        self._answers.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self, worker: Worker) -> None:
        while not self._closed.is_set():
            given = self._requests.get()
            if given is None:
                return
            number, request = given
            try:
                answer = worker.run(WORK, request, NO_LIMIT_SECONDS)
            except WorkerStopped:
                return
            except WorkFailed:
                self._answers.put((number, None))
                continue
            self._answers.put((number, answer))
