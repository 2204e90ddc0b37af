"""Every minute: which tokens were in use is written down, all in one statement."""

from __future__ import annotations

import asyncio
import logging

from collector.people.open_tokens import record_uses
from collector.people.sign_ins import SignIns
from collector.security.log import SecurityLog
from collector.store.database import Database
from collector.store.read_only import DataReadOnly
from wire.errors import GleanerError

log = logging.getLogger("gleaner.collector")
EVERY_SECONDS = 60.0


async def record_uses_by_the_minute(
    db: Database, sign_ins: SignIns, security_log: SecurityLog, every_seconds: float = EVERY_SECONDS
) -> None:
    """The first use of a program's token is in the security log, too. Ends when cancelled."""
    while True:
        await asyncio.sleep(every_seconds)
        used = sign_ins.take_used()
        if used:
            try:
                for use in await db.write(lambda conn, hashes=used: record_uses(conn, hashes)):  # type: ignore[misc]
                    security_log.record("token-first-used", person=use.person, token=use.token)
            except DataReadOnly:
                sign_ins.put_back_used(used)
            except GleanerError as error:
                log.error("the last use of tokens was not saved: %s", error)
