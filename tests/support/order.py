"""Which tests come first: those that take longest, so that none of them is left at the end with all others done.

A file's tests run in one worker, one after the other, since they share what is expensive (a browser, a collector);
those from end to end share nothing, and each goes to whoever is free.
"""

from __future__ import annotations

import os

import pytest
from xdist.scheduler import LoadFileScheduling

ALONE = "tests/end_to_end/"
LONG = (
    ALONE,
    "tests/prelabel/redaction/test_known_faces.py",
    "tests/prelabel/labelling/test_video_people.py",
    "tests/test_wheel.py",
    "tests/collector/test_several_processes.py",
    "tests/collector/bulk/test_ray_engine.py",
    "tests/hardware/",
    "tests/web/",
    "tests/device_agent/",
    "tests/collector/",
)


def place(item: pytest.Item) -> int:
    """Where a test's folder stands in the order."""
    found = [number for number, start in enumerate(LONG) if item.nodeid.startswith(start)]
    return found[0] if found else len(LONG)


class LongestFirst(LoadFileScheduling):
    """Files in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(ALONE) else str(super()._split_scope(nodeid))


def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: most tests wait for processes, so there are more of them at a time than cores."""
    return len(os.sched_getaffinity(0)) + 2 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 2


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LongestFirst | None:
    if config.getoption("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False
    return LongestFirst(config, log)
