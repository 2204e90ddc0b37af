"""What an export of everything takes from the people at work: the queue's rate over HTTP while one runs.

    python -m benchmarks queue-export

100,000 open items and as many reviewed ones, 8 clients in one request per pair. They work without an export and next to
one in turn, so that both meet the same machine; the export is the command, with media, started again where it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks import attack, queue_pairs
from benchmarks.figure import Figure

CLIENTS = 8
TURNS = 5
MIN_SHARE = 0.9


def measure(items: int = queue_pairs.OPEN_ITEMS) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tokens = queue_pairs.fill(folder / "data", items, done=items)[:CLIENTS]
        process, port = attack.start(attack.ROOT, folder)
        try:
            alone, beside = [], []
            for turn in range(TURNS):
                alone.append(_pairs(port, tokens))
                with exporting(folder, f"to-{turn}"):
                    beside.append(_pairs(port, tokens))
        finally:
            attack.stop(process, port)
    rate, share = median(alone), median(beside) / median(alone)
    what = f"next + submit over HTTP, {items:,} open, one request, {CLIENTS} clients"
    return [
        Figure(f"{what}, no export", round(1000 / rate, 2), "ms a pair", queue_pairs.MS_A_PAIR),
        Figure(f"… the time of a pair while {items:,} items are exported", round(1 / share, 2), "times", 1 / MIN_SHARE),
    ]


def _pairs(port: int, tokens: list[str]) -> float:
    return asyncio.run(queue_pairs.work_over_http(port, tokens, one_request=True)).pairs


@contextlib.contextmanager
def exporting(folder: Path, name: str) -> Iterator[None]:
    """An export runs meanwhile, and another one when it ends. Raises SystemExit: one failed."""
    ending, running, failed = threading.Event(), list[subprocess.Popen[bytes]](), list[int]()
    words = [sys.executable, "-m", "gleaner", "collector", "export", "--data", str(folder / "data"), "--to"]

    def export() -> None:
        number = 0
        while not ending.is_set():
            number += 1
            running[:] = [subprocess.Popen([*words, str(folder / f"{name}-{number}")], stdout=subprocess.DEVNULL)]
            if running[0].wait() != 0 and not ending.is_set():
                failed.append(running[0].returncode)
                return

    thread = threading.Thread(target=export)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        for process in running:
            process.terminate()
        thread.join()
    if failed:
        raise SystemExit(f"The export ended with {failed[0]}.")


if __name__ == "__main__":
    for figure in measure():
        print(f"{figure.name}: {figure.shown} ({figure.compared_with})")
