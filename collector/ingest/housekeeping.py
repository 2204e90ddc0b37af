"""What nobody needs any more in staging: at the start, every hour, when parts were removed or a process has gone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from collector.ingest.offsets import PARTS_REMOVED, delete_upload, expired_uploads, unneeded_staged
from collector.ingest.pieces import delete_pieces, unneeded_pieces, without_row
from collector.store.blobs import BlobStore
from collector.store.clock import now_text
from collector.store.database import Database, notify
from collector.store.objects import IDLE_SECONDS
from collector.store.read_only import DataReadOnly, find_read_only
from collector.store.sql import Connection
from collector.store.staging import Staging
from collector.store.upkeep import RowAges, end_times_ahead, prune
from wire.errors import GleanerError

log = logging.getLogger("gleaner.ingest")
EVERY_SECONDS = 3600.0
# The S3 server may still be at a request of a process that has gone: another look, when none of them can go on.
AGAIN_SECONDS = IDLE_SECONDS + 60.0
OWN_SECONDS = 10.0  # between looks at what this process itself left without a row
PROCESS_GONE = "process-gone"  # topic: what a process had begun may lie in staging


def remove_leftovers(db: Database, staging: Staging, blobs: BlobStore, ages: RowAges) -> None:
    """At the start, before anything comes in: half-made files, and staged ones whose capture is opened or gone.

    Of old rows some: the start waits for it. The next hour removes the rest. Nothing while rows are read-only.
    """
    if db.read_sync(find_read_only) is not None:
        return
    blobs.remove_unfinished()
    db.write_sync(remove_expired)
    prune(db, ages, max_batches=1)
    db.write_sync(end_times_ahead)
    try:
        remove_unneeded(db, staging)
    except GleanerError as error:  # an S3 server that does not answer for the moment holds up no start
        log.warning("what nobody needs any more in staging goes within the hour: %s", error)
    db.maintain()


def report_gone(conn: Connection) -> int:
    """In the transaction that takes a process out: whoever keeps the house looks for what it left. Returns 0."""
    notify(conn, PROCESS_GONE)
    return 0


async def housekeeping(
    db: Database,
    staging: Staging,
    blobs: BlobStore,
    ages: RowAges,
    is_ours: Callable[[], Awaitable[bool]],
    every_seconds: float = EVERY_SECONDS,
) -> None:
    """Every hour: abandoned uploads, and old rows. Then, and after parts were removed: unneeded files.

    Where a process has gone, its pieces too, at once, and all of it again soon. Done by the one of several processes
    for which `is_ours` says so then; what a living one left without a row it removes itself. Ends when cancelled.
    """
    loop = asyncio.get_running_loop()
    removed, gone = asyncio.Event(), asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(removed.set)

    def look() -> None:
        loop.call_soon_threadsafe(gone.set)
        wake()

    db.subscribe(PARTS_REMOVED, wake)
    db.subscribe(PROCESS_GONE, look)
    due = loop.time() + min(AGAIN_SECONDS, every_seconds)
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(removed.wait(), max(0.0, min(OWN_SECONDS, due - loop.time())))
        is_due, is_gone, is_removed = loop.time() >= due, gone.is_set(), removed.is_set()
        removed.clear()
        gone.clear()
        if is_due:
            due = loop.time() + every_seconds
        if is_gone:
            due = min(due, loop.time() + AGAIN_SECONDS)
        try:
            if own := staging.unnamed():
                await staging.run(partial(remove_own, db, staging, own))
            if not (is_due or is_removed) or not await is_ours():
                continue
            # Files first: a full disk refuses the write that would come before.
            await staging.run(partial(remove_unneeded, db, staging, to_list=is_due or is_gone))
            if is_due:
                await asyncio.to_thread(blobs.remove_unfinished)
                await db.write(remove_expired)
                await asyncio.to_thread(prune, db, ages)
                await db.write(end_times_ahead)
                await asyncio.to_thread(db.maintain)
        except DataReadOnly:
            pass
        except GleanerError as error:
            log.error("housekeeping waits for the next hour: %s", error)
        except Exception:
            log.exception("housekeeping waits for the next hour")


def remove_unneeded(db: Database, staging: Staging, *, to_list: bool = True) -> None:
    """Remove staged files and objects that no upload needs. Not on the event loop.

    Args:
        to_list: look also for objects that no row names, which takes a listing of the bucket.
    """
    if not staging.in_pieces:
        names = staging.leftovers()
        staging.remove_now(db.read_sync(lambda conn: unneeded_staged(conn, names)))
        return
    while names := db.read_sync(unneeded_pieces):
        staging.remove_now(names)
        db.write_sync(partial(delete_pieces, names=names))
    if to_list:
        listed = staging.leftovers()
        staging.remove_now(db.read_sync(lambda conn: without_row(conn, listed)).gone)


def remove_own(db: Database, staging: Staging, names: list[str]) -> None:
    """Remove objects of this process that get no row any more. Not on the event loop."""
    found = db.read_sync(lambda conn: without_row(conn, names))
    staging.has_named(sorted({*names} - {*found.gone, *found.undecided}))
    staging.remove_now(found.gone)


def remove_expired(conn: Connection) -> None:
    """Delete expired uploads; their staged files go once that is committed."""
    for upload in expired_uploads(conn, now_text()):
        delete_upload(conn, upload)
