"""Measuring and calibrating again by itself: every hour, when people have reviewed enough since the last time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from collector.prelabels.report_worker import Measurer
from collector.review.calibrations import newest_fit, save_calibration
from collector.store.database import Database
from collector.store.sql import Connection, text
from wire.errors import GleanerError

log = logging.getLogger("gleaner.prelabels")
EVERY_SECONDS = 3600.0
MIN_NEW_REVISIONS = 25  # revisions since the last fit, below which another would say the same


async def calibrate_hourly(db: Database, measurer: Measurer, is_ours: Callable[[], Awaitable[bool]]) -> None:
    """Every hour, when people have reviewed enough since the last fit.

    Done by the one of several processes for which `is_ours` says so then. Ends when cancelled.
    """
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        try:
            if await is_ours():
                await calibrate_once(db, measurer)
        except GleanerError as error:
            log.error("calibration waits for the next hour: %s", error)


async def calibrate_once(db: Database, measurer: Measurer) -> int:
    """Measure and fit again if there is enough new; returns how many calibrations are in force anew."""
    if await db.read(_new_revisions) < MIN_NEW_REVISIONS:
        return 0
    await measurer.measure()
    fitted = await measurer.fit()

    def save(conn: Connection) -> None:
        for one in fitted:
            save_calibration(conn, one)

    await db.write(save)
    for one in fitted:
        if one.configuration is not None:
            log.info("%s under settings %s: %s", one.model.name, one.configuration[:8], one.why)
    return len(fitted)


def _new_revisions(conn: Connection) -> int:
    since = newest_fit(conn) or ""
    count: int = conn.execute(
        text("SELECT count(*) FROM revision WHERE submitted_at > :since"), {"since": since}
    ).scalar_one()
    return count
