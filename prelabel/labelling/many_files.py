"""Thousands of files through one model: worker processes, and results in the order given.

Every file is one call of `prelabel.labelling.one_file:label_file`, the function the collector's jobs call too. With an
output, each result is written to `OUTPUT.part` as it comes (run_journal.py); a run that was cut off reads that journal
and does only what is missing. At the end the documents are written to `OUTPUT` in the order of the files.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prelabel.labelling.one_file import Progress, check_model, label_file
from prelabel.labelling.run_journal import FileOutcome
from prelabel.labelling.worker import Worker, WorkerStopped, WorkFailed
from wire.errors import GleanerError

WORK = "prelabel.labelling.one_file:label_file"
TRY_MODEL = "prelabel.labelling.one_file:check_model"
WORK_SECONDS = 6 * 3600.0  # hours of video through a slow model are one call
AHEAD = 64  # results that may wait for an earlier, slower file
WAIT_SECONDS = 0.2  # an interruption takes effect within this time


class FileFailed(GleanerError):
    """A file's worker process died twice while it worked on it."""

    code = "file-failed"
    hint = "Check the file; the others were processed."


class WorkerPool:
    """So many worker processes, one per thread; `run` may be called by any thread.

    Args:
        work: `module:function`, of the shape of `label_file`.
    """

    def __init__(self, workers: int, work: str = WORK) -> None:
        self._work = work
        self._idle: deque[Worker] = deque(Worker([work.partition(":")[0]], quiet=True) for _ in range(workers))
        self._all = list(self._idle)
        self._guard = threading.Lock()

    def run(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Raises WorkFailed, WorkerStopped."""
        return self._work_on(self._work, inputs)

    def check_model(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Raises WorkFailed, WorkerStopped."""
        return self._work_on(TRY_MODEL, inputs)

    def _work_on(self, work: str, inputs: dict[str, Any]) -> dict[str, Any]:
        with self._guard:
            worker = self._idle.popleft()
        try:
            return worker.run(work, inputs, WORK_SECONDS)
        finally:
            with self._guard:
                self._idle.append(worker)

    def stop(self) -> None:
        for worker in self._all:
            worker.stop()


class InProcess:
    """The same work in this process: for a file or two, where starting another process would take longer.

    `progress` is called with the media time done and the whole of it within a video or sound, in microseconds.
    """

    def __init__(self) -> None:
        self.progress: Progress | None = None

    def run(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Raises what `label_file` raises; WorkFailed for what has no code, as a process of its own would."""
        with _with_a_code():
            return label_file(inputs, self.progress)

    def check_model(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """As `run`."""
        with _with_a_code():
            return check_model(inputs)

    def stop(self) -> None:
        """There is nothing to end."""


def label_files(
    paths: Sequence[Path], settings: dict[str, Any], runner: WorkerPool | InProcess, workers: int
) -> Iterator[FileOutcome]:
    """The outcome of each file, in the order given, while later ones are at work already.

    Args:
        settings: the inputs of `label_file` that are the same for every file.
    """
    if isinstance(runner, InProcess):  # in the thread that is asked, which an interruption reaches
        for path in paths:
            yield _one(runner.run, path, settings)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="bulk") as pool:
        waiting: deque[Future[FileOutcome]] = deque()
        done = False
        try:
            for path in paths:
                waiting.append(pool.submit(_one, runner.run, path, settings))
                if len(waiting) >= AHEAD + workers:
                    yield _result(waiting.popleft())
            while waiting:
                yield _result(waiting.popleft())
            done = True
        finally:
            for future in waiting:
                future.cancel()
            if not done:  # also with nothing waiting: the last file may be hours of video
                runner.stop()


def _result(future: Future[FileOutcome]) -> FileOutcome:
    """Waits in short steps: a thread that has just begun to wait for a lock is not woken by a signal."""
    while not wait([future], WAIT_SECONDS).done:
        continue
    return future.result()


def model_fault(runner: WorkerPool | InProcess, settings: dict[str, Any]) -> FileOutcome | None:
    """Why the model of a run cannot be used, None when it can: reported once, not for each of thousands of files."""
    outcome = _one(runner.check_model, Path(settings["model"]), settings)
    return None if outcome.code is None else outcome


def _one(do: Callable[[dict[str, Any]], dict[str, Any]], path: Path, settings: dict[str, Any]) -> FileOutcome:
    inputs = {**settings, "path": str(path)}
    for attempt in (1, 2):
        try:
            result = do(inputs)
            return FileOutcome(path, result.get("document"), result.get("media"))
        except WorkerStopped:
            raise
        except WorkFailed as error:
            code = error.facts.get("work_code")
            if code is not None:
                return FileOutcome(path, code=code, sentence=_named(path, error), status=error.facts["work_status"])
            if attempt == 2:
                failed = FileFailed(f"{path} was given up: {error.message}")
                return FileOutcome(path, code=failed.code, sentence=str(failed))
        except GleanerError as error:
            return FileOutcome(path, code=error.code, sentence=_named(path, error), status=error.exit_code)
    raise AssertionError("two attempts end in a return")


def _named(path: Path, error: GleanerError) -> str:
    """The error's sentence, which names the file."""
    return str(error) if str(path) in str(error) else f"{path}: {error}"


@contextmanager
def _with_a_code() -> Iterator[None]:
    try:
        yield
    except GleanerError:
        raise
    except Exception as error:
        raise WorkFailed(f"{type(error).__name__}: {error}", work_code=None) from error
