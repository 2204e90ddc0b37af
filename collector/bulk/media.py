"""The media of an item of bulk work, as the process that does it has them, on the collector's machine or another."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from collector.bulk.batch import BulkUnable
from collector.store.blobs import BlobStore
from collector.store.open_blobs import BlobsLocation, open_blobs


def open_media(inputs: Mapping[str, Any]) -> BlobStore:
    """The blobs at a `BlobsLocation`; a process opens them once.

    Copies of what lies on a server go to the location's folder on the collector's machine, elsewhere below this user's
    cache folder.

    Raises:
        BulkUnable: they lie in a folder that is not on this machine. What `open_blobs` raises.
    """
    return _opened(BlobsLocation.read(inputs))


@lru_cache(maxsize=1)
def _opened(location: BlobsLocation) -> BlobStore:
    if location.address is None:
        if not location.folder.is_dir():
            raise BulkUnable(
                f"The folder of the collector's media, {location.folder}, is not on this machine.",
                hint="Mount it at the same path on every node, or keep media on an S3 server (the setting blobs).",
            )
    elif not os.access(location.folder if location.folder.exists() else location.folder.parent, os.W_OK | os.X_OK):
        from prelabel.labelling.model_files import OWN_CACHE  # of other machines alone

        location = replace(location, folder=OWN_CACHE / "blobs")
    return open_blobs(location)
