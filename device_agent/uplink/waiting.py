"""How long what went wrong waits until it is tried again. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from device_agent.spool.spool import ReceiptMismatch
from device_agent.uplink.errors import CollectorBusy, CollectorProblem, DeviceForbidden, DeviceRefused
from http_shell.schedule import full_jitter
from wire.errors import GleanerError
from wire.signature import ReceiptForged

REFUSED_SECONDS = 30.0  # a token that is not accepted is tried this often
FINAL_SECONDS = 600.0  # what the collector refuses for a reason is tried this often: it may be upgraded


@dataclass(frozen=True)
class Refusal:
    """Why a record or a plan was not taken. `not_before`: time.monotonic seconds. `failures`: in a row."""

    not_before: float
    error: GleanerError
    failures: int


def way_seconds(error: GleanerError, failures: int, chance: float) -> float:
    """Until the next round, when nothing gets through: as long as the collector asks for, and longer each time."""
    if isinstance(error, DeviceRefused | DeviceForbidden):
        return REFUSED_SECONDS
    asked = min(error.retry_after, FINAL_SECONDS) if isinstance(error, CollectorBusy) else 0.05
    return asked + full_jitter(failures, chance)


def one_seconds(error: GleanerError, failures: int, chance: float) -> float:
    """Until the next try of one capture, record or plan; what else waits is sent meanwhile."""
    if isinstance(error, DeviceForbidden) or (isinstance(error, CollectorProblem) and not error.transient):
        return FINAL_SECONDS
    if isinstance(error, ReceiptForged | ReceiptMismatch):
        return REFUSED_SECONDS
    asked = min(error.retry_after, FINAL_SECONDS) if isinstance(error, CollectorProblem) else 0.0
    return asked + full_jitter(failures, chance, base=0.1)
