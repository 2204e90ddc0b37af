"""A crash leaves nothing of a process's memory on a disk."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.needs import ROOT


@pytest.mark.parametrize(("most", "expected"), [("0", 0), ("hard", 1)])
def test_a_crash_gives_the_memory_neither_to_a_file_nor_to_a_collector_of_crashes(most: str, expected: int) -> None:
    """Linux gives a core to a program in core_pattern whatever the limit is, unless that is one byte."""
    code = (
        "import resource as r; from wire.core_dumps import forbid_core_dumps as forbid\n"
        f"hard = r.getrlimit(r.RLIMIT_CORE)[1]; r.setrlimit(r.RLIMIT_CORE, ({most}, {most}))\n"
        "forbid(); print(*r.getrlimit(r.RLIMIT_CORE), hard)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    soft, left, hard = map(int, told)
    assert soft == (expected if hard else 0) and left == (hard if most == "hard" else 0)


def test_no_command_and_no_process_that_it_starts_leaves_its_memory() -> None:
    program = (
        "import resource, subprocess, sys, gleaner\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)\n"
        "sys.argv = ['gleaner', '--version']\n"
        "try:\n    gleaner.main()\nexcept SystemExit:\n    pass\n"
        "own = 'import resource; print(resource.getrlimit(resource.RLIMIT_CORE)[0])'\n"
        "sys.exit(subprocess.run([sys.executable, '-c', own]).returncode)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    version, limit = done.stdout.splitlines()
    assert version.startswith("gleaner ") and limit in ("0", "1")
