"""A batch on a node of a Ray cluster: with the collector's version and the model that came with it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from collector.bulk.batch import VERSION_HINT, BulkUnable, all_unable, do_batch
from prelabel.labelling.model_files import ModelFiles, use_copied
from prelabel.labelling.worker import BULK_NICENESS, limit_this_process
from wire.errors import GleanerError
from wire.version import installed_version


def do_on_node(request: dict[str, Any], job: dict[str, Any], boxed: list[Any]) -> dict[str, Any]:
    """`do_batch` in a process of Ray.

    Args:
        job: `version` of Gleaner, `memory_bytes`, and `model`: its files as `ModelFiles`, None where none is needed.
        boxed: a reference to the bytes of the model's files; it is followed once per node.
    """
    try:
        _check_version(job["version"])
        _limit(job["memory_bytes"])
        if job["model"] is not None:
            model = use_copied(ModelFiles(**job["model"]), lambda: _bodies(boxed))
            request = {**request, "common": {**request["common"], "model": model}}
    except GleanerError as error:
        return all_unable(len(request["items"]), error.message, error.hint)
    return do_batch(request)


def _bodies(boxed: list[Any]) -> Mapping[str, bytes]:
    import ray

    bodies: Mapping[str, bytes] = ray.get(boxed[0])
    return bodies


def _check_version(version: str) -> None:
    here = installed_version()
    if here != version:
        raise BulkUnable(
            f"A node of the Ray cluster has Gleaner {here}, the collector {version}.",
            hint=VERSION_HINT,
        )


@lru_cache(maxsize=1)
def _limit(memory_bytes: int) -> None:
    limit_this_process(memory_bytes, BULK_NICENESS)
