"""From the start of a new collector to its first answer, CPU and memory, beside Label Studio in the same run.

Label Studio is not part of the project: `pip install label-studio` into an environment of its own, and name its program
in GLEANER_LABEL_STUDIO. Both make their database anew in a folder of their own and listen on loopback.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress

import httpx
import psutil

from benchmarks.figure import Figure
from hardware.ports import free_port
from wire.parent import bound

RUNS = 3
UP_SECONDS = 300.0
REST_SECONDS = 3.0


def measure() -> list[Figure]:
    program = os.environ.get("GLEANER_LABEL_STUDIO")
    if program is None:
        sys.stderr.write("startup is left out: name Label Studio's program in GLEANER_LABEL_STUDIO.\n")
        return []
    ours = (sys.executable, "-m", "gleaner", "collector", "serve", "--data", "{folder}/data")
    peers = (program, "start", "--no-browser", "--internal-host", "127.0.0.1", "--data-dir", "{folder}")
    rows = [(_once(ours, "/api/health"), _once(peers, "/health")) for _ in range(RUNS)]  # in turns
    (cpu, memory), (peer_cpu, peer_memory) = (
        [round(statistics.median(row[who][what] for row in rows), 1) for what in (0, 1)] for who in (0, 1)
    )
    return [
        Figure("new collector to its first answer, CPU (limit: Label Studio)", cpu, "s", peer_cpu),
        Figure("… memory three seconds later (limit: Label Studio)", memory, "MiB", peer_memory),
    ]


def _once(command: Sequence[str], path: str) -> tuple[float, float]:
    """CPU seconds and proportional memory in MiB of the whole family of processes, three seconds after it answers."""
    port = free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        quiet = {"COLLECT_ANALYTICS": "False", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": ""}
        words = [word.format(folder=folder) for word in command]
        process = subprocess.Popen(
            [*words, "--port", str(port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **bound({**os.environ, **quiet}),
        )  # fmt: skip
        try:
            until = time.monotonic() + UP_SECONDS
            while not _answers(f"http://127.0.0.1:{port}{path}"):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{words[0]} did not come up")
                time.sleep(0.1)
            time.sleep(REST_SECONDS)
            family = _family(process.pid)
            cpu = sum(sum(one.cpu_times()[:2]) for one in family)
            return cpu, sum(one.memory_full_info().pss for one in family) / (1 << 20)
        finally:
            for one in _family(process.pid):
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            process.wait()


def _family(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
