"""Every minute: which tokens were in use is written down, all in one statement."""

from __future__ import annotations

import asyncio
import logging

from collector.people.open_tokens import record_uses
from collector.people.sign_ins import SignIns
from collector.store.database import Database
from wire.errors import GleanerError

log = logging.getLogger("gleaner.collector")
EVERY_SECONDS = 60.0


async def record_uses_by_the_minute(db: Database, sign_ins: SignIns, every_seconds: float = EVERY_SECONDS) -> None:
    """Ends when cancelled."""
    while True:
        await asyncio.sleep(every_seconds)
        used = sign_ins.take_used()
        if used:
            try:
                await db.write(lambda conn, hashes=used: record_uses(conn, hashes))  # type: ignore[misc]
            except GleanerError as error:
                log.error("the last use of tokens was not saved: %s", error)
