"""From a fresh clone: what is missing on the machine is one sentence, before anything is made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import ROOT, need


def clone(folder: Path) -> Path:
    """As much of a clone as the bootstrap looks at."""
    (folder / "hardware" / "install").mkdir(parents=True)
    for name in ("pyproject.toml", "constraints.txt", "hardware/install/bootstrap.py"):
        shutil.copy(ROOT / name, folder / name)
    return folder / "hardware" / "install" / "bootstrap.py"


def bootstrap(script: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )


def test_a_python_without_ensurepip(tmp_path: Path) -> None:
    script = clone(tmp_path / "clone")
    hide = tmp_path / "hide"
    hide.mkdir()
    (hide / "sitecustomize.py").write_text("import sys\nsys.modules['ensurepip'] = None\n")
    done = bootstrap(script, PYTHONPATH=str(hide))
    assert done.returncode == 3
    assert "ensurepip" in done.stderr and "python3-venv" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "clone" / ".venv").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    need(os.geteuid() == 0, "a small disk can be mounted by root only: run the tests as root")
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], check=False).returncode != 0:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_no_room_on_the_disk(small_disk: Path) -> None:
    done = bootstrap(clone(small_disk / "clone"))
    assert done.returncode == 3
    assert "no room on the disk" in done.stderr and "MiB" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_demo_needs_room_for_its_data(small_disk: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "gleaner",
            "demo",
            "--once",
            "--port",
            "0",
            "--page-port",
            "0",
            "--data",
            str(small_disk),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "no room on the disk" in done.stderr and "[demo-no-room]" in done.stderr
