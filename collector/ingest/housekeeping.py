"""What nobody needs any more in staging: at the start, and every hour."""

from __future__ import annotations

import asyncio
import logging
import shutil

from sqlalchemy import Connection

from collector.ingest.offsets import delete_upload, expired_uploads, needed_staged
from collector.ingest.staging_local import LocalStaging
from collector.store.blobs_local import LocalBlobs
from collector.store.clock import now_text
from collector.store.database import Database
from wire.errors import GleanerError

log = logging.getLogger("gleaner.ingest")
EVERY_SECONDS = 3600.0


def sweep(db: Database, staging: LocalStaging, blobs: LocalBlobs) -> None:
    """At the start, before anything comes in: half-made files, and staged ones whose capture is opened or gone."""
    for left in blobs.root.glob(".made-*"):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()
    db.write_sync(remove_expired)
    needed = db.read_sync(needed_staged)
    staging.remove_now(sorted(staging.names() - needed))


async def housekeeping(db: Database, staging: LocalStaging) -> None:
    """Every hour: uploads nobody went on with. Ends when cancelled."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        try:
            await staging.remove(await db.write(remove_expired))
        except GleanerError as error:
            log.error("housekeeping waits for the next hour: %s", error)


def remove_expired(conn: Connection) -> list[str]:
    """Forget expired uploads; returns the names of their staged files."""
    expired = expired_uploads(conn, now_text())
    for upload, _ in expired:
        delete_upload(conn, upload)
    return [staged for _, staged in expired]
