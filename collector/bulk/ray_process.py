"""The process that speaks to a Ray cluster for the collector: Ray ends a program that loses its cluster.

JSON lines: the first one in is what to do (`RayEngine`), then `{"number", "request"}` for each batch; out come
`{"slots"}`, `{"number", "answer"}` and, before the end, `{"failed": {message, hint}}`. It ends when its input does.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import sys
import threading
import time
from typing import IO, Any

import ray
from ray.exceptions import RayError, RayTaskError

from collector.bulk.batch import VERSION_HINT, all_unable
from collector.bulk.ray_node import do_on_node
from prelabel.labelling.model_files import model_files
from wire.errors import GleanerError
from wire.parent import end_with_parent
from wire.version import installed_version

log = logging.getLogger("gleaner.bulk")
WAIT_SECONDS = 0.05
LOOK_SECONDS = 2.0
_Line = dict[str, Any]


class RayProcess:
    """One connection to a cluster. Everything but reading its input is done by the main thread."""

    def __init__(self, settings: _Line, answers: IO[bytes]) -> None:
        self._answers = answers
        self._processes: int | None = settings["processes"]
        self._running: dict[Any, tuple[int, int]] = {}  # number and items of a batch by its reference
        self._seen = 0.0
        ray.init(address=settings["address"], log_to_driver=False, configure_logging=False)
        self._job = {"version": installed_version(), "memory_bytes": settings["memory_bytes"], "model": None}
        self._boxed: list[Any] = []
        if settings["model"] is not None:
            files, paths = model_files(settings["model"])
            self._job["model"] = files.to_json()
            self._boxed = [ray.put({name: path.read_bytes() for name, path in paths.items()})]
        # A process of Ray serves this one function until the connection ends, so it loads the model once.
        self._do = ray.remote(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")(do_on_node)

    def serve(self, requests: queue.Queue[_Line | None]) -> None:
        """Until None comes."""
        while True:
            self._report_slots()
            try:
                line = requests.get(timeout=0.0 if self._running else LOOK_SECONDS)
                if line is None:
                    return
                reference = self._do.remote(line["request"], self._job, self._boxed)
                self._running[reference] = line["number"], len(line["request"]["items"])
            except queue.Empty:
                self._collect()

    def _collect(self) -> None:
        if not self._running:
            return
        ready, _ = ray.wait(list(self._running), num_returns=1, timeout=WAIT_SECONDS)
        if ready:
            ready, _ = ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        for reference in ready:
            number, items = self._running.pop(reference)
            self._write({"number": number, "answer": _answer(reference, items)})

    def _report_slots(self) -> None:
        if time.monotonic() - self._seen < LOOK_SECONDS:
            return
        self._seen = time.monotonic()
        processors = int(ray.cluster_resources().get("CPU", 0))
        self._write({"slots": max(1, min(processors, self._processes or processors))})

    def _write(self, line: _Line) -> None:
        self._answers.write(json.dumps(line).encode() + b"\n")
        self._answers.flush()


def _answer(reference: Any, items: int) -> _Line | None:
    """None: it was lost with its process or its machine."""
    try:
        answer: _Line = ray.get(reference)
    except RayTaskError as error:  # the function was not found there, or could not begin
        return all_unable(items, f"A node of the Ray cluster cannot do this work: {error.cause}.", VERSION_HINT)
    except RayError as error:
        log.warning("a batch was lost: %s", type(error).__name__)
        return None
    return answer


def _read(source: IO[bytes], requests: queue.Queue[_Line | None]) -> None:
    for line in source:
        requests.put(json.loads(line))
    requests.put(None)


def main() -> None:
    """Entry of the process. Ray prints, so file descriptor 1 becomes standard error; answers have their own."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    logging.basicConfig(level=logging.WARNING, format="ray %(levelname)s %(message)s")
    settings = json.loads(sys.stdin.buffer.readline())
    try:
        process = RayProcess(settings, answers)
    except (GleanerError, RuntimeError, ConnectionError, ValueError) as error:
        hint = error.hint if isinstance(error, GleanerError) else ""
        message = error.message if isinstance(error, GleanerError) else " ".join(str(error).split())
        answers.write(json.dumps({"failed": {"message": message, "hint": hint}}).encode() + b"\n")
        answers.flush()
        os._exit(1)
    requests: queue.Queue[_Line | None] = queue.Queue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, requests), daemon=True).start()
    process.serve(requests)
    ray.shutdown()


if __name__ == "__main__":
    main()
