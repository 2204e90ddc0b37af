"""Work functions for test_jobs.py; they run in the worker process."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any


def square(inputs: dict[str, Any]) -> dict[str, Any]:
    print("noise on standard output must not disturb the answers")
    return {"square": inputs["number"] ** 2, "pid": os.getpid()}


def burn(inputs: dict[str, Any]) -> dict[str, Any]:
    if inputs["key"] == "bad":
        raise ValueError("it burns")
    return {}


def die_once(inputs: dict[str, Any]) -> dict[str, Any]:
    mark = Path(inputs["mark"])
    if not mark.exists():
        mark.touch()
        os._exit(9)
    return {}


def wait_for_file(inputs: dict[str, Any]) -> dict[str, Any]:
    """Long work: it ends when the test makes the file. Short work has no file to wait for."""
    while "file" in inputs and not Path(inputs["file"]).exists():
        time.sleep(0.01)
    if inputs["key"] == "bad":
        raise ValueError("it burns")
    return {}


def sleep(inputs: dict[str, Any]) -> dict[str, Any]:
    time.sleep(600)
    return {}


def allocate(inputs: dict[str, Any]) -> dict[str, Any]:
    """Use so many bytes of memory for a moment; says how this process stands beside others."""
    size = len(bytearray(inputs["bytes"]))
    score = Path("/proc/self/oom_score_adj").read_text(encoding="ascii").strip()
    return {"size": size, "nice": os.nice(0), "oom_score": int(score)}
