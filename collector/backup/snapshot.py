"""A snapshot: what one backup saved, as a document of its own, written last."""

from __future__ import annotations

from pathlib import PurePosixPath

from pydantic import field_validator

from wire.base import Count, Document, Sha256, Utc, WireModel
from wire.canonical import document_hash


class RowList(WireModel):
    """Rows in the order of their primary key, as lines of JSON in segments. `sha256` is of all lines together.

    `segments` are the contents of objects: each a zlib stream of whole lines.
    """

    name: str
    columns: tuple[str, ...]
    rows: Count
    sha256: Sha256
    segments: tuple[Sha256, ...]


class SavedFile(WireModel):
    """A small file of the data folder; its content is an object."""

    path: str
    sha256: Sha256

    @field_validator("path")
    @classmethod
    def _is_inside(cls, value: str) -> str:
        parts = PurePosixPath(value).parts
        if not parts or ".." in parts or value.startswith("/"):
            raise ValueError("a path inside the data folder is expected")
        return value


class BackupSnapshot(Document):
    """`tables` are in the order in which they can be filled; `blobs` lists key and bytes of every blob they name.

    `missing` are blobs that the collector did not have any more, or had damaged, when it was made.
    """

    id: str
    started_at: Utc
    finished_at: Utc
    version: str  # of Gleaner
    data_schema: str  # of the database
    tables: tuple[RowList, ...]
    blobs: RowList
    blob_bytes: Count
    files: tuple[SavedFile, ...]
    missing: tuple[Sha256, ...]

    @property
    def digest(self) -> str:
        """One hash over every row and every blob: equal here, in what is restored, and in `collector verify`."""
        return digest_of({table.name: table.sha256 for table in self.tables}, self.blobs.sha256)

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)


def digest_of(tables: dict[str, str], blobs: str) -> str:
    """sha256 over the canonical JSON of the hash of each table and that of the list of blobs."""
    return document_hash({"tables": tables, "blobs": blobs})
