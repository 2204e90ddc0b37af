"""Opening the blobs: the one place that knows what an address means, in the service and in its workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from collector.store.blobs import BlobStore
from collector.store.blobs_local import LocalBlobs, disk_errors

DEFAULT_CACHE_BYTES = 8 * 2**30


@dataclass(frozen=True)
class BlobsLocation:
    """Where blobs lie: in the folder, or at the address; then the folder has copies for decoders.

    `links`: the server as browsers reach it, where they may. Holds no secret: credentials are in the environment of
    each process.
    """

    folder: Path
    address: str | None = None
    endpoint: str | None = None
    region: str | None = None
    cache_bytes: int = DEFAULT_CACHE_BYTES
    links: str | None = None

    def to_json(self) -> dict[str, Any]:
        """For a worker process."""
        return asdict(self) | {"folder": str(self.folder)}

    @classmethod
    def read(cls, inputs: Mapping[str, Any]) -> BlobsLocation:
        return cls(**{**inputs, "folder": Path(inputs["folder"])})


def open_blobs(location: BlobsLocation) -> BlobStore:
    """In the process that uses them: obstore does not survive a fork.

    Raises:
        StorageDriverMissing, DiskFull, StorageUnusable.
    """
    if location.address is None:
        with disk_errors("The folder of the blobs cannot be used"):
            return LocalBlobs(location.folder)
    from collector.store.blobs_obstore import S3Blobs
    from collector.store.s3_place import S3Place

    place = S3Place(location.address, location.endpoint, location.region, location.links)
    return S3Blobs(place, location.folder, location.cache_bytes)
