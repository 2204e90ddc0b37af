"""One capture through one model, on this machine or another: the item of a run. Knows no database.

What it computes is known by its input (the bytes of the capture by their hash, the model by its own and its
manifest's), and the document is the same each time, so doing it twice is harmless.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from collector.bulk.batch import BulkUnable
from collector.bulk.media import open_media
from prelabel.labelling.one_file import check_model, label_file
from wire.errors import GleanerError

WORK = "collector.prelabels.label_capture:label_capture"


def label_capture(inputs: dict[str, Any]) -> dict[str, Any]:
    """What `label_file` answers. `inputs` are its own, but for `original` and `frames`, keys of blobs, and `blobs`,
    a `BlobsLocation`.

    Raises:
        BulkUnable: the model or the blobs are not as they were when the run was started: no capture can be labelled.
        BlobMissing, BlobDamaged, DiskFull, StorageUnusable; what `label_file` raises.
    """
    try:
        check_model(inputs)
    except GleanerError as error:
        raise BulkUnable(error.message, hint=error.hint) from error
    blobs = open_media(inputs["blobs"])
    with ExitStack() as held:
        path = held.enter_context(blobs.local_file(inputs["original"]))
        frames = inputs["frames"] and held.enter_context(blobs.local_file(inputs["frames"]))
        return label_file({**inputs, "path": str(path), "frames": frames and str(frames)})
