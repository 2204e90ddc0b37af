"""Commands that work for minutes next to the service."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from collector.bulk.background import FREE_SHARE, PAUSE_SHARE, STRETCH_SECONDS, Pauses, free_seconds

PROGRAM = """
import os
from collector.bulk.background import NICE, stand_back
before = os.nice(0)
stand_back()
assert os.nice(0) == max(before, NICE) > 0
"""


def test_a_command_that_stands_back_leaves_processor_time_to_the_service() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=60)


EXPORT = """
import os, sys
class Finder:
    def find_spec(name, path=None, target=None):
        if name == "collector.exports.jsonl":
            print(os.nice(0))
sys.meta_path.insert(0, Finder)
from gleaner import main
main()
"""


def test_an_export_stands_back_before_it_loads_what_it_needs(tmp_path: Path) -> None:
    words = ["collector", "export", "--to", str(tmp_path / "to"), "--data", str(tmp_path / "none")]
    ended = subprocess.run([sys.executable, "-c", EXPORT, *words], capture_output=True, text=True, timeout=60)
    assert ended.returncode != 0, "there is nothing to export"
    assert ended.stdout.split() == ["19"]  # that of this process was set to 0 for the tests


class Machine:
    """A clock, how much of the processors is free while it goes on, and the pauses that were made."""

    def __init__(self) -> None:
        self.now, self.free, self.paused = 100.0, 7000.0, list[float]()
        self.pauses = Pauses(lambda: self.free, lambda: self.now, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.work(seconds, free=1.0)

    def work(self, seconds: float, *, free: float) -> None:
        self.now += seconds
        self.free += seconds * free


@pytest.mark.parametrize(
    ("seconds", "free", "paused"),
    [
        (STRETCH_SECONDS * 0.9, 0.0, 0.0),
        (STRETCH_SECONDS * 1.5, 0.0, STRETCH_SECONDS * 1.5 * PAUSE_SHARE),
        (STRETCH_SECONDS * 1.5, FREE_SHARE * 0.9, STRETCH_SECONDS * 1.5 * PAUSE_SHARE),
        (STRETCH_SECONDS * 1.5, FREE_SHARE * 1.1, 0.0),
        (3600.0, 0.0, 2 * STRETCH_SECONDS * PAUSE_SHARE),  # a film in one piece, or a laptop that slept
    ],
)
def test_long_work_pauses_after_a_stretch_on_a_busy_machine(seconds: float, free: float, paused: float) -> None:
    machine = Machine()
    machine.work(seconds, free=free)
    machine.pauses.take()
    assert sum(machine.paused) == pytest.approx(paused)


def test_what_a_pause_leaves_free_does_not_count_as_a_machine_with_nothing_to_do() -> None:
    machine = Machine()
    for _ in range(50):
        machine.work(STRETCH_SECONDS * 1.1, free=0.0)
        machine.pauses.take()
    assert len(machine.paused) == 50


def test_this_machine_says_how_much_was_free() -> None:
    assert free_seconds() > 0
