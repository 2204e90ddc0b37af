"""Where media lie: immutable blobs known by the sha256 of their bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wire.errors import GleanerError

PIECE = 1 << 20
MAX_BYTES = 1 << 48  # no blob is that long
# A link to a blob works for so long at most: it cannot be taken back.
MAX_LINK_SECONDS = 60
MARK = ".database"  # the name of what says which database the blobs belong to


class BlobMissing(GleanerError):
    """A row names a blob that is not there."""

    code = "blob-missing"
    status = 410
    hint = "The media was erased, or the blobs folder was not restored together with the database."


class BlobDamaged(GleanerError):
    """The bytes of a blob are not those that its key promises."""

    code = "blob-damaged"
    status = 500
    hint = "`gleaner collector verify` lists every damaged blob; docs/backup.md says how to put back a good copy."


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


@dataclass(frozen=True)
class StoredBlob:
    """One of the blobs that are there. `stored_at`: seconds since 1970."""

    key: str
    bytes: int
    stored_at: float


class BlobStore(Protocol):
    """Keys are 64 lower-case hex digits; a blob never changes once its key is returned.

    Safe in several threads and processes at once. Each method may wait for a disk or a server: not on the event loop.
    """

    def put_file(self, path: Path, key: str | None = None) -> str:
        """Save the bytes of `path` and return their key, after they and their name are durable.

        The caller guarantees that nobody writes to `path` any more; the file itself stays the caller's. `key`: the
        sha256 of its bytes, from a caller who has just read all of them; they are read once more without it.

        Raises:
            DiskFull: there is no room.
            StorageUnusable: the storage refuses for another reason.
        """
        ...

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """Bytes [start, end) in pieces of at most 1 MiB.

        Raises:
            BlobMissing, StorageUnusable. OSError: the disk cannot read this one.
        """
        ...

    def size(self, key: str) -> int:
        """Bytes of a blob. Raises BlobMissing, StorageUnusable."""
        ...

    def exists(self, key: str) -> bool:
        """Raises StorageUnusable."""
        ...

    def link(self, key: str, media_type: str, seconds: int) -> str | None:
        """An address from which anybody can get a blob for so many seconds, 1 to MAX_LINK_SECONDS.

        None: this storage has none. Whether the blob is there is not asked. Raises StorageUnusable.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove a blob; one that is not there is no error. Raises StorageUnusable."""
        ...

    def list(self) -> Iterator[StoredBlob]:
        """Every whole blob, in the order of their keys. Raises StorageUnusable."""
        ...

    def local_file(self, key: str) -> AbstractContextManager[Path]:
        """A local file with the bytes, for decoders, as long as the block lasts. It is only read.

        Raises:
            BlobMissing, BlobDamaged, DiskFull, StorageUnusable.
        """
        ...

    def working_folder(self) -> AbstractContextManager[Path]:
        """A local folder for files in the making, deleted after the block. `put_file` is quick with files in it.

        Raises:
            DiskFull, StorageUnusable: it cannot be made.
        """
        ...

    def remove_unfinished(self) -> None:
        """Remove what killed processes had in the making; what somebody still works at stays."""
        ...

    def check_usable(self) -> None:
        """Write a few bytes. Raises DiskFull, StorageUnusable."""
        ...

    def read_mark(self) -> str | None:
        """Which database the blobs belong to. Raises StorageUnusable."""
        ...

    def write_mark(self, mark: str) -> None:
        """Raises DiskFull, StorageUnusable."""
        ...


def read_whole(blobs: BlobStore, key: str) -> bytes:
    """All bytes of a small blob. Raises what `read` does."""
    return b"".join(blobs.read(key, 0, MAX_BYTES))


def blob_name(key: str) -> str:
    """Where a blob is below the folder of all blobs."""
    return f"{key[:2]}/{key[2:4]}/{key}"
