"""Whether this collector can do its work now, found out by doing a little of it."""

from __future__ import annotations

import asyncio
from typing import Literal

from collector.jobs.runner import JobRunner
from collector.store.blobs import BlobStore, DiskFull
from collector.store.clock import now_text
from collector.store.database import Database, DatabaseDamaged
from collector.store.dialects import NAMES_OF_TABLES
from collector.store.objects import StorageUnreachable
from collector.store.read_only import find_read_only
from collector.store.sql import Connection, text
from collector.store.staging import Staging
from collector.store.tables import metadata
from wire.base import WireModel
from wire.errors import GleanerError

READY_SECONDS = 5.0
_WRITE = text(
    "INSERT INTO service_state (name, value) VALUES ('ready_at', :now)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_READ = text("SELECT value FROM service_state WHERE name = 'ready_at'")
_TABLES = text(NAMES_OF_TABLES)


class Readiness(WireModel):
    """`detail` says why it is not ready."""

    status: Literal[
        "ready",
        "read-only",
        "jobs-stopped",
        "database-busy",
        "database-failed",
        "database-damaged",
        "tables-missing",
        "disk-full",
        "storage-unreachable",
        "storage-unusable",
    ]
    detail: str | None = None


async def readiness(
    db: Database, staging: Staging, blobs: BlobStore, jobs: JobRunner, seconds: float = READY_SECONDS
) -> Readiness:
    """Commit a row and read it back, look for every table, write into staging and blobs, and see the job lanes run."""
    if not jobs.alive():
        return Readiness(status="jobs-stopped", detail="A lane of jobs has ended. Restart the collector.")
    try:
        async with asyncio.timeout(seconds):
            found = await _database(db)
            if found is None or found.status == "read-only":
                found = await staging.run(lambda: _storage(staging, blobs)) or found
    except TimeoutError:
        return Readiness(status="database-busy", detail=f"Nothing could be written within {seconds:g} seconds.")
    return found or Readiness(status="ready")


async def _database(db: Database) -> Readiness | None:
    now = now_text()
    try:
        missing = sorted(set(metadata.tables) - await db.read(_tables))
        if missing:
            return Readiness(status="tables-missing", detail=f"The database has no table {', '.join(missing)}.")
        state = await db.read(find_read_only)
        if state is not None:
            return Readiness(status="read-only", detail=state.sentence())
        await db.write(lambda conn: conn.execute(_WRITE, {"now": now}).rowcount)
        if not await db.read(lambda conn: conn.execute(_READ).scalar()):
            return Readiness(status="database-failed", detail="What was written is not read back.")
    except DatabaseDamaged as error:
        return Readiness(status="database-damaged", detail=f"{error.message} {error.hint}")
    except GleanerError as error:
        return Readiness(status="database-failed", detail=error.message)
    return None


def _tables(conn: Connection) -> set[str]:
    return set(conn.execute(_TABLES).scalars())


def _storage(staging: Staging, blobs: BlobStore) -> Readiness | None:
    try:
        staging.check_usable()
        blobs.check_usable()
    except DiskFull as error:
        return Readiness(status="disk-full", detail=error.message)
    except StorageUnreachable as error:
        return Readiness(status="storage-unreachable", detail=error.message)
    except GleanerError as error:
        return Readiness(status="storage-unusable", detail=error.message)
    return None
