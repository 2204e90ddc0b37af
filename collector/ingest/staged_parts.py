"""The parts of a capture as files of the worker that opens it, each with its sha256."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from collector.store.blobs import BlobStore
from collector.store.blobs_local import disk_errors
from collector.store.objects import Objects
from collector.store.s3_place import S3Place
from collector.store.staging_s3 import FOLDER, read_pieces
from wire.canonical import sha256_hex
from wire.files import file_sha256


class StagedPart(NamedTuple):
    path: Path
    sha256: str


@contextmanager
def staged_parts(inputs: dict[str, Any], blobs: BlobStore) -> Iterator[dict[str, StagedPart]]:
    """The `parts` of the inputs by name: paths in the staging folder, or with `staging` pieces on that server.

    Each is read once, and hashed meanwhile. Pieces are brought into files that last as long as the block.

    Raises:
        DiskFull, StorageUnusable.
    """
    if inputs.get("staging") is None:
        paths = {name: Path(path) for name, path in inputs["parts"].items()}
        yield {name: StagedPart(path, _sha256(path)) for name, path in paths.items()}
        return
    objects = Objects(S3Place(**inputs["staging"]), FOLDER)
    with blobs.working_folder() as folder:
        yield {
            name: _download(objects, pieces, folder / f"part-{number}")
            for number, (name, pieces) in enumerate(inputs["parts"].items())
        }


def _sha256(path: Path) -> str:
    """Of a part as it lies on the disk; an empty one may have no file."""
    if not path.exists():
        return sha256_hex(b"")
    with disk_errors("A part cannot be read"):
        return file_sha256(path)


def _download(objects: Objects, pieces: list[tuple[str, int]], path: Path) -> StagedPart:
    digest = hashlib.sha256()
    with disk_errors("A part could not be downloaded from staging"), path.open("xb") as file:
        for data in read_pieces(objects, pieces):
            digest.update(data)
            file.write(data)
    return StagedPart(path, digest.hexdigest())
