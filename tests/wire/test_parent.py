"""A bound child ends with its parent, also when that is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.needs import ROOT
from wire.parent import VARIABLE, bound

# Writes its process id, then waits far longer than the test.
CHILD = """
import os, pathlib, signal, sys, time
from wire.parent import end_with_parent

end_with_parent()
if "{stubborn}":
    import wire.parent
    wire.parent.GRACE_SECONDS = 0.3
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
time.sleep(300)
"""
PARENT = """
import subprocess, sys, threading, time
from wire.parent import bound

def start():
    subprocess.Popen([sys.executable, "-c", {child!r}, sys.argv[1]], start_new_session=True, **bound())

thread = threading.Thread(target=start)  # one that ends at once, which ends nobody
thread.start()
thread.join()
time.sleep(300)
"""


def written(path: Path) -> int:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if path.exists() and path.read_text():
            return int(path.read_text())
        time.sleep(0.02)
    raise AssertionError("the child did not start")


@pytest.mark.parametrize("stubborn", ["", "yes"])
def test_the_child_of_a_killed_parent_ends(tmp_path: Path, stubborn: str) -> None:
    program = PARENT.format(child=CHILD.format(stubborn=stubborn))
    parent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "pid")], cwd=ROOT)
    child = psutil.Process(written(tmp_path / "pid"))
    assert parent.poll() is None and child.is_running()
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs([child], 60)
    assert alive == []


def test_what_was_not_given_the_pipe_goes_on() -> None:
    """The number may come on in the environment, and stand for nothing or for another file."""
    program = "import time; from wire.parent import end_with_parent; end_with_parent(); time.sleep(0.2); print('well')"
    for number in ("", "97", "0", "none"):
        environment = {**bound()["env"], VARIABLE: number}
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True
        )
        assert (done.returncode, done.stdout) == (0, b"well\n"), number
