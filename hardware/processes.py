"""Child processes of a demo or a trial: started with a log, watched, their memory sampled, ended by their ids.

They also end by themselves when this process does.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from wire.errors import GleanerError
from wire.parent import bound

GENTLY_SECONDS = 8.0
SAMPLE_SECONDS = 0.2  # a look goes through every process of the machine


class ChildFailed(GleanerError):
    """A process of the demo ended too early. When it printed a sentence with a code, both are its own."""

    code = "demo-process-failed"

    @classmethod
    def from_output(cls, printed: str, exit_code: int | None, otherwise: str) -> ChildFailed:
        """The error a process printed last, with its own code and exit code; `otherwise` when it printed nothing."""
        sentence, code = split_code(last_line(printed))
        made = cls(sentence or otherwise)
        if code:
            made.code = code  # type: ignore[misc]  # this one error speaks for another process
        if exit_code is not None and exit_code > 0:
            made.exit_code = exit_code  # type: ignore[misc]
        return made


def split_code(line: str) -> tuple[str, str]:
    """The sentence and the code of a line that `gleaner` ends with: `A sentence. [a-code]`."""
    found = re.fullmatch(r"(.*\S) \[([a-z][a-z-]*)\]", line)
    return (found[1], found[2]) if found else (line, "")


def gleaner(*words: str) -> list[str]:
    """The command line of a `gleaner` verb, run by this very interpreter."""
    # -P: a folder of the user that has its own wire.py or scripts/ is not imported.
    return [sys.executable, "-P", "-m", "gleaner", *words]


def call(*words: str, env: dict[str, str] | None = None) -> str:
    """Run a `gleaner` verb to its end and return its standard output.

    Raises:
        ChildFailed: it failed; with the sentence and hint it printed.
    """
    done = subprocess.run(gleaner(*words), capture_output=True, text=True, check=False, **bound(env))
    if done.returncode != 0:
        raise ChildFailed.from_output(
            done.stderr, done.returncode, f"gleaner {words[0]} ended with {done.returncode} and printed nothing."
        )
    return done.stdout


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


class Child:
    """One process with a log file, in a session of its own so that the terminal's Ctrl-C reaches only its parent."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        capture: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        # The device's log names the session page with its key.
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._log = os.fdopen(handle, "a", encoding="utf-8")
        self._log_start = log.stat().st_size
        self._output: list[str] = []
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE if capture else self._log,
            stderr=self._log,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            **bound({**os.environ, **(environment or {})}),
        )
        self.peak_bytes = 0
        self._threads = [threading.Thread(target=self._measure, name=f"memory-{name}", daemon=True)]
        if capture:
            self._threads.append(threading.Thread(target=self._read, name=f"output-{name}", daemon=True))
        for thread in self._threads:
            thread.start()

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait for `ready`.

        Raises:
            ChildFailed: the process ended first, or the time is over.
        """
        until = time.monotonic() + seconds
        while not ready():
            if not self.running:
                raise ChildFailed.from_output(self.logged(), self.process.returncode, self.ending())
            if time.monotonic() > until:
                raise ChildFailed(
                    f"The {self.name} was not ready after {seconds:.0f} s.", hint=f"Look into {self.log}."
                )
            time.sleep(0.05)

    def logged(self) -> str:
        """What this run of the process has written to its log."""
        with self.log.open(encoding="utf-8", errors="replace") as file:
            file.seek(self._log_start)
            return file.read()

    def ending(self) -> str:
        """One sentence: by which signal, with which exit code."""
        code = self.process.poll()
        if code is None:
            return f"The {self.name} is running."
        if code < 0:
            return f"The {self.name} process was ended from outside ({signal.Signals(-code).name})."
        return f"The {self.name} process ended early (exit code {code})."

    def output(self) -> str:
        """Everything the process printed, once it has ended."""
        self.process.wait()
        for thread in self._threads:
            thread.join(5)
        return "".join(self._output)

    def ask_to_end(self) -> None:
        if self.running:
            self.process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """Ask the process and its children to end, then make them."""
        family = self._family()
        self.ask_to_end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(GENTLY_SECONDS)
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        self.process.wait()
        self._log.close()

    def _family(self) -> list[psutil.Process]:
        try:
            root = psutil.Process(self.process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._output.append(line)

    def _measure(self) -> None:
        while self.running:
            total = 0
            for one in self._family():
                with contextlib.suppress(psutil.Error):
                    total += one.memory_info().rss
            self.peak_bytes = max(self.peak_bytes, total)
            time.sleep(SAMPLE_SECONDS)
