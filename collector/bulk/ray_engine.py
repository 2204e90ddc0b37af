"""Bulk work on a Ray cluster, through a process of its own (ray_process.py)."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import socket
import subprocess
import sys
import threading
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from collector.bulk.engine import EngineClosed, Request
from http_shell.hosts import is_loopback
from wire.errors import GleanerError
from wire.parent import bound

CONNECT_SECONDS = 5.0
START_SECONDS = 120.0
END_SECONDS = 5.0
# What Ray would send home, and whether it takes 127.0.0.1 for the machine's own address instead.
_NO_REPORTS = {"RAY_USAGE_STATS_ENABLED": "0"}
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


class EngineMissing(GleanerError):
    """The settings ask for Ray, and it is not installed."""

    code = "bulk-engine-missing"
    status = 503
    exit_code = 3
    hint = "Run pip install 'gleaner-suite[ray]' on the collector's machine and on every node, or remove [bulk] engine."


class ClusterUnusable(GleanerError):
    """The Ray cluster cannot be reached, has another version of Ray or Python, or was lost."""

    code = "bulk-cluster-unusable"
    status = 503
    exit_code = 3
    retryable = True
    hint = "Check [bulk] address and `ray status` on the collector's machine, which has to be a node of the cluster."


class RayEngine:
    """See `BulkEngine`.

    Args:
        address: of the cluster's head, HOST:PORT.
        processes: the most at once; None: as many as the cluster has processors.
        memory_bytes: the most that one process may use.
        model: the name or folder of the model that the work needs; its files are sent to each node once.

    Raises:
        EngineMissing, ClusterUnusable.
    """

    def __init__(self, address: str, processes: int | None, memory_bytes: int, model: str | None = None) -> None:
        if find_spec("ray") is None:
            raise EngineMissing("Bulk work is to be done by Ray, which is not installed here.")
        host = _check_reachable(address)
        self._slots = 0
        self._closed = threading.Event()
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        more = _NO_REPORTS | (_LOOPBACK if is_loopback(host) else {})
        path = os.pathsep.join(entry for entry in sys.path if entry)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "collector.bulk.ray_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **bound({**os.environ, **more, "PYTHONPATH": path}),
        )
        settings = {"address": address, "processes": processes, "memory_bytes": memory_bytes, "model": model}
        threading.Thread(target=self._read, name="bulk-ray", daemon=True).start()
        try:
            self._write(settings)
            self._take(START_SECONDS)
            if not self._slots:
                raise ClusterUnusable(f"The Ray cluster at {address} did not answer for {START_SECONDS:.0f} seconds.")
        except GleanerError:
            self.close()
            raise

    @property
    def slots(self) -> int:
        return self._slots

    def send(self, number: int, request: Request) -> None:
        self._write({"number": number, "request": request})

    def receive(self, seconds: float) -> list[tuple[int, dict[str, Any] | None]]:
        first = self._take(seconds)
        found = [] if first is None else [first]
        while not self._answers.empty():
            more = self._take(0.0)
            found += [] if more is None else [more]
        return found

    def close(self) -> None:
        self._closed.set()
        self._answers.put(None)
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _take(self, seconds: float) -> tuple[int, dict[str, Any] | None] | None:
        """The next line of the process; an answer is returned."""
        try:
            line = self._answers.get(timeout=seconds) if seconds else self._answers.get_nowait()
        except queue.Empty:
            return None
        if self._closed.is_set():
            raise EngineClosed("The work was ended.")
        if line is None:
            raise ClusterUnusable("The Ray cluster was lost.")
        if "failed" in line:
            failed = line["failed"]
            raise ClusterUnusable(f"The Ray cluster cannot be used: {failed['message']}", hint=failed["hint"] or None)
        if "slots" in line:
            self._slots = line["slots"]
            return None
        return line["number"], line["answer"]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(json.loads(line))
        self._answers.put(None)

    def _write(self, line: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        # Where its pipe is closed: the end is reported where answers are waited for.
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._process.stdin.write(json.dumps(line).encode() + b"\n")
            self._process.stdin.flush()


def _check_reachable(address: str) -> str:
    """Ray itself would try for minutes. Returns the host."""
    parts = urlsplit(f"//{address}")
    host, port = parts.hostname or "", parts.port or 0
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError as error:
        raise ClusterUnusable(f"The Ray cluster at {address} does not answer: {error.strerror or error}.") from error
    return host
