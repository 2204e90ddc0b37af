"""What models' scores are worth, learnt from the reviews of the queue's random share."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from collector.prelabels.gathering import Asked, Rows, gather, reviewed
from collector.review.calibrations import keep_calibration, newest_fit
from collector.store.blobs import BlobStore
from collector.store.database import Database
from prelabel.calibration import Calibration, fit
from prelabel.quality.pairs import score_pairs
from prelabel.quality.reviewed import Reviewed
from wire.errors import GleanerError

log = logging.getLogger("gleaner.prelabels")
EVERY_SECONDS = 3600.0
ENOUGH_NEW = 25  # revisions since the last fit, below which another would say the same


def fit_all(rows: Iterable[Rows], blobs: BlobStore, now: datetime) -> list[Calibration]:
    """One calibration a model, from what was drawn by chance alone: what was chosen as doubtful would mislead."""
    items: dict[str, list[Reviewed]] = defaultdict(list)
    for one in reviewed(rows, blobs, Asked()):
        items[str(one.model.sha256)].append(one)
    pairs = {key: score_pairs(found) for key, found in sorted(items.items())}
    return [fit(items[key][0].model, found, now) for key, found in pairs.items() if found]


async def calibrate_hourly(db: Database, blobs: BlobStore) -> None:
    """Every hour, when people have reviewed enough since the last fit. Ends when cancelled."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        try:
            await calibrate_once(db, blobs)
        except GleanerError as error:
            log.error("calibration waits for the next hour: %s", error)


async def calibrate_once(db: Database, blobs: BlobStore) -> int:
    """Fit again if there is enough new; returns how many models were fitted."""
    if await db.read(_new_revisions) < ENOUGH_NEW:
        return 0
    rows = await db.read(lambda conn: gather(conn, Asked()))
    fitted = await asyncio.to_thread(fit_all, rows, blobs, datetime.now(UTC))

    def keep(conn: Connection) -> None:
        for one in fitted:
            keep_calibration(conn, one)

    await db.write(keep)
    return len(fitted)


def _new_revisions(conn: Connection) -> int:
    since = newest_fit(conn) or ""
    count: int = conn.execute(
        text("SELECT count(*) FROM revision WHERE submitted_at > :since"), {"since": since}
    ).scalar_one()
    return count
