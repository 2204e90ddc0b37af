"""One stored capture through one model, in a worker process."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from collector.store.open_blobs import BlobsLocation, open_blobs
from prelabel.labelling.one_file import label_file


def label_capture(inputs: dict[str, Any]) -> dict[str, Any]:
    """What `label_file` answers. `inputs` are its own, but for `original` and `frames`, keys of blobs, and `blobs`,
    a `BlobsLocation`.

    Raises:
        BlobMissing, BlobDamaged, DiskFull, StorageUnusable; what `label_file` raises.
    """
    blobs = open_blobs(BlobsLocation.read(inputs["blobs"]))
    with ExitStack() as held:
        path = held.enter_context(blobs.local_file(inputs["original"]))
        frames = inputs["frames"] and held.enter_context(blobs.local_file(inputs["frames"]))
        return label_file({**inputs, "path": str(path), "frames": frames and str(frames)})
