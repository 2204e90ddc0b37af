"""The check at the end of a run: it finds what a test left behind, and can fail."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.needs import ROOT

PLUGIN = "from tests.support.leftovers import pytest_configure\n"
# What sleeps for five minutes does not end in the seconds that others are given.
IMPATIENT = "from tests.support import leftovers\nleftovers.GRACE_SECONDS = 1.0\n"
# An orphan in a session of its own, with nothing of this run in its environment.
LEAVES = """
import subprocess, sys

PROGRAM = "import subprocess; subprocess.Popen(['sleep', '301'], env={}, start_new_session=True)"

def test_leaves():
    subprocess.run([sys.executable, "-c", PROGRAM], env={}, check=True)
"""
ENDS = """
import subprocess

def test_ends():
    subprocess.Popen(["sleep", "1"], start_new_session=True)
"""


def run(folder: Path, test: str, *options: str, plugin: str = PLUGIN) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(plugin)
    (folder / "test_it.py").write_text(test)
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:schemathesis",
        *options,
        str(folder),
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment["PYTHONPATH"] = str(ROOT)
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux alone")
@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_what_a_test_left_is_named_and_ended_and_fails_the_run(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = run(tmp_path, LEAVES, *options, plugin=IMPATIENT + PLUGIN)
    assert done.returncode == 1, done.stdout + done.stderr  # the test itself passes
    assert "1 passed" in done.stdout
    found = re.search(r"processes left behind =*\n(\d+)  sleep 301\n$", done.stdout)
    assert found, done.stdout
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(found[1])).wait(60)


def test_what_ends_a_moment_later_fails_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, ENDS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left behind" not in done.stdout
