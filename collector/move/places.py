"""Where the data of a collector is, and what is said there about a move."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from collector.move.problems import MoveUnderWay
from collector.settings import Settings, without_password
from collector.store.blobs import BlobStore
from collector.store.blobs_local import disk_errors
from collector.store.database import Database, Fn
from collector.store.open import open_reader, standing, write_next_to_service
from collector.store.open_blobs import BlobsLocation, open_blobs
from collector.store.read_only import ReadOnly
from collector.store.sql import Connection, text

LOCK_FILE = "move.lock"
_COLLECTOR = text("SELECT value FROM service_state WHERE name = 'verify_key'")


@dataclass(frozen=True)
class DataPlace:
    """Rows are at an address, or without one in the data folder; so are media."""

    data: Path
    database: str | None = None
    media: BlobsLocation | None = None

    @classmethod
    def of(cls, settings: Settings) -> DataPlace:
        return cls(settings.data, settings.database, None if settings.blobs is None else settings.blobs_location)

    @property
    def shown_media(self) -> str | None:
        return None if self.media is None else self.media.address

    @property
    def shown_database(self) -> str | None:
        return None if self.database is None else without_password(self.database)

    @property
    def shown(self) -> str:
        """For sentences: without passwords."""
        rows = self.shown_database or f"SQLite in {self.data.absolute()}"
        return rows if self.media is None else f"{rows} with media in {self.shown_media}"

    def is_of(self, state: ReadOnly) -> bool:
        """Whether this is the place that is named there."""
        return (self.shown_database, self.shown_media) == (state.database, state.blobs)

    def read_only(self) -> ReadOnly | None:
        """Raises DatabaseFailed, DriverMissing, UnknownDatabase."""
        return standing(self.data, self.database).read_only

    @contextlib.contextmanager
    def opened(self) -> Iterator[Database]:
        """For reading. Raises UnknownDatabase: there is none."""
        database = open_reader(self.data, self.database)
        try:
            yield database
        finally:
            database.close()

    def blobs(self) -> BlobStore:
        """Raises StorageDriverMissing, DiskFull, StorageUnusable."""
        return open_blobs(self.media or BlobsLocation(self.data / "blobs"))

    def write(self, fn: Fn[None]) -> None:
        """In one transaction, next to a service that runs."""
        write_next_to_service(self.data, self.database, fn)


def collector_of(conn: Connection) -> str | None:
    """What devices know the collector by; None before a service has run."""
    found: str | None = conn.execute(_COLLECTOR).scalar()
    return found


@contextlib.contextmanager
def one_move(data: Path) -> Iterator[None]:
    """Nobody else moves this data during the block. Raises MoveUnderWay."""
    with disk_errors("The data folder cannot be used"):
        lock = os.open(data / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise MoveUnderWay(f"Another command is moving the data in {data}.") from error
        yield
    finally:
        os.close(lock)
