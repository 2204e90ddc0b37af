"""`gleaner` commands as processes of their own, forked from an interpreter that has imported their modules already.

Starting Python and importing is most of what a collector's start costs, and hundreds of tests want one of their own.
`python -m tests.support.warm MODULE…` imports the modules and then forks for every request that comes over its socket
(file descriptor 0): the child gets descriptors, environment and folder of its own and runs `gleaner` to its end, as
`python -m gleaner` does. Whoever asks sees a process id, an exit code and signals, as of `subprocess.Popen`.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from tests.needs import ROOT
from wire.parent import VARIABLE, bound

# None of ours that looks at the environment or the terminal while it is imported.
MODELS = (
    "numpy", "cv2", "av", "httpx", "rich.progress", "rich.table", "typer", "wire.labels", "onnxruntime",
    "prelabel.labelling.many_files", "prelabel.image.detector", "prelabel.audio.models",
)  # fmt: skip
COLLECTOR = ("collector.cli.server", "collector.cli", "alembic.command", "sqlalchemy.dialects.sqlite")
AGENT = ("device_agent.cli", "device_agent.agent", "device_agent.uplink.discovery", "device_agent.session.resume")
LONGEST = 1 << 20  # of a request: an environment and a command line


class Warm:
    """A process that was forked: what the tests use of `subprocess.Popen`."""

    def __init__(self, starter: Starter, pid: int) -> None:
        self._starter = starter
        self.pid = pid

    @property
    def returncode(self) -> int | None:
        return self._starter.codes.get(self.pid)

    def poll(self) -> int | None:
        self._starter.listen(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises: subprocess.TimeoutExpired."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            left = None if end is None else end - time.monotonic()
            if left is not None and left < 0:
                raise subprocess.TimeoutExpired(["gleaner"], timeout or 0)
            self._starter.listen(left)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Starter:
    """The process that forks; one for every set of modules and every process that runs tests."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GLEANER_")}
        environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # what forks has no threads
        words = [sys.executable, "-m", "tests.support.warm", *modules]
        self._process = subprocess.Popen(words, cwd=ROOT, stdin=other, **bound(environment))
        other.close()
        self._guard = threading.Lock()
        self._pids: list[int] = []
        self.codes: dict[int, int] = {}

    def start(
        self, words: Sequence[str], *, env: Mapping[str, str], stdout: IO[bytes], stderr: IO[bytes], cwd: str = ""
    ) -> Warm:
        """`gleaner WORDS…` in a session of its own."""
        request = json.dumps({"words": list(words), "env": dict(env), "cwd": cwd or str(Path.cwd())}).encode()
        with self._guard:
            socket.send_fds(self._socket, [request], [stdout.fileno(), stderr.fileno()])
            while not self._pids:
                self._hear()
            return Warm(self, self._pids.pop())

    def run(
        self, words: Sequence[str], *, env: Mapping[str, str], timeout: float, cwd: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """`gleaner WORDS…` to its end. Raises: subprocess.TimeoutExpired."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
            process = self.start(words, env=env, stdout=out, stderr=said, cwd=cwd)
            try:
                code = process.wait(timeout)
            finally:
                process.kill()
            printed = []
            for file in (out, said):
                file.seek(0)
                printed.append(file.read().decode(errors="surrogateescape"))
        return subprocess.CompletedProcess(["gleaner", *words], code, *printed)

    def listen(self, seconds: float | None) -> None:
        """Wait so long for the end of any process; None: as long as it takes."""
        with self._guard:
            self._socket.settimeout(None if seconds is None else min(seconds, 0.2) if seconds > 0 else 0)
            try:
                self._hear()
            except (BlockingIOError, TimeoutError):
                pass
            finally:
                self._socket.settimeout(None)

    def _hear(self) -> None:
        said = self._socket.recv(1024)
        if not said:
            raise RuntimeError(f"the starter ended ({self._process.wait()})")
        message = json.loads(said)
        if "started" in message:
            self.codes.pop(message["started"], None)  # of an earlier process that had this id
            self._pids.append(message["started"])
        else:
            self.codes[message["ended"]] = message["code"]

    def close(self) -> None:
        """Ends what it started, and itself."""
        self._socket.close()
        self._process.wait()


STARTERS: dict[tuple[str, ...], Starter] = {}


def starter(*modules: str) -> Starter:
    """The starter of this process that has imported these modules."""
    if modules not in STARTERS:
        STARTERS[modules] = Starter(modules)
    return STARTERS[modules]


def collectors() -> Starter:
    """What starts collectors and the commands beside them."""
    return starter(*COLLECTOR)


def installations() -> Starter:
    """What starts collectors, devices and the commands beside them."""
    return starter(*COLLECTOR, *AGENT)


def prelabels() -> Starter:
    """What starts commands that run models or read media."""
    return starter(*MODELS)


def close() -> None:
    """At the end of a run: ends every starter."""
    while STARTERS:
        STARTERS.popitem()[1].close()


# ---------------------------------------------------------------------------------------------- in the starter itself
def serve(line: socket.socket) -> dict[str, Any] | None:
    """Forks for every request. Returns the request in the child, and None in the starter when nobody asks any more."""
    waking, woken = os.pipe()
    for end in (waking, woken):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal gives it to the tests as well, which end this
    chooser = selectors.DefaultSelector()
    chooser.register(line, selectors.EVENT_READ)
    chooser.register(waking, selectors.EVENT_READ)
    children: set[int] = set()
    while True:
        ready = {key.fileobj for key, _ in chooser.select()}
        if waking in ready:
            os.read(waking, 4096)
        for pid in sorted(children):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                children.discard(pid)
                send(line, ended=pid, code=os.waitstatus_to_exitcode(status))
        if line not in ready:
            continue
        try:
            said, files, _, _ = socket.recv_fds(line, LONGEST, 2)
        except ConnectionResetError:
            said = b""
        if not said:
            for pid in children:
                os.kill(pid, signal.SIGTERM)
            return None
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            chooser.close()
            line.close()
            become(json.loads(said), files)
            for end in (waking, woken, *files):
                os.close(end)
            return dict(json.loads(said))
        for file in files:
            os.close(file)
        children.add(pid)
        send(line, started=pid)


def send(line: socket.socket, **message: int) -> None:
    with contextlib.suppress(BrokenPipeError):
        line.send(json.dumps(message).encode())


def become(request: dict[str, Any], files: Sequence[int]) -> None:
    """What differs from the starter: session, standard streams, folder, environment, words."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, file in enumerate((nothing, *files)):
        os.dup2(file, target)
    os.close(nothing)
    os.chdir(request["cwd"])
    parent = os.environ[VARIABLE]
    os.environ.clear()
    os.environ.update({**request["env"], VARIABLE: parent})
    time.tzset()
    sys.argv = ["gleaner", *request["words"]]


def main() -> None:
    import gleaner

    for module in sys.argv[1:]:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=os.dup(0)) as line:
        request = serve(line)
    if request is not None:
        gleaner.main()


if __name__ == "__main__":
    main()
