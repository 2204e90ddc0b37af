"""Accesses to media while rows are read-only: lines of a file, synced before the first byte is sent, and rows later.

    logs/looks-while-read-only.jsonl

The data folder stays where it is when the rows move, so the lines become rows of the database that is used next.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import threading
import time
from pathlib import Path

from collector.consent.access_log import SAME_ACCESS_SECONDS
from collector.store.blobs_local import disk_errors
from collector.store.clock import now_text
from collector.store.database import Database
from collector.store.private import FILE_MODE, private_folder
from collector.store.read_only import DataReadOnly
from collector.store.sql import Connection, text
from wire.errors import GleanerError
from wire.files import sync_folder

log = logging.getLogger("gleaner.collector")
FILE = "looks-while-read-only.jsonl"
EVERY_SECONDS = 60.0
# Whoever or whatever was removed meanwhile needs no row; a line that is a row already stays one.
_ADD = text(
    "INSERT INTO look (person_id, capture_id, at, why) SELECT person.id, capture.id, :at, :why FROM person, capture"
    " WHERE person.id = :person AND capture.id = :capture AND NOT EXISTS"
    " (SELECT 1 FROM look WHERE person_id = person.id AND capture_id = capture.id AND at = :at AND why = :why)"
)


class LateLooks:
    """The file of one data folder. Every method may be called from any thread."""

    def __init__(self, logs_folder: Path) -> None:
        self._path = logs_folder / FILE
        self._lock = threading.Lock()
        self._written: dict[tuple[str, str, str], float] = {}  # since the file was last emptied

    def add(self, person: str, capture: str, why: str, goes_on: bool) -> None:
        """Write a line and sync it; `goes_on` as in `record_access`. Raises DiskFull, StorageUnusable."""
        access, now = (person, capture, why), time.monotonic()
        if goes_on and now - self._written.get(access, -math.inf) < SAME_ACCESS_SECONDS:
            return
        line = json.dumps({"person": person, "capture": capture, "at": now_text(), "why": why}).encode() + b"\n"
        with self._lock, disk_errors("An access to media could not be recorded"):
            private_folder(self._path.parent)
            is_new = not self._path.exists()
            fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
            try:
                os.write(fd, line)
                os.fdatasync(fd)
            finally:
                os.close(fd)
            if is_new:
                sync_folder(self._path.parent)
            self._written[access] = now

    def save(self, db: Database) -> int:
        """Make rows of the lines and remove the file; returns how many lines there were. Not on the event loop.

        Raises:
            DataReadOnly: rows cannot be changed yet.
            DatabaseFailed, DiskFull, StorageUnusable.
        """
        if not self._path.exists():
            return 0
        with self._lock, disk_errors("Recorded accesses to media could not be read"):
            looks = _looks(self._path.read_bytes())
            db.write_sync(lambda conn: _add(conn, looks))
            self._path.unlink()
            self._written.clear()
            sync_folder(self._path.parent)
        return len(looks)


async def save_late_looks(db: Database, late: LateLooks, every_seconds: float = EVERY_SECONDS) -> None:
    """At the start and every minute, once rows can be changed again. Ends when cancelled."""
    while True:
        try:
            await asyncio.to_thread(late.save, db)
        except DataReadOnly:
            pass
        except GleanerError as error:
            log.error("recorded accesses to media wait for the next minute: %s", error)
        await asyncio.sleep(every_seconds)


def _looks(data: bytes) -> list[dict[str, str]]:
    """A line that a power cut left half was answered with no byte of media."""
    whole = data[: data.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines()]


def _add(conn: Connection, looks: list[dict[str, str]]) -> None:
    for look in looks:
        conn.execute(_ADD, look)
