"""From a fresh clone: what is missing on the machine is one sentence, before anything is made."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.needs import ROOT, need
from tests.package_index import NAME, package_index, wheel_of
from tests.support.demo import demo_once


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
    assert "The disk is too full" in done.stderr and "MiB" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_demo_needs_room_for_its_data(small_disk: Path) -> None:
    done = subprocess.run(
        demo_once(small_disk),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "The disk is too full" in done.stderr and "[demo-no-room]" in done.stderr


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "hardware" / "install" / "bootstrap.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PIP = """
import sys
for number in range(25):
    print(f"Collecting thing{number} (from -r list)")
print("Installing collected packages: thing0, thing1")
print("ERROR: no room for thing24")
sys.exit(int(sys.argv[1]))
"""


def test_installing_shows_how_far_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    assert loaded().run_with_progress([sys.executable, "-c", PIP, "0"])
    told = capfd.readouterr().err
    assert "10 packages" in told and "20 packages" in told and "ERROR" not in told


def test_a_failed_installation_shows_the_last_lines(capfd: pytest.CaptureFixture[str]) -> None:
    assert not loaded().run_with_progress([sys.executable, "-c", PIP, "1"])
    assert "ERROR: no room for thing24" in capfd.readouterr().err


def test_the_former_distribution_is_uninstalled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside `gleaner-suite` it would take the command with it when it goes."""
    bootstrap = loaded()
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    monkeypatch.setattr(bootstrap, "VENV", folder)
    site = next(folder.glob("lib/python3*/site-packages"))
    for name in ("gleaner-0.1.0", "gleaner_suite-0.1.0"):
        info = site / f"{name}.dist-info"
        info.mkdir()
        project = name.split("-")[0].replace("_", "-")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project}\nVersion: 0.1.0\n")
        (info / "RECORD").write_text(f"{name}.dist-info/METADATA,,\n{name}.dist-info/RECORD,,\n")
        (info / "INSTALLER").write_text("pip\n")
    bootstrap.remove_old_names()
    assert not (site / "gleaner-0.1.0.dist-info" / "METADATA").exists()
    assert (site / "gleaner_suite-0.1.0.dist-info" / "METADATA").exists()


def test_the_environment_has_pip_and_what_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setuptools, nothing of pip compiled, and no second copy of the wheels in pip's cache."""
    bootstrap = loaded()
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / "venv")
    bootstrap.make_venv(sys.executable)
    with package_index(wheel_of({"weights.txt": b"weights" * 1000}), tmp_path / "pip") as settings:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        bootstrap.install("run", [NAME])
    site = next((tmp_path / "venv").glob("lib/python3*/site-packages"))
    there = {path.name.split("-")[0] for path in site.glob("*.dist-info")}
    assert there == {"pip", NAME.replace("-", "_")}
    assert not (site / "setuptools").exists() and not (site / "pkg_resources").exists()
    assert list((site / "pip").rglob("*.py")) and not list((site / "pip").rglob("*.pyc"))
    assert not (tmp_path / "pip").exists()


def test_an_environment_whose_pip_is_missing_gets_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted run leaves one; and not every Python has the wheel of pip where it is looked for."""
    bootstrap = loaded()
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / "venv")
    monkeypatch.setattr(bootstrap, "PIP_WHEEL", "raise SystemExit('no wheel')")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    bootstrap.make_venv(sys.executable)
    subprocess.run([str(tmp_path / "venv" / "bin" / "pip"), "--version"], check=True, capture_output=True)


@pytest.mark.parametrize("is_there", [True, False])
def test_the_environment_sees_the_systems_libcamera_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    bootstrap = loaded()
    system = tmp_path / "dist-packages"
    system.mkdir()
    if is_there:
        (system / "libcamera").mkdir()
    monkeypatch.setattr(bootstrap, "SYSTEM_LIBCAMERA", (system / "libcamera",))
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / "venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    bootstrap.allow_system_packages()
    config = (tmp_path / "venv" / "pyvenv.cfg").read_text()
    assert ("include-system-site-packages = true" in config) == is_there
