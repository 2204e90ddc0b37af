"""`gleaner demo` as tests run it: one session, on free ports, in a folder of their own."""

from __future__ import annotations

import sys
from pathlib import Path

FREE_PORTS = ("--port", "0", "--page-port", "0")


def demo_once(data: Path, *more: str) -> list[str]:
    """The command line of one session to its end."""
    return [sys.executable, "-m", "gleaner", "demo", "--once", *FREE_PORTS, "--data", str(data), *more]
