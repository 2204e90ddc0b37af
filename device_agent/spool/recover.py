"""After kill -9 or a power cut: what was being recorded becomes torn, or is dropped if nothing was."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from device_agent.spool.space import SpoolFull
from device_agent.spool.spool import Spool
from device_agent.spool.torn import media_bytes
from wire.capture import Medium

REASON = "the agent stopped while it recorded"


@dataclass(frozen=True)
class Torn:
    """A capture that lost its end. `dropped`: it held not one media byte, nothing is left of it."""

    capture: str
    take: str
    session: str
    step: str
    attempt: int
    medium: Medium
    bytes: int
    dropped: bool
    reason: str


def recover(spool: Spool) -> list[Torn]:
    """Settle every capture without a manifest, in the order of opening. Call it once, before the first capture.

    Killed in the middle, it does the same again at the next start. On a disk without room for a manifest a capture
    stays unfinished until a receipt makes some: an agent has to start to be able to send.

    Raises:
        SpoolFailed: the disk's answer; what is not settled stays as it is.
    """
    found = []
    for header in spool.unfinished():
        kept = media_bytes(spool.layout.capture(header.capture))
        with contextlib.suppress(SpoolFull):
            spool.make_torn(header.capture, REASON)
        found.append(
            Torn(
                capture=header.capture,
                take=header.take,
                session=header.session,
                step=header.step,
                attempt=header.attempt,
                medium=header.medium,
                bytes=kept,
                dropped=kept == 0,
                reason=REASON,
            )
        )
    return found
