"""Processes that work for minutes next to the service: commands, and what the service starts for long work."""

from __future__ import annotations

import contextlib

NICE = 19  # with 10 an export takes a tenth of a processor from people at work


def stand_back() -> None:
    """Processor and disk are for the service first. Threads that were started before do not stand back."""
    import psutil

    process = psutil.Process()
    with contextlib.suppress(psutil.Error, OSError):
        process.nice(NICE)
        process.ionice(psutil.IOPRIO_CLASS_BE, 7)
