"""A warm process that decodes media and runs models, so that a service or a long run outlives whatever a file does.

Parent and child speak JSON lines over pipes: `{"work": "module:function", "inputs": {…}}` one way, `{"result": {…}}`
or `{"error": {…}}` back. The child ends with its parent, also when that was killed.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from wire.core_dumps import forbid_core_dumps
from wire.errors import GleanerError
from wire.parent import bound, end_with_parent

log = logging.getLogger("gleaner.worker")
MEMORY_OPTION = "--memory-bytes="
NICE_OPTION = "--nice="
NICENESS = 10
BULK_NICENESS = 19
OOM_SCORE = 500


class WorkFailed(GleanerError):
    """A piece of work raised, or its process died. The sentence is the work's own, and so are `facts["work_code"]`,
    the code of what it raised, and `facts["work_status"]`, the exit status that goes with it; the code is None when the
    process died or what it raised has none.
    """

    code = "work-failed"
    hint = "The job is tried again; the collector's log has the details."


class WorkRetry(WorkFailed):
    """A piece of work met something that passes, such as a full disk."""

    code = "work-postponed"
    retryable = True


class WorkerStopped(GleanerError):
    """The service is ending; the job stays leased and waits at the next start."""

    code = "worker-stopped"


class Worker:
    """One child process, restarted when it dies. `run` is called by one thread, `stop` by any.

    Args:
        preload: modules that it imports before the first piece of work.
        memory_bytes: more than this much memory it is not given; it then also yields the processors to others, and is
            the first to go when the machine's memory ends. None: no limit.
        niceness: how far it yields the processors where its memory is limited.
        quiet: what it and its libraries write to standard error is no log, so it is dropped
            (unless GLEANER_DEBUG is set).
    """

    def __init__(
        self,
        preload: Sequence[str] = (),
        *,
        quiet: bool = False,
        memory_bytes: int | None = None,
        niceness: int = NICENESS,
    ) -> None:
        limits = [] if memory_bytes is None else [f"{MEMORY_OPTION}{memory_bytes}", f"{NICE_OPTION}{niceness}"]
        self._words = [*limits, *preload]
        self._errors = subprocess.DEVNULL if quiet and not os.environ.get("GLEANER_DEBUG") else None
        self._process: subprocess.Popen[bytes] | None = None
        self._guard = threading.Lock()
        self._stopped = False

    def start(self) -> None:
        with self._guard:
            if self._stopped:
                raise WorkerStopped("The service is ending.")
            if self._process is not None and self._process.poll() is None:
                return
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "prelabel.labelling.worker", *self._words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                **bound({**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}),
            )

    def run(self, work: str, inputs: dict[str, Any], limit_seconds: float) -> dict[str, Any]:
        """Do one piece of work.

        Raises:
            WorkFailed: it raised, its process died or took longer than `limit_seconds`.
            WorkRetry: it met something that passes.
            WorkerStopped: `stop` was called.
        """
        self.start()
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        timer = threading.Timer(limit_seconds, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps({"work": work, "inputs": inputs}).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except (BrokenPipeError, ConnectionResetError, ValueError):
            line = b""
        finally:
            timer.cancel()
        if not line:
            if self._stopped:
                raise WorkerStopped("The service is ending.")
            self._end(process)
            raise WorkFailed(f"The worker process ended ({process.returncode}) while it did {work}.", work_code=None)
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            error = answer["error"]
            failed = WorkRetry if error["retryable"] else WorkFailed
            raise failed(error["message"], hint=error["hint"], work_code=error["code"], work_status=error["status"])
        result: dict[str, Any] = answer["result"]
        return result

    def stop(self) -> None:
        with self._guard:
            self._stopped = True
            process = self._process
        if process is not None:
            self._end(process)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    log.debug("the worker left before its last line")


def serve_work(requests: IO[bytes], answers: IO[bytes]) -> None:
    """The child's loop: one request line, one answer line, until the parent closes the pipe."""
    for line in requests:
        request = json.loads(line)
        module, _, function = request["work"].partition(":")
        try:
            answer = {"result": getattr(importlib.import_module(module), function)(request["inputs"])}
        except GleanerError as error:
            answer = {"error": _error_members(error.message, error.retryable, error.hint, error.code, error.exit_code)}
        except MemoryError:
            log.error("%s needs more memory than it may use", request["work"])
            answer = {
                "error": _error_members("It needs more memory than a worker may use.", False, WorkFailed.hint, None, 1)
            }
        except Exception as error:
            log.exception("%s failed", request["work"])
            answer = {"error": _error_members(f"{type(error).__name__}: {error}", False, WorkFailed.hint, None, 1)}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _error_members(message: str, retryable: bool, hint: str, code: str | None, status: int) -> dict[str, Any]:
    return {"message": message, "retryable": retryable, "hint": hint, "code": code, "status": status}


def limit_this_process(memory_bytes: int, niceness: int = NICENESS) -> None:
    """Refuse this process more memory, let others go first, and be the one that the kernel ends when there is none.

    RLIMIT_DATA and not RLIMIT_AS: what is only reserved (the thread arenas of a machine with many cores) is no memory.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    forbid_core_dumps()  # on a node of Ray nobody else did
    os.nice(niceness)
    try:
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE), encoding="ascii")
    except OSError as error:
        log.debug("no oom_score_adj here: %s", error)


def main() -> None:
    """Entry of the child. Libraries may print, so file descriptor 1 becomes standard error; answers have their own."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Ctrl-C reaches the whole foreground group; the service ends this process itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    logging.basicConfig(level=logging.WARNING, format="worker %(levelname)s %(message)s")
    for module in _after_limits(sys.argv[1:]):
        importlib.import_module(module)
    serve_work(sys.stdin.buffer, answers)


def _after_limits(words: list[str]) -> list[str]:
    """Apply the limits that the first two words may name; returns the modules to import."""
    if not words or not words[0].startswith(MEMORY_OPTION):
        return words
    limit_this_process(int(words[0].removeprefix(MEMORY_OPTION)), int(words[1].removeprefix(NICE_OPTION)))
    return words[2:]


if __name__ == "__main__":
    main()
