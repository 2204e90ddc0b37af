"""At the end of a run no process that it started lives on: one that does is named, ended, and fails the run.

The process that controls the run adopts every orphan of its tests and of their workers (on Linux), so whatever a test
started is found below it, also when it has left its parent, its session or its environment behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys

import psutil
import pytest

PR_SET_CHILD_SUBREAPER = 36
# What has been told to end may still be at it.
GRACE_SECONDS = 20.0
LEFT = pytest.StashKey[list[str]]()


def is_controller(config: pytest.Config) -> bool:
    """Whether this process is no worker of another one."""
    return not hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    if is_controller(config) and sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@pytest.hookimpl(trylast=True)  # the workers have ended by then
def pytest_sessionfinish(session: pytest.Session) -> None:
    if not is_controller(session.config):
        return
    found = session.config.stash[LEFT] = []
    _, alive = psutil.wait_procs(_family(), GRACE_SECONDS)
    for one in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            if one.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{one.pid}  {' '.join(one.cmdline())}")
                one.kill()
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash.get(LEFT, [])
    if rows:
        terminalreporter.section("processes left behind", red=True)
        for row in rows:
            terminalreporter.line(row, red=True)


def _family() -> list[psutil.Process]:
    """What was started here and is not the interpreter's own helper, which ends with it."""
    found = []
    for one in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "multiprocessing.resource_tracker" not in " ".join(one.cmdline()):
                found.append(one)
    return found
