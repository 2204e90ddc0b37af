"""`gleaner prelabel …` as a user runs it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

from tests import needs


def prelabel(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from gleaner import main; main()", "prelabel", *arguments],
        cwd=needs.ROOT,
        env={**os.environ, "COLUMNS": "200", **environ},
        capture_output=True,
        text=True,
        timeout=120,
    )
