"""Opening the staging: the one place that knows what its address means."""

from __future__ import annotations

from pathlib import Path

from collector.store.blobs_local import disk_errors
from collector.store.s3_place import S3Place
from collector.store.staging import Staging
from collector.store.staging_local import LocalStaging


def open_staging(folder: Path, reserve_bytes: int, place: S3Place | None) -> Staging:
    """On the server at `place`, else in the folder.

    Raises:
        StorageDriverMissing, DiskFull, StorageUnusable.
    """
    if place is None:
        with disk_errors("The staging folder cannot be used"):
            return LocalStaging(folder, reserve_bytes)
    from collector.store.staging_s3 import S3Staging

    return S3Staging(place)
