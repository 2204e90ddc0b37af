"""`gleaner prelabel` as processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import needs
from tests.prelabel import graphs


def prelabel(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from prelabel.cli import app; app()", *arguments],
        cwd=needs.ROOT,
        env={**os.environ, "COLUMNS": "200", **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_models_are_listed_with_licence_and_place(tmp_path: Path) -> None:
    run = prelabel("models", GLEANER_CACHE=str(tmp_path), GLEANER_MODELS="")
    assert run.returncode == 0, run.stderr
    assert "yolox-nano" in run.stdout and "Apache-2.0" in run.stdout
    assert "comes from silero-vad 6.2.3" in run.stdout
    rows = json.loads(prelabel("models", "--json", GLEANER_CACHE=str(tmp_path), GLEANER_MODELS="").stdout)
    vad = next(row for row in rows if row["name"] == "silero-vad")
    assert vad["path"] is None and vad["bytes"] == 2327524 and vad["licence"] == "MIT"


def test_a_folder_shows_as_the_place() -> None:
    folder = needs.testdata("models/yolox_nano.onnx").parent
    rows = json.loads(prelabel("models", "--json", GLEANER_MODELS=str(folder)).stdout)
    assert next(row["path"] for row in rows if row["name"] == "yolox-nano") == str(folder / "yolox_nano.onnx")
    run = prelabel("pull", "yolox-nano", "yunet", GLEANER_MODELS=str(folder))
    assert run.stdout.splitlines() == [str(folder / "yolox_nano.onnx"), str(folder / "yunet_n_dynamic.onnx")]
    assert "Apache-2.0" in run.stderr


@pytest.mark.parametrize("family", ["yolox", "vad"])
def test_a_package_of_ones_own_is_checked(tmp_path: Path, family: str) -> None:
    model = graphs.vad() if family == "vad" else graphs.yolox(64, 64, graphs.yolox_rows(64, 64, 1))
    io = graphs.VAD_IO if family == "vad" else graphs.YOLOX_IO
    folder = graphs.save_package(tmp_path / "own", model, graphs.manifest(family, *io, ["something"]))
    run = prelabel("check", str(folder))
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(f"planted 1 ({family}, Apache-2.0) is good.")
    facts = json.loads(prelabel("check", str(folder), "--json").stdout)
    assert facts["names"] == ["something"] and facts["timings"][0]["median_ms"] > 0 and facts["memory_mib"] > 0


def test_help_names_the_settings() -> None:
    run = prelabel("--help")
    assert "GLEANER_MODELS" in run.stdout and "GLEANER_CACHE" in run.stdout
