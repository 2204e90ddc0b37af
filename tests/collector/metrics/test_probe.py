"""The lag of the writer and of the event loop, while both are held up."""

from __future__ import annotations

import asyncio
import threading
import time

from collector.metrics.instruments import Instruments
from collector.metrics.probe import WRITER_EVERY, probe_lags
from collector.store.database import Database
from tests.collector.metrics.samples import samples


def test_a_writer_and_a_loop_that_are_held_up_are_seen(db: Database) -> None:
    made, release = Instruments(), threading.Event()

    async def scene() -> None:
        task = asyncio.create_task(probe_lags(db, made, 0.01))
        blocked = asyncio.create_task(asyncio.to_thread(db.write_sync, lambda _conn: release.wait(60)))
        while samples(made)["gleaner_writer_lag_seconds"] < 0.3:
            await asyncio.sleep(0.02)
        release.set()
        await blocked
        while samples(made)["gleaner_writer_lag_seconds"] >= 0.3:
            await asyncio.sleep(0.02)
        time.sleep(0.3)  # on the loop, on purpose
        before = samples(made)["gleaner_event_loop_lag_seconds_count"]
        while samples(made)["gleaner_event_loop_lag_seconds_count"] == before:
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(scene())
    found = samples(made)
    assert found["gleaner_event_loop_lag_seconds_count"] >= WRITER_EVERY
    assert found["gleaner_event_loop_lag_seconds_sum"] > 0.2
