"""The engine that the settings ask for."""

from __future__ import annotations

from collections.abc import Sequence

from collector.bulk.engine import BulkEngine
from collector.bulk.here import HereEngine
from collector.bulk.local import LocalEngine
from collector.settings import Settings


def open_engine(settings: Settings, preload: Sequence[str], model: str | None = None) -> BulkEngine:
    """Start it for one piece of work.

    Args:
        preload: modules that the work needs.
        model: the name or folder of the model that it needs, for nodes that do not have it.

    Raises:
        EngineMissing, ClusterUnusable.
    """
    bulk = settings.bulk
    if bulk.address is None:
        return LocalEngine(bulk.processes or settings.workers, preload, settings.worker_memory_bytes)
    from collector.bulk.ray_engine import RayEngine

    return RayEngine(bulk.address, bulk.processes, settings.worker_memory_bytes, model)


def open_engine_of_command(settings: Settings, preload: Sequence[str]) -> BulkEngine:
    """`open_engine` for a command that ends with its work: one process is the command's own."""
    is_one = settings.bulk.address is None and (settings.bulk.processes or settings.workers) == 1
    return HereEngine() if is_one else open_engine(settings, preload)
