"""Commands that work for minutes next to the service."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os
from collector.cli.background import NICE, stand_back
before = os.nice(0)
stand_back()
assert os.nice(0) == max(before, NICE) > 0
"""


def test_a_command_that_stands_back_leaves_processor_time_to_the_service() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=60)
