"""Blobs on an S3 server, `blobs/ab/cd/abcd…` below the address: the same names as in a local folder."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from collector.store.blob_cache import BlobCache
from collector.store.blobs import MARK, PIECE, BlobMissing, StoredBlob, blob_name
from collector.store.blobs_local import disk_errors
from collector.store.multipart import end_abandoned
from collector.store.objects import PART_BYTES, Objects, StorageUnreachable
from collector.store.s3_place import S3Place
from wire.files import file_sha256

FOLDER = "blobs"
_CHECKED = ".ready"
log = logging.getLogger("gleaner.collector")


class S3Blobs:
    """See `collector.store.blobs.BlobStore` for the meaning of each method."""

    def __init__(self, place: S3Place, cache: Path, cache_bytes: int) -> None:
        """`cache`: a local folder for copies that decoders read, and for files in the making.

        Raises:
            StorageDriverMissing, StorageUnusable.
        """
        self._objects = Objects(place, FOLDER)
        with disk_errors("The folder for copies of blobs cannot be used"):
            self._cache = BlobCache(cache, cache_bytes)

    def put_file(self, path: Path, key: str | None = None) -> str:
        with disk_errors("A capture could not be stored"):
            key = file_sha256(path) if key is None else key
            size = path.stat().st_size
            data = path.read_bytes() if size <= PART_BYTES else None
        name = blob_name(key)
        with self._objects.errors("A capture could not be stored"):
            if data is None:
                self._put_parts(name, path, size)
            elif not self._objects.put(name, data, only_new=True) and self._objects.size(name) != size:
                self._objects.put(name, data)
        self._cache.add(path, key)
        return key

    def _put_parts(self, name: str, path: Path, size: int) -> None:
        if self._objects.size(name) == size:
            return
        if (there := self._objects.put_file(name, path, size)) != size:
            raise StorageUnreachable(f"A capture could not be stored: the S3 server has {there} of its {size} bytes.")

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        held = bytearray()
        with self._reading(key):
            for piece in self._objects.read(blob_name(key), start, end):
                held += piece
                while len(held) >= PIECE:
                    yield bytes(held[:PIECE])
                    del held[:PIECE]
        if held:
            yield bytes(held)

    def size(self, key: str) -> int:
        size = self._size(key)
        if size is None:
            raise _missing(key)
        return size

    def exists(self, key: str) -> bool:
        return self._size(key) is not None

    def link(self, key: str, media_type: str, seconds: int) -> str | None:
        with self._objects.errors("A link to a blob cannot be made"):
            return self._objects.link(blob_name(key), media_type, seconds)

    def delete(self, key: str) -> None:
        with self._objects.errors("A blob could not be deleted"):
            self._objects.delete([blob_name(key)])
        with disk_errors("The local copy of a blob could not be deleted"):
            self._cache.drop(key)

    def list(self) -> Iterator[StoredBlob]:
        with self._objects.errors("The blobs cannot be listed"):
            for name, size, stored_at in self._objects.list():
                key = name.rpartition("/")[2]
                if not key.startswith("."):
                    yield StoredBlob(key, size, stored_at)

    @contextlib.contextmanager
    def local_file(self, key: str) -> Iterator[Path]:
        size = self.size(key)
        with self._cache.file(key, size, self.read(key, 0, size)) as path:
            yield path

    @contextlib.contextmanager
    def working_folder(self) -> Iterator[Path]:
        with self._cache.working_folder() as folder:
            yield folder

    def remove_unfinished(self) -> None:
        self._cache.remove_unfinished()
        try:
            end_abandoned(self._objects)
        except StorageUnreachable as error:
            log.info("the next hour: %s", error)

    def check_usable(self) -> None:
        with self._objects.errors("The storage of the media cannot be written"):
            self._objects.check(_CHECKED, b"written to see whether this bucket can be written")

    def read_mark(self) -> str | None:
        with self._objects.errors("The mark of the blobs cannot be read"):
            data = self._objects.read_small(MARK)
            return None if data is None else data.decode("ascii")

    def write_mark(self, mark: str) -> None:
        with self._objects.errors("The mark of the blobs cannot be written"):
            self._objects.put(MARK, mark.encode())

    def _size(self, key: str) -> int | None:
        with self._objects.errors("A blob cannot be found"):
            return self._objects.size(blob_name(key))

    @contextlib.contextmanager
    def _reading(self, key: str) -> Iterator[None]:
        with self._objects.errors("A blob cannot be read"):
            try:
                yield
            except FileNotFoundError:
                raise _missing(key) from None


def _missing(key: str) -> BlobMissing:
    return BlobMissing(f"The blob {key[:12]}… is not there.")
