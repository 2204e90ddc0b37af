"""`gleaner prelabel …` as a user runs it: a process of its own."""

from __future__ import annotations

import os
import subprocess

from tests import needs
from tests.support import warm


def prelabel(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200", **environ}
    return warm.prelabels().run(["prelabel", *arguments], env=environment, timeout=120, cwd=str(needs.ROOT))
