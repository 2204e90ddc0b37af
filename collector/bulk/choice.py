"""The engine that the settings ask for."""

from __future__ import annotations

from collections.abc import Sequence

from collector.bulk.engine import BulkEngine
from collector.bulk.local import LocalEngine
from collector.settings import Settings


def open_engine(settings: Settings, *, preload: Sequence[str]) -> BulkEngine:
    """Start it for one piece of work.

    Args:
        preload: modules that the work needs.
    """
    return LocalEngine(settings.bulk.processes or settings.workers, preload, settings.worker_memory_bytes)
