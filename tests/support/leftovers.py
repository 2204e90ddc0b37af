"""At the end of a run no process that it started lives on: one that does is named, ended, and fails the run.

The run itself is a child. Its parent does nothing but adopt, as init would: every orphan of a test or of a worker comes
to it, also one that has left its session, its group and its environment behind. Linux; nothing is looked for elsewhere.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from typing import NoReturn

import psutil
import pytest

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
# What was asked to end may still be at it.
GRACE_SECONDS = 20.0


def pytest_configure(config: pytest.Config) -> None:
    is_worker = hasattr(config, "workerinput")
    if is_worker or sys.platform != "linux":
        return
    process = ctypes.CDLL(None)
    process.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # not of the child's own: that is not inherited
    here = os.getpid()
    pid = os.fork()
    if pid == 0:
        process.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != here:
            os.kill(os.getpid(), signal.SIGTERM)
        return
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.suspend_global_capture(in_=True)
    _watch(pid)


def _watch(run: int) -> NoReturn:
    """Wait for the end of the run, then look for what it left; ends this process with the code of both."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal gives it to the run as well
    signal.signal(signal.SIGTERM, lambda number, _frame: os.kill(run, number))
    code = None
    while code is None:
        pid, status = os.waitpid(-1, 0)
        if pid == run:
            code = os.waitstatus_to_exitcode(status)
    end = time.monotonic() + GRACE_SECONDS
    while (alive := _living()) and time.monotonic() < end:
        time.sleep(0.1)
    if alive:
        print("\n===== processes left behind =====")
    for one in alive:
        with contextlib.suppress(psutil.Error):
            print(f"{one.pid}  {' '.join(one.cmdline())}")
            one.kill()
    sys.stdout.flush()
    status = code if code >= 0 else 128 - code
    os._exit(status or int(bool(alive)))


def _living() -> list[psutil.Process]:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return psutil.Process().children(recursive=True)
