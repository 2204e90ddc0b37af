"""Where media lie: immutable blobs known by the sha256 of their bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from wire.errors import GleanerError


class BlobMissing(GleanerError):
    """A row names a blob that is not there."""

    code = "blob-missing"
    status = 410
    hint = "The media was erased, or the blobs folder was not restored together with the database."


class DiskFull(GleanerError):
    """No room to keep what was sent. What is already durable stays."""

    code = "disk-full"
    status = 507
    retryable = True
    hint = "Make room on the disk that holds the collector's data folder; senders continue automatically."


class StorageUnusable(GleanerError):
    """The data folder cannot be written or read: read-only, unmounted, another user's, or a failing disk."""

    code = "storage-unusable"
    status = 503
    exit_code = 3
    retryable = True
    hint = (
        "Check that the disk with the data folder is mounted and writable, and that the folder belongs to the user who"
        " runs the collector."
    )


class BlobStore(Protocol):
    """Six duties. Keys are 64 lower-case hex digits; a blob never changes once its key is returned."""

    def put_file(self, path: Path, key: str | None = None) -> str:
        """Save the bytes of `path` and return their key, after they and their name are on disk.

        The caller guarantees that nobody writes to `path` any more; the file itself stays the caller's. `key`: the
        sha256 of its bytes, from a caller who has just read all of them; they are read once more without it.

        Raises:
            DiskFull: there is no room.
            StorageUnusable: the disk refuses for another reason.
        """
        ...

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """Bytes [start, end) in pieces of at most 1 MiB. Raises BlobMissing."""
        ...

    def size(self, key: str) -> int:
        """Bytes of a blob. Raises BlobMissing."""
        ...

    def exists(self, key: str) -> bool: ...

    def delete(self, key: str) -> None:
        """Remove a blob; one that is not there is no error."""
        ...

    def path_of(self, key: str) -> Path:
        """A local file with the bytes, for decoders. Raises BlobMissing."""
        ...
