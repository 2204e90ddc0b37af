"""A device on the bench: limits by tables, the checks on real files and real networks, the command as a process."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from device_agent.sensors import files
from device_agent.sensors.base import Frame
from hardware import report
from hardware.checks import Wanted, camera_check, model_check, work_check
from hardware.checks.base import (
    Check,
    CheckOutcome,
    CheckRecord,
    Limit,
    Measurement,
    Outcome,
    ReportProgress,
    carry_out,
    measured,
    worst,
)
from hardware.checks.camera import (
    MEASURES,
    Arrival,
    PictureUnclear,
    _Bench,
    after_warm_up,
    evaluate,
    evaluate_needs,
)
from hardware.checks.model import limits as model_limits
from hardware.processes import gleaner
from tests.device_agent.sensors.helpers import write_film
from tests.prelabel import graphs
from wire.errors import GleanerError

PERIOD_US = 40_000


def quiet(part: float, what: str) -> None:
    assert 0 <= part <= 1
    assert what


def frames(count: int, period_us: int = PERIOD_US, late_us: int = 5000) -> list[Arrival]:
    return [Arrival(n, 1_000_000 + n * period_us, 1_000_000 + n * period_us + late_us) for n in range(count)]


def outcomes(arrivals: list[Arrival], dropped: int = 0) -> dict[str, Outcome]:
    return {row.name: row.outcome for row in evaluate(arrivals, 25.0, dropped)}


def values(arrivals: list[Arrival], dropped: int = 0) -> dict[str, float | None]:
    return {row.name: row.value for row in evaluate(arrivals, 25.0, dropped)}


# ---------------------------------------------------------------- rules
@pytest.mark.parametrize(
    ("limit", "value", "outcome"),
    [
        (Limit(most=8), 8, "PASS"),
        (Limit(most=8), 8.01, "FAIL"),
        (Limit(least=24, most=26), 23.9, "FAIL"),
        (Limit(least=24, most=26), 24, "PASS"),
        (Limit(least=24), 1e9, "PASS"),
        (Limit(), -5, "PASS"),
        (Limit(most=8), float("nan"), "ERROR"),
        (Limit(most=8), float("inf"), "ERROR"),
    ],
)
def test_a_value_beside_its_limit(limit: Limit, value: float, outcome: Outcome) -> None:
    row = measured("x", value, "ms", limit)
    assert row.outcome == outcome
    assert (row.value is None) == (outcome == "ERROR")


@pytest.mark.parametrize(
    ("rows", "outcome", "exit_code"),
    [
        (["PASS", "PASS"], "PASS", 0),
        (["PASS", "ERROR"], "ERROR", 3),
        (["ERROR", "FAIL", "PASS"], "FAIL", 1),
        ([], "ERROR", 3),
    ],
)
def test_something_bad_stays_bad(rows: list[Outcome], outcome: Outcome, exit_code: int) -> None:
    assert worst(rows) == outcome
    assert report.EXIT_CODES[outcome] == exit_code


def test_limits_in_words() -> None:
    assert [str(row) for row in (Limit(1, 2), Limit(least=1), Limit(most=2), Limit())] == [
        "1 to 2",
        "at least 1",
        "at most 2",
        "any",
    ]


def test_an_even_camera_passes() -> None:
    arrivals = frames(100)
    assert set(outcomes(arrivals).values()) == {"PASS"}
    assert values(arrivals) == {"rate": 25.0, "jitter": 0.0, "longest gap": 40.0, "lateness": 5.0, "dropped": 0.0}


def test_a_slow_camera_fails_by_its_rate() -> None:
    assert outcomes(frames(100, period_us=42_000))["rate"] == "FAIL"


def test_lost_frames_are_counted_and_do_not_look_like_jitter() -> None:
    arrivals = frames(200)
    del arrivals[50], arrivals[120:122]
    assert values(arrivals)["dropped"] == 3
    assert outcomes(arrivals)["dropped"] == "FAIL"
    assert outcomes(arrivals)["jitter"] == "PASS"
    assert outcomes(arrivals)["longest gap"] == "FAIL"
    assert values(frames(100), dropped=4)["dropped"] == 4


def test_uneven_frames_fail_by_their_jitter() -> None:
    rows = [Arrival(row.index, row.stamp_us + (15_000 if row.index % 2 else 0), row.arrived_us + 20_000)
            for row in frames(100)]  # fmt: skip
    assert outcomes(rows) == {
        "rate": "PASS", "jitter": "FAIL", "longest gap": "PASS", "lateness": "PASS", "dropped": "PASS",
    }  # fmt: skip


def test_late_frames_fail_by_their_lateness() -> None:
    assert outcomes(frames(100, late_us=200_000))["lateness"] == "FAIL"


@pytest.mark.parametrize("count", [0, 1])
def test_no_frames_are_a_bad_camera_and_no_interval_is_an_error(count: int) -> None:
    rows = evaluate(frames(count), 25.0, 0, "No frame came.")
    assert [row.outcome for row in rows] == ["FAIL", "ERROR", "ERROR", "ERROR", "PASS"]
    assert rows[0].detail == "No frame came."


@given(
    st.lists(st.integers(1, 200_000), min_size=1, max_size=80),
    st.lists(st.integers(1, 4), min_size=80, max_size=80),
    st.floats(1, 240),
)
def test_whatever_comes_is_judged(gaps: list[int], exposures: list[int], rate: float) -> None:
    arrivals, stamp, index = [Arrival(0, 0, 10)], 0, 0
    for gap, exposed in zip(gaps, exposures, strict=False):
        stamp, index = stamp + gap, index + exposed
        arrivals.append(Arrival(index, stamp, stamp + 10))
    rows = {row.name: row for row in evaluate(arrivals, rate, 0)}
    assert [*rows] == [name for name, _ in MEASURES]
    assert all(row.value is not None and row.value >= 0 for row in rows.values())
    assert rows["dropped"].value == index - len(gaps)
    assert rows["longest gap"].value == max(gaps) / 1000


def test_the_first_half_second_is_not_measured() -> None:
    kept = after_warm_up(frames(25))
    assert kept[0].stamp_us == 1_520_000
    assert after_warm_up([]) == []


class NotHere(GleanerError):
    code = "test-not-here"
    exit_code = 3
    hint = "Bring it."


def test_what_keeps_a_check_from_measuring_is_an_error_of_everything_it_declares() -> None:
    def measure(report: ReportProgress) -> CheckOutcome:
        raise NotHere("The thing is not here.")

    record = carry_out(Check("thing", "Thing", (("size", "mm"), ("weight", "g")), measure), quiet)
    assert [(row.name, row.value, row.outcome) for row in record.measurements] == [
        ("size", None, "ERROR"),
        ("weight", None, "ERROR"),
    ]
    made = report.make_record([record])
    assert (made.outcome, made.exit_code) == ("ERROR", 3)
    assert report.reasons(made) == ["Thing could not be measured: The thing is not here. Bring it."]


def test_a_fault_of_the_check_itself_is_not_hidden() -> None:
    def measure(report: ReportProgress) -> CheckOutcome:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        carry_out(Check("thing", "Thing", (), measure), quiet)


# ---------------------------------------------------------------- real things
def film(path: Path, gap_ms: int = 0) -> Path:
    """40 frames at 25 a second, every second one late by `gap_ms`."""
    write_film(path, [1000 * (40 * n + (gap_ms if n % 2 else 0)) for n in range(40)])
    return path


def by_name(record: CheckRecord) -> dict[str, Measurement]:
    return {row.name: row for row in record.measurements}


def test_an_even_film_is_a_good_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_LATE_US", 3_600_000_000)  # however late this machine is, no frame is let go
    path = film(tmp_path / "even.mkv")
    record = carry_out(camera_check(str(path), seconds=1), quiet)
    assert record.error is None
    assert record.facts["nominal_rate"] == pytest.approx(25)
    assert record.facts["frames"] > 5
    assert by_name(record)["rate"].value == pytest.approx(25, rel=0.2)
    assert by_name(record)["jitter"].value is not None


def test_a_stumbling_film_is_a_bad_one(tmp_path: Path) -> None:
    path = film(tmp_path / "stumbling.mkv", gap_ms=18)
    record = carry_out(camera_check(str(path), seconds=1.5), quiet)
    jitter = by_name(record)["jitter"]
    assert jitter.outcome == "FAIL"
    assert jitter.value is not None
    assert jitter.value > 10
    assert record.outcome == "FAIL"


def test_no_camera_is_an_error(tmp_path: Path) -> None:
    not_a_film = tmp_path / "notes.mp4"
    not_a_film.write_text("not a film")
    for spec in (str(tmp_path / "missing.mp4"), str(not_a_film), "none", "smell:0"):
        record = carry_out(camera_check(spec, seconds=1), quiet)
        assert {row.outcome for row in record.measurements} == {"ERROR"}
        assert record.error is not None
        assert record.error["title"].endswith(".")


def planted(folder: Path) -> Path:
    model = graphs.yolox(64, 64, graphs.yolox_rows(64, 64, 1))
    return graphs.save_package(folder, model, graphs.manifest("yolox", *graphs.YOLOX_IO, ["thing"]))


def test_a_small_model_is_fast_enough(tmp_path: Path) -> None:
    record = carry_out(model_check(str(planted(tmp_path / "model")), runs=5), quiet)
    assert record.error is None
    assert record.title == "Model planted"
    assert [row.name for row in record.measurements] == ["time a frame", "worst frame", "memory"]
    assert all(row.value is not None and row.value > 0 for row in record.measurements)
    assert len(record.facts["sha256"]) == 64


def test_a_model_of_sound_is_judged_by_its_blocks(tmp_path: Path) -> None:
    folder = graphs.save_package(tmp_path / "vad", graphs.vad(), graphs.manifest("vad", *graphs.VAD_IO, ["speech"]))
    record = carry_out(model_check(str(folder), runs=5), quiet)
    assert record.error is None
    assert record.measurements[0].name == "time a block"
    assert record.measurements[0].limit == model_limits("vad")[0]


def test_a_corrupt_model_is_an_error(tmp_path: Path) -> None:
    folder = planted(tmp_path / "model")
    (folder / "model.onnx").write_bytes(b"not a model")
    record = carry_out(model_check(str(folder)), quiet)
    assert record.outcome == "ERROR"
    assert record.error is not None
    assert record.error["code"] == "model-corrupt"


def test_table_and_record(tmp_path: Path) -> None:
    rows = evaluate(frames(100, period_us=50_000), 25.0, 2)
    check = CheckRecord("camera", "Camera [1]", report.make_record([]).at, 1.5, rows, {"frames": 100})
    made = report.make_record([check])
    console = Console(record=True, width=120, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    console.print(report.table(made))
    text = console.export_text()
    for word in ("Camera [1]", "rate", "20", "24.25 to 25.75", "FAIL", "frames/s", "PASS"):
        assert word in text
    path = tmp_path / "record.json"
    report.write(made, path)
    row = json.loads(path.read_text())
    assert (row["schema"], row["outcome"]) == (1, "FAIL")
    assert row["machine"]["cores"] >= 1
    assert "numpy" in row["versions"]
    assert row["checks"][0]["measurements"][0]["limit"] == {"least": 24.25, "most": 25.75}
    assert [file.name for file in tmp_path.iterdir()] == ["record.json"]
    with pytest.raises(report.RecordUnwritable):
        report.write(made, tmp_path / "no" / "record.json")


# ---------------------------------------------------------------- what a study needs, and the device's own work
@pytest.mark.parametrize("text", ["1280x720", "1280x@25", "0x720@25", "1280x720@0", "any", "1280x720@25 "])
def test_a_picture_that_is_none(text: str) -> None:
    with pytest.raises(PictureUnclear):
        Wanted.read(text)


def seen(luma: list[int], period_us: int = 40_000) -> _Bench:
    """Frames of these greys, arrived in even steps."""
    bench = _Bench()
    for number, grey in enumerate(luma):
        bench.deliver(Frame(number, 1_000_000 + number * 40_000, np.zeros((1, 1), np.uint8), grey_i420(grey)))
        arrived = bench.arrivals[-1]
        bench.arrivals[-1] = replace(arrived, arrived_us=number * period_us)
    return bench


def grey_i420(grey: int) -> np.ndarray:
    return np.full((72, 64), grey, np.uint8)


@pytest.mark.parametrize(
    ("luma", "period_us", "size", "bad"),
    [
        ([100, 101] * 50, 40_000, (1280, 720), set()),
        ([100, 101] * 50, 40_000, (1920, 1080), set()),
        ([100, 101] * 50, 40_000, (320, 240), {"width", "height"}),
        ([100, 101] * 50, 200_000, (1280, 720), {"frames by the clock"}),
        ([16, 17] * 50, 40_000, (1280, 720), {"light"}),
        ([100] * 100, 40_000, (1280, 720), {"frames alike"}),
        ([100, 101] * 20 + [100] * 60, 40_000, (1280, 720), {"frames alike"}),
    ],
)
def test_a_camera_is_held_against_what_the_study_needs(
    luma: list[int], period_us: int, size: tuple[int, int], bad: set[str]
) -> None:
    """Its stamps promise 25 a second each time."""
    rows = evaluate_needs(seen(luma, period_us), size, Wanted(1280, 720, 25))
    assert {row.name for row in rows if row.outcome == "FAIL"} == bad
    assert all(row.outcome != "ERROR" for row in rows)


def test_a_camera_that_gave_nothing_is_not_called_light() -> None:
    outcomes = {row.name: row.outcome for row in evaluate_needs(_Bench(), (1280, 720), Wanted(1280, 720, 25))}
    assert (outcomes["frames by the clock"], outcomes["light"], outcomes["frames alike"]) == ("FAIL", "ERROR", "ERROR")


def test_the_devices_own_work_is_counted_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_LATE_US", 3_600_000_000)
    path = film(tmp_path / "even.mkv")
    check = work_check(str(path), "none", Wanted(64, 48, 1000), tmp_path, 1.0, models=False)
    record = carry_out(check, quiet)
    assert record.error is None
    rows = by_name(record)
    assert [*rows] == ["frames on the disk", "frames dropped", "slowest sync"] == [name for name, _ in check.measures]
    assert rows["frames on the disk"].outcome == "FAIL", "it does not give what the study needs"
    value = rows["frames on the disk"].value
    assert value is not None and 1 < value < 30
    assert [entry.name for entry in tmp_path.iterdir()] == ["even.mkv"], "nothing is left behind"


def test_a_disk_that_stalls_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fdatasync

    def slow(handle: int) -> None:
        time.sleep(0.55)
        sync(handle)

    monkeypatch.setattr(os, "fdatasync", slow)
    record = carry_out(work_check(str(film(tmp_path / "even.mkv")), "none", None, tmp_path, 0.5, models=False), quiet)
    assert by_name(record)["slowest sync"].outcome == "FAIL"


# ---------------------------------------------------------------- the command
def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        gleaner("hardware", "check", *words), capture_output=True, text=True, timeout=120, check=False
    )


def test_the_command_measures_and_records(tmp_path: Path) -> None:
    stumbling = film(tmp_path / "stumbling.mkv", gap_ms=18)
    kept = tmp_path / "record.json"
    done = run("--camera", str(stumbling), "--model", str(planted(tmp_path / "model")), "--seconds", "1", "--json",
               "--record", str(kept))  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout) == json.loads(kept.read_text())
    assert [check["name"] for check in json.loads(done.stdout)["checks"]] == ["camera", "model"]


def test_the_command_says_what_it_could_not_measure(tmp_path: Path) -> None:
    done = run("--camera", str(tmp_path / "missing.mp4"), "--model", "none")
    assert done.returncode == 3
    assert "ERROR" in done.stdout
    assert "missing.mp4 could not be measured: " in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_to_check_is_wrong_use() -> None:
    done = run("--camera", "none", "--model", "none")
    assert done.returncode == 2
    assert "There is nothing to check" in done.stderr
