"""How late the event loop and the writer are, tried every second and every few seconds."""

from __future__ import annotations

import asyncio
import contextlib
import time

from collector.metrics.instruments import Instruments
from collector.store.database import Database
from collector.store.read_only import DataReadOnly
from collector.store.sql import Connection
from wire.errors import GleanerError

LOOP_SECONDS = 1.0
WRITER_EVERY = 5  # turns of the loop


async def probe_lags(db: Database, instruments: Instruments, every_seconds: float = LOOP_SECONDS) -> None:
    """Ends when cancelled. A writer that does not answer holds up its own figure alone."""
    loop = asyncio.get_running_loop()
    writer: asyncio.Task[None] | None = None
    turn = 0
    while True:
        due = loop.time() + every_seconds
        await asyncio.sleep(every_seconds)
        instruments.loop_lag.observe(max(0.0, loop.time() - due))
        turn += 1
        if turn % WRITER_EVERY == 0 and (writer is None or writer.done()):
            writer = asyncio.create_task(_try_writer(db, instruments))


async def _try_writer(db: Database, instruments: Instruments) -> None:
    began = time.perf_counter()
    # While it waits the figure grows with it, also when nobody ever answers.
    instruments.writer_lag.set_function(lambda: time.perf_counter() - began)
    try:
        with contextlib.suppress(DataReadOnly):  # the writer's answer
            await db.write(_nothing)
    except GleanerError:
        return  # the database gave up: the figure goes on growing until a write succeeds
    seconds = time.perf_counter() - began
    instruments.writer_lag.set_function(lambda: seconds)


def _nothing(_conn: Connection) -> None:
    """It takes its turn, and changes nothing: there is nothing to sync."""
