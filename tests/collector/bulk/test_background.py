"""Commands that work for minutes next to the service."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
