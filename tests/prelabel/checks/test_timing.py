"""What a model costs: figures that can be believed, and a table of several."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path

import numpy as np

from prelabel.checks.timing import measure, peak_mib
from prelabel.models.package import open_model
from prelabel.models.runtime import Session, metered
from tests.prelabel import graphs
from tests.prelabel.command import prelabel


def package(folder: Path) -> Path:
    toml = graphs.manifest("yolox", *graphs.YOLOX_IO, ["person"])
    return graphs.save_package(folder, graphs.yolox(64, 96, graphs.yolox_rows(64, 96, 1)), toml)


def test_figures_of_a_detector(tmp_path: Path) -> None:
    cost = measure(open_model(package(tmp_path / "own")), runs=9, sizes=((320, 240), (64, 64)))
    assert [row.what for row in cost.timings] == ["picture of 320 x 240", "picture of 64 x 64"]
    for row in cost.timings:
        assert row.runs == 9 and 0 < row.median_ms <= row.p90_ms <= row.worst_ms
        assert 0 <= row.outside_ms <= row.cpu_ms
    assert cost.graph == "original" and cost.load_ms > 0 and 0 <= cost.idle_ms < 300
    assert 0 < cost.memory_mib <= cost.peak_mib + 1


def test_figures_of_a_voice_model(tmp_path: Path) -> None:
    folder = graphs.save_package(
        tmp_path / "own", graphs.vad(), graphs.manifest("vad", *graphs.VAD_IO, ["speech"])
    )  # fmt: skip
    (timing,) = measure(open_model(folder), runs=5).timings
    assert timing.what == "32 ms of sound" and timing.median_ms > 0


def test_the_meter_counts_what_is_inside_only() -> None:
    session = Session(graphs.yolox(64, 96, graphs.yolox_rows(64, 96, 1)).SerializeToString(), "m")
    feed = {"images": np.zeros((1, 3, 64, 96), np.float32)}
    session.run(feed)
    with metered() as meter:
        for _ in range(3):
            session.run(feed)
        started = time.process_time()
        while time.process_time() - started < 0.05:
            pass
    session.run(feed)
    assert meter.runs == 3 and 0 < meter.cpu_seconds < 0.05


def test_the_peak_is_the_processes_own() -> None:
    assert peak_mib() <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 + 1
    before = peak_mib()
    grown = np.ones(64 * 2**20, dtype=np.uint8)
    assert peak_mib() >= grown.nbytes / 2**20 and peak_mib() >= before


def test_several_side_by_side(tmp_path: Path) -> None:
    one, two = package(tmp_path / "one"), package(tmp_path / "two")
    run = prelabel("bench", str(one), str(two), "--runs", "3", "--size", "64x48", "--json")
    assert run.returncode == 0, run.stderr
    rows = json.loads(run.stdout)
    assert [row["model"] for row in rows] == [str(one), str(two)]
    for row in rows:
        assert row["timings"][0]["what"] == "picture of 64 x 48"
        assert 0 < row["bare_mib"] <= row["peak_mib"] and row["load_ms"] > 0
    table = prelabel("bench", str(one), "--runs", "3", "--size", "64x48").stdout
    assert "median ms" in table and "outside ms" in table and "picture of 64 x 48" in table


def test_what_cannot_be_timed(tmp_path: Path) -> None:
    run = prelabel("bench", str(package(tmp_path / "own")), "nobody", "--runs", "3")
    assert run.returncode == 3 and run.stdout == "" and "[model-not-found]" in run.stderr
    assert prelabel("bench", "silero-vad", "--size", "big").returncode == 2
