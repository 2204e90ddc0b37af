"""Uploads on an S3 server, `staging/UPLOAD/…` below the address: each checkpoint is an object, known by a row.

The truth about an offset is the row, which is written with the rows of its pieces in one transaction, after the objects
are there. Every object has a name that nobody else makes, so one who was passed over and still writes changes nothing.
The name says with which fence a row was to be written: once the upload has a higher one, nobody can write it any more.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath
from secrets import token_hex
from typing import Any

from collector.store.objects import Objects
from collector.store.s3_place import S3Place
from collector.store.staging import BATCH_BYTES, StagedFile, Staging, UploadPiece
from wire.errors import GleanerError

FOLDER = "staging"
PIECE_BYTES = 8 << 20  # of an upload, in memory until they are an object
# About so much is in memory of all uploads together, with what is being received: where there are many, each takes less
# at a time and has smaller pieces, down to the least.
HELD_BYTES = 96 << 20
MIN_PIECE_BYTES = 256 << 10
MIN_BATCH_BYTES = 64 << 10
MAX_UNNAMED = 10_000
_CHECKED = ".ready"
log = logging.getLogger("gleaner.ingest")


class S3Staging(Staging):
    """A bucket, which any number of processes use."""

    checkpoint_seconds = 4.0
    in_pieces = True

    def __init__(self, place: S3Place) -> None:
        """Raises StorageDriverMissing."""
        super().__init__()
        self._place = place
        self._objects = Objects(place, FOLDER)
        self._holding: set[StagedPieces] = set()
        self._unnamed: dict[str, None] = {}  # in their order
        self._guard = threading.Lock()

    def open_now(self, name: str, offset: int, fence: int = 0) -> StagedPieces:
        return StagedPieces(self, PurePosixPath(name).stem, offset, fence)

    async def true_offset(self, name: str, offset: int) -> int:
        return offset

    async def join(self, target: str, sources: Sequence[tuple[str, int]]) -> int:
        return sum(size for _, size in sources)  # rows name the same objects (`join_pieces`)

    def remove_now(self, names: Sequence[str]) -> None:
        with self._objects.errors("What was opened cannot be removed from staging"):
            self._objects.delete(names)
        self.has_named(names)

    def unnamed(self) -> list[str]:
        with self._guard:
            return list(self._unnamed)

    def has_left(self, names: Sequence[str]) -> None:
        """Objects that were made, or may have been, for which no promise came back."""
        with self._guard:
            self._unnamed |= dict.fromkeys(names)
            for oldest in list(self._unnamed)[:-MAX_UNNAMED]:
                del self._unnamed[oldest]  # a listing finds it

    def has_named(self, names: Sequence[str]) -> None:
        """Rows have them, or they are removed."""
        with self._guard:
            for name in names:
                self._unnamed.pop(name, None)

    def leftovers(self) -> list[str]:
        with self._objects.errors("The staging cannot be listed"):
            return [name for name, _, _ in self._objects.list() if "/" in name]

    def source(self, name: str, pieces: Sequence[UploadPiece]) -> list[tuple[str, int]]:
        return [(piece.name, piece.end - piece.start) for piece in pieces]

    def place(self) -> dict[str, Any]:
        return asdict(self._place)

    def check_usable(self) -> None:
        with self._objects.errors("Nothing more is received"):
            self._objects.check(_CHECKED, b"written to see whether this bucket can be written")

    def begin_holding(self, upload: StagedPieces) -> None:
        """From now on bytes of it are in memory, now and then."""
        with self._guard:
            self._holding.add(upload)

    def end_holding(self, upload: StagedPieces) -> None:
        with self._guard:
            self._holding.discard(upload)

    def is_holding(self, upload: StagedPieces) -> bool:
        return upload in self._holding

    def piece_bytes(self) -> int:
        """How many bytes of one upload are in memory before they have to become an object."""
        return min(PIECE_BYTES, max(MIN_PIECE_BYTES, self._share() // 2))

    def batch_bytes(self) -> int:
        # Some wait while a piece is being stored (WAITING_BATCHES), with one more on either side.
        return min(BATCH_BYTES, max(MIN_BATCH_BYTES, self._share() // 16))

    def _share(self) -> int:
        return HELD_BYTES // max(1, len(self._holding))

    def put_now(self, name: str, data: bytearray) -> None:
        """Raises DiskFull, StorageUnreachable."""
        with self._objects.errors("Nothing more is received"):
            self._objects.put(name, data)


class StagedPieces(StagedFile):
    """One open upload: what came since the last piece is in memory."""

    _staging: S3Staging

    def __init__(self, staging: S3Staging, upload: str, offset: int, fence: int) -> None:
        super().__init__(staging, offset)
        self._upload, self._fence = upload, fence
        self._held = bytearray()
        self._made: list[UploadPiece] = []

    def _put_now(self, pieces: Sequence[bytes]) -> None:
        self._staging.begin_holding(self)
        for piece in pieces:
            self._held += piece
            self.written += len(piece)
            if len(self._held) >= self._staging.piece_bytes():
                self._store_now()

    def _make_durable_now(self) -> None:
        if self._held:
            self._store_now()

    def _store_now(self) -> None:
        start = self.written - len(self._held)
        name = f"{self._upload}/{start:014d}-{self._fence}-{token_hex(8)}"
        try:
            self._staging.put_now(name, self._held)
        except GleanerError:
            self._staging.has_left([name])
            raise
        self._made.append(UploadPiece(start, self.written, name))
        self._held = bytearray()

    def _pieces(self) -> Sequence[UploadPiece]:
        return self._made

    def _promised(self) -> None:
        self._made = []

    def _discard_now(self) -> None:
        """Pieces before `durable` stay: a promise was asked for, and perhaps a row names them."""
        dropped = [piece.name for piece in self._made if piece.start >= self.durable]
        self._made = [piece for piece in self._made if piece.start < self.durable]
        self._held = bytearray()
        self.written = self.durable
        try:
            self._staging.remove_now(dropped)
        except GleanerError as error:
            log.info("pieces of a discarded chunk are removed later: %s", error)
            self._staging.has_left(dropped)

    def _is_open(self) -> bool:
        return self._staging.is_holding(self) or bool(self._made)

    def _close_now(self) -> None:
        self._held = bytearray()
        self._staging.end_holding(self)
        self._staging.has_left([piece.name for piece in self._made])
        self._made = []


def upload_and_fence(name: str) -> tuple[str, int | None]:
    """Of which upload an object is, and with which fence it was made; None: its name does not say so."""
    upload, _, rest = name.partition("/")
    found = rest.split("-")
    return upload, int(found[1]) if len(found) == 3 and found[1].isdecimal() else None


def read_pieces(objects: Objects, pieces: Sequence[tuple[str, int]]) -> Iterator[bytes]:
    """The bytes of an upload from its pieces, each of (name, bytes), in their order.

    It ends early where a piece is missing or too short.

    Raises:
        DiskFull, StorageUnreachable.
    """
    for name, size in pieces:
        got = 0
        with objects.errors("A part cannot be read"), contextlib.suppress(FileNotFoundError):
            for data in objects.read(name, 0, size):
                got += len(data)
                yield data
        if got != size:
            return
