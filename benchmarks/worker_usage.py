"""A piece of work for a worker process: what it has used since it began."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any


def usage(_inputs: dict[str, Any]) -> dict[str, float]:
    """`{"cpu_seconds", "peak_mib"}` of this process, the peak as the kernel counts it (VmHWM)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
    return {"cpu_seconds": time.process_time(), "peak_mib": peak / 1024}
