"""The demo's session at 1280x720, 25 frames a second, while pre-labelling: time, memory, drops, the first task."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile

from benchmarks.figure import Figure
from wire.parent import bound

RUNS = 3


def one_run() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "gleaner", "demo", "--once", "--port", "0", "--page-port", "0", "--data", folder],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            **bound(),
        )
    facts: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return facts


def measure() -> list[Figure]:
    """Medians of three runs; drops and losses are the worst of the three."""
    runs = [one_run() for _ in range(RUNS)]

    def median(name: str) -> float:
        return round(statistics.median(run[name] for run in runs), 3)

    over = round(statistics.median(run["seconds"] - run["playing_seconds"] for run in runs), 3)
    return [
        Figure("demo over its playing time", over, "s", 15),
        Figure("first task after its take's end", median("first_task_seconds"), "s", 3),
        Figure("agent's peak memory, children included", median("agent_peak_mib"), "MiB", 400),
        Figure("frames dropped", max(run["frames_dropped"] for run in runs), "", 0),
        Figure("takes lost", max(run["lost"] for run in runs), "", 0),
    ]
