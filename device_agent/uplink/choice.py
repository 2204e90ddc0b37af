"""Which captures a round of the uplink visits. Pure."""

from __future__ import annotations

from device_agent.spool.header import PendingCapture
from device_agent.uplink.transfer import Transfer
from http_shell.schedule import FIRST_CHUNK_BYTES

MAX_OLDEST = 4
MAX_SMALL = 32


def ready(pending: list[PendingCapture], known: dict[str, Transfer], now: float) -> list[PendingCapture]:
    """Captures with something to send, oldest first: not those that wait for a receipt, or after a failure."""
    return [
        row
        for row in pending
        if (transfer := known.get(row.capture)) is None or (transfer.not_before <= now and not transfer.manifest_sent)
    ]


def is_small(row: PendingCapture, known: dict[str, Transfer]) -> bool:
    """Closed, and one chunk of the usual size is all that is left of it."""
    transfer = known.get(row.capture)
    return row.manifest is not None and row.bytes - (transfer.sent if transfer is not None else 0) <= FIRST_CHUNK_BYTES


def choose_small(pending: list[PendingCapture], known: dict[str, Transfer], now: float) -> list[PendingCapture]:
    return [row for row in ready(pending, known, now) if is_small(row, known)][:MAX_SMALL]


def choose_long(pending: list[PendingCapture], known: dict[str, Transfer], now: float) -> list[PendingCapture]:
    """All that record, and the oldest of the closed ones that are not small."""
    rows = [row for row in ready(pending, known, now) if not is_small(row, known)]
    oldest = {row.capture for row in [row for row in rows if row.manifest is not None][:MAX_OLDEST]}
    return [row for row in rows if row.manifest is None or row.capture in oldest]
