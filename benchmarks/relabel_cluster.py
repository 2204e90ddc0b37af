"""A model run again over 20,000 stills by a real collector: by its own processes, and by a Ray cluster of two nodes, of
which one is killed in the middle. Every document has to be the same.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure
from collector.prelabels.runs import RunAsked, start_run
from prelabel.labelling.one_file import describe
from tests.collector.prelabels.stills import add_stills, answers
from tests.collector.review.filled import Filled
from tests.support.databases import reopened, rows_of
from tests.support.other_model import package
from tests.support.ray_cluster import RayCluster, ray_cluster

STILLS = 20_000
PICTURES = 50
LOOK_SECONDS = 0.2
LIMIT_SECONDS = 3600.0


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="relabel-") as name:
        folder = Path(name)
        model = package(folder / "model", by_brightness=True)
        expected, seconds = _run(folder / "local", model, {"PROCESSES": "2"})
        with ray_cluster() as cluster:
            settings = {"ENGINE": "ray", "ADDRESS": cluster.address}
            found, ray_seconds = _run(folder / "ray", model, settings, cluster)
    differ = sum(found.get(capture) != answer for capture, answer in expected.items())
    return [
        Figure(f"{STILLS} stills by 2 local processes", round(seconds, 1), "s", LIMIT_SECONDS),
        Figure("… by 2 nodes of Ray, one killed in the middle", round(ray_seconds, 1), "s", LIMIT_SECONDS),
        Figure("… documents missing", STILLS - len(found), "", 0),
        Figure("… documents that differ from those of the local run", differ, "", 0),
    ]


def _run(
    folder: Path, model: Path, settings: Mapping[str, str], cluster: RayCluster | None = None
) -> tuple[dict[str, Any], float]:
    """The documents of a run, and the seconds from the start of the service to the end of the run."""
    filled = Filled(folder, "sqlite")
    add_stills(filled, STILLS, PICTURES)
    asked, source = RunAsked(model=str(model)), describe(str(model)).source
    filled.db.write_sync(lambda conn: start_run(conn, asked, source, ("image",)))
    filled.db.close()
    began = time.monotonic()
    service = _serve(folder, settings)
    try:
        while (row := _row(folder)).state == "running":
            if row.problem is not None:
                raise RuntimeError(row.problem)
            if cluster is not None and row.done >= STILLS / 2:
                cluster.kill_node()
                cluster = None
            time.sleep(LOOK_SECONDS)
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait()
    seconds = time.monotonic() - began
    if (row.state, row.done, row.failed) != ("done", STILLS, 0) or cluster is not None:
        raise RuntimeError(f"The run is {row.state} with {row.done} done and {row.failed} failed: {row.problem}")
    filled.db = reopened(folder)
    found = answers(filled)
    filled.db.close()
    return found, seconds


def _serve(folder: Path, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
    ready = folder.with_suffix(".ready")
    words = ["collector", "serve", "--data", str(folder), "--port", "0", "--ready-file", str(ready)]
    process = subprocess.Popen(
        [sys.executable, "-m", "gleaner", *words],
        env={**os.environ, **{f"GLEANER_COLLECTOR_BULK_{name}": value for name, value in settings.items()}},
        stdout=subprocess.DEVNULL,
    )
    while not ready.exists():
        if process.poll() is not None:
            raise RuntimeError("The collector did not start.")
        time.sleep(LOOK_SECONDS)
    return process


def _row(folder: Path) -> Any:
    with rows_of(folder) as conn:
        return conn.execute("SELECT state, done, failed, problem FROM prelabel_run").one()
