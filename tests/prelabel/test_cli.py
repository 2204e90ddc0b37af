"""`gleaner prelabel` as processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from prelabel.models import catalogue
from tests import needs
from tests.prelabel import graphs
from tests.prelabel.command import prelabel

NO_INDEX = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "",
    "PIP_CONFIG_FILE": "/dev/null",
}  # fmt: skip


def test_models_are_listed_with_licence_and_place(tmp_path: Path) -> None:
    run = prelabel("models", GLEANER_CACHE=str(tmp_path), GLEANER_MODELS="")
    assert run.returncode == 0, run.stderr
    assert "yolox-nano" in run.stdout and "Apache-2.0" in run.stdout
    assert "comes from silero-vad 6.2.3" in run.stdout
    rows = json.loads(prelabel("models", "--json", GLEANER_CACHE=str(tmp_path), GLEANER_MODELS="").stdout)
    vad = next(row for row in rows if row["name"] == "silero-vad")
    assert vad["path"] is None and vad["bytes"] == 2327524 and vad["licence"] == "MIT"


def test_a_folder_shows_as_the_place(tmp_path: Path) -> None:
    folder = needs.testdata("models/yolox_nano.onnx").parent
    rows = json.loads(prelabel("models", "--json", GLEANER_MODELS=str(folder)).stdout)
    assert next(row["path"] for row in rows if row["name"] == "yolox-nano") == str(folder / "yolox_nano.onnx")
    run = prelabel("pull", "yolox-nano", "yunet", GLEANER_MODELS=str(folder), GLEANER_CACHE=str(tmp_path))
    assert run.stdout.splitlines() == [str(folder / "yolox_nano.onnx"), str(folder / "yunet_n_dynamic.onnx")]
    assert "yolox-nano: licence Apache-2.0, YOLOX by Megvii" in run.stderr
    assert "yunet 0047ac24 is installed: a dry run and its golden sample passed." in run.stderr


def test_the_licence_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    run = prelabel(
        "pull", "silero-vad", GLEANER_CACHE=str(tmp_path), GLEANER_MODELS="",
        **NO_INDEX,
    )  # fmt: skip
    assert run.returncode == 3 and "[model-unavailable]" in run.stderr
    assert run.stderr.startswith("silero-vad: licence MIT, Silero Team")


@pytest.mark.parametrize("family", ["yolox", "vad"])
def test_a_package_of_ones_own_is_checked(tmp_path: Path, family: str) -> None:
    model = graphs.vad() if family == "vad" else graphs.yolox(64, 64, graphs.yolox_rows(64, 64, 1))
    io = graphs.VAD_IO if family == "vad" else graphs.YOLOX_IO
    folder = graphs.save_package(tmp_path / "own", model, graphs.manifest(family, *io, ["something"]))
    run = prelabel("check", str(folder))
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(f"planted 1 ({family}, Apache-2.0) works.")
    assert "golden sample: none stated" in run.stdout
    facts = json.loads(prelabel("check", str(folder), "--json").stdout)
    assert facts["names"] == ["something"] and facts["timings"][0]["median_ms"] > 0 and facts["memory_mib"] > 0
    assert facts["golden"] is None and facts["graph"] == "original"


def test_what_a_package_says_is_shown_as_it_stands(tmp_path: Path) -> None:
    """A licence, a folder's name: the words of others are no markup."""
    model, text = (
        graphs.yolox(64, 64, graphs.yolox_rows(64, 64, 1)),
        graphs.manifest("yolox", *graphs.YOLOX_IO, ["cup"]),
    )
    own = graphs.save_package(tmp_path / "[" / "own]", model, text.replace("Apache-2.0", "[/b] ours :cat: [red]"))
    places = {"GLEANER_CACHE": str(tmp_path / "cache"), "GLEANER_MODELS": ""}
    pulled = prelabel("pull", str(own), **places)
    assert pulled.returncode == 0, pulled.stderr
    assert pulled.stderr.startswith("planted: licence [/b] ours :cat: [red]\n")
    assert "[/b] ours :cat: [red]" in prelabel("models", **places).stdout
    timed = prelabel("bench", str(own), "--runs", "3", **places)
    assert timed.returncode == 0, timed.stderr
    assert str(own) in timed.stdout


def test_a_cache_that_may_only_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    model = needs.testdata("models/yolox_nano.onnx")
    run = prelabel("check", str(model), GLEANER_CACHE=str(tmp_path / "file"))
    assert run.returncode == 0, run.stderr
    assert "(no optimised copy: " in run.stdout and "cannot be written" in run.stdout
    cache = {"GLEANER_CACHE": str(tmp_path / "cache")}
    assert "an optimised copy is kept" in prelabel("check", str(model), **cache).stdout
    assert "from an optimised copy" in prelabel("check", str(model), **cache).stdout


def test_help_names_the_settings() -> None:
    run = prelabel("--help")
    assert "GLEANER_MODELS" in run.stdout and "GLEANER_CACHE" in run.stdout


def test_listing_loads_nothing_heavy() -> None:
    program = (
        "import sys\nfrom prelabel.cli import app\n"
        "app(['models'], standalone_mode=False)\n"
        "print('loaded:', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=needs.ROOT, capture_output=True, text=True, timeout=60)
    loaded = set(run.stdout.splitlines()[-1].split())
    assert "prelabel" in loaded
    assert not {"onnxruntime", "cv2", "av", "httpx", "numpy"} & loaded


def test_a_golden_sample_that_cannot_be_had_is_said(tmp_path: Path) -> None:
    """The photograph comes from the package index; without it the model is tried out, and nobody is told otherwise."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "centerface.onnx").write_bytes(catalogue.fetch("centerface").read_bytes())
    places = {"GLEANER_CACHE": str(tmp_path / "cache"), "GLEANER_MODELS": str(folder)}
    run = prelabel("check", "centerface", **NO_INDEX, **places)
    assert run.returncode == 0, run.stderr
    assert "its golden sample was NOT run: photo-person is not on this machine" in run.stdout
    pulled = prelabel("pull", "centerface", **NO_INDEX, **places)
    assert "a dry run passed; its golden sample was NOT run" in pulled.stderr
    told = json.loads(prelabel("check", "centerface", "--json", **NO_INDEX, **places).stdout)
    assert told["golden"] is None and "photo-person" in told["golden_problem"]
