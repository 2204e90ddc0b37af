"""What a test needs from the machine: a skip says what to install; with GLEANER_CI=1 it is a failure instead."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def need(condition: object, install: str) -> None:
    """Go on if `condition` holds; else skip (in CI: fail) with the sentence `install`."""
    if condition:
        return
    if os.environ.get("GLEANER_CI") == "1":
        pytest.fail(f"CI has to provide this: {install}")
    pytest.skip(install)


def need_program(name: str, package: str) -> str:
    """The path of a program that a Debian package provides."""
    path = shutil.which(name)
    need(path, f"{name} is missing: sudo make system (or apt-get install {package})")
    assert path is not None
    return path


def testdata(relative: str) -> Path:
    """A file of the shared test data, which is not part of the project: GLEANER_TESTDATA or beside the checkout."""
    path = _testdata() / relative
    if not path.exists():
        pytest.skip(f"{relative} is not here: point GLEANER_TESTDATA at a folder that holds it")
    return path


def shared_models() -> Path | None:
    """The folder of models in the shared test data, None where there is none."""
    folder = _testdata() / "models"
    return folder if folder.is_dir() else None


def _testdata() -> Path:
    return Path(os.environ.get("GLEANER_TESTDATA", ROOT.parent / "shared" / "testdata"))


testdata.__test__ = False  # type: ignore[attr-defined]  # pytest would take its name for a test
