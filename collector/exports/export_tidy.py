"""What nobody needs any more of exports: archives that expired, and what is left of those that were cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from collector.exports.archives import ExportArchives
from collector.exports.export_runs import ROWS, done_of, ended_of, expire_exports
from collector.exports.folder import partial_folder, partial_names
from collector.store.database import Database
from collector.store.read_only import DataReadOnly
from wire.errors import GleanerError

log = logging.getLogger("gleaner.exports")
EVERY_SECONDS = 3600.0


async def tidy_exports(
    db: Database,
    folder: Path,
    archives: ExportArchives,
    is_ours: Callable[[], Awaitable[bool]],
    every_seconds: float = EVERY_SECONDS,
) -> None:
    """At the start, every hour, and whenever an export was changed. Ends when cancelled.

    Args:
        folder: of this process, in which exports are made.
        is_ours: whether this process is the one that lets archives expire.
    """
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(changed.set)

    db.subscribe(ROWS.topic, wake)
    while True:
        changed.clear()
        try:
            if await is_ours():
                with contextlib.suppress(DataReadOnly):
                    await db.write(expire_exports)
            await asyncio.to_thread(remove_unneeded, db, folder, archives)
        except GleanerError as error:
            log.error("what nobody needs of exports stays for now: %s", error)
        except Exception:
            log.exception("what nobody needs of exports stays for now")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), every_seconds)


def remove_unneeded(db: Database, folder: Path, archives: ExportArchives) -> None:
    """Archives that were deleted or have expired, and everything of what was cancelled. Not on the event loop."""
    partial = partial_names(folder)
    for run in db.read_sync(lambda conn: {*ended_of(conn, partial), *done_of(conn, partial)}):
        shutil.rmtree(partial_folder(folder / run), ignore_errors=True)
    whole = archives.list()
    for run in db.read_sync(lambda conn: ended_of(conn, whole)):
        archives.delete(run)
