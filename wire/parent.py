"""A process that ends with the one that started it, however that ended.

The parent has one pipe whose writing end it never closes and gives to nobody; each child has the reading end. When the
parent is gone, killed or not, the kernel closes the pipe, and the child ends itself as by SIGTERM. The death signal of
Linux would come too early: it is sent when the thread that started the child ends.
"""

from __future__ import annotations

import os
import signal
import stat
import threading
import time
from collections.abc import Mapping
from functools import cache
from typing import TypedDict

VARIABLE = "GLEANER_PARENT_PIPE"
GRACE_SECONDS = 30.0


class Bound(TypedDict):
    """Arguments of `subprocess.Popen` and `subprocess.run`."""

    env: dict[str, str]
    pass_fds: tuple[int, ...]


def bound(environment: Mapping[str, str] | None = None) -> Bound:
    """What `subprocess` needs for a child that calls `end_with_parent`, as every `gleaner` command does.

    Args:
        environment: the child's; this process's own when left out.
    """
    reading = _pipe()[0]
    given = os.environ if environment is None else environment
    return Bound(env={**given, VARIABLE: str(reading)}, pass_fds=(reading,))


@cache
def _pipe() -> tuple[int, int]:
    return os.pipe()


def end_with_parent() -> None:
    """Called once at the start of a child: from now on it ends as by SIGTERM when its parent is gone.

    One that takes more than GRACE_SECONDS to end is killed. Without a parent that gave a pipe nothing happens.
    """
    reading = os.environ.pop(VARIABLE, "")
    if reading.isdecimal():
        threading.Thread(target=_wait, args=(int(reading),), name="parent", daemon=True).start()


def _wait(reading: int) -> None:
    try:
        if not stat.S_ISFIFO(os.fstat(reading).st_mode):
            return
        while os.read(reading, 1):
            pass
    except OSError:  # a program in between handed the variable on and not the pipe
        return
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
