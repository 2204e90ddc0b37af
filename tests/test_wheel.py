"""The wheel: what ships and what does not, and that it works beside a project with folders of the same names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from hardware.report import PARTS, versions
from tests.needs import ROOT
from wire.version import DISTRIBUTION, installed_version


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
            "--disable-pip-version-check", "-w", str(folder), str(ROOT),
        ],
        capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


def test_what_ships(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops - {name for name in tops if name.endswith(".dist-info")} == {
        "wire", "http_shell", "prelabel", "scripts", "device_agent", "collector", "hardware", "gleaner.py",
    }  # fmt: skip
    assert "collector/web/dist/index.html" in names
    assert "scripts/library/kitchen-greeting/script.yaml" in names
    assert {"prelabel/models/catalogue.toml", "prelabel/models/recipes/ssd-mobilenet.graph"} <= set(names)
    assert "device_agent/page/static/index.html" in names
    unwanted = ("node_modules", "/src/", "tests", ".npmrc", ".onnx", "package.json", ".map")
    assert [name for name in names if any(word in name for word in unwanted)] == []


def test_it_runs_beside_a_project_that_owns_the_same_names(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check",
            "--target", str(installed), str(wheel),
        ],
        check=True, timeout=120,
    )  # fmt: skip
    theirs = tmp_path / "theirs"
    (theirs / "scripts").mkdir(parents=True)
    (theirs / "scripts" / "__init__.py").write_text("raise SystemExit('their scripts were imported')\n")
    (theirs / "wire.py").write_text("raise SystemExit('their wire was imported')\n")
    done = subprocess.run(
        [sys.executable, "-P", str(installed / "bin" / "gleaner"), "scripts", "list"],
        cwd=theirs,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "kitchen-greeting" in done.stdout


def test_no_hint_installs_a_stranger(wheel: Path) -> None:
    assert wheel.name.startswith("gleaner_suite-")
    listed = subprocess.run(["git", "ls-files", "*.py", "*.md", "Makefile"], cwd=ROOT, capture_output=True, text=True)
    names = [name for name in listed.stdout.splitlines() if not name.startswith(("tests/", "docs/decisions/"))]
    assert "collector/store/migrate.py" in names
    stranger = re.compile(r"pip3? install [^`\n]*\bgleaner\b(?!-suite)")
    assert stranger.search("pip install --upgrade gleaner") and stranger.search("pip install 'gleaner[device]'")
    assert [name for name in names if stranger.search((ROOT / name).read_text(encoding="utf-8"))] == []


def test_versions_are_asked_of_our_own_distribution() -> None:
    """Nobody but us has installed a distribution of another name, so asking for it works on no fresh machine."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    assert project["name"] == DISTRIBUTION
    assert installed_version() == versions()[DISTRIBUTION] == project["version"]
    declared = {re.split(r"[<>=\[ ]", words)[0] for words in project["dependencies"]}
    declared |= {re.split(r"[<>=\[ ]", words)[0] for words in project["optional-dependencies"]["device"]}
    assert set(PARTS) <= declared | {DISTRIBUTION}
