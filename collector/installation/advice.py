"""What is wrong with an installation and what to do about it, the most urgent first. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from wire.base import WireModel

Urgency = Literal["now", "soon"]
BACKUP_AGE = timedelta(days=2)
SILENT_DEVICE_AGE = timedelta(days=1)
QUEUE_AGE_SECONDS = 900.0
FULL_SHARE, NEARLY_FULL_SHARE = 0.05, 0.15  # of a file system that are still free
LOG_BYTES = 1 << 30
_WORK = {
    "open": "checks of what arrived",
    "derive": "conversions for the browser",
    "tasks": "review items that were to be made",
}


class Advice(WireModel):
    """`now`: something does not work, or data are in danger; `soon`: it will be so if nobody does anything."""

    urgency: Urgency
    what: str
    todo: str


@dataclass(frozen=True)
class SilentDevice:
    name: str
    captures: int
    seen_at: datetime | None


@dataclass(frozen=True)
class State:
    """What advice is made from. `disks`: folder -> share that is free. `problem`: why the service is not ready.

    `links_problem`: why media links do not work. `security_log_problem`: why lines do not reach their receiver.
    `infected`: captures that the virus scanner set aside; `scanner_problem`: why it does not work.
    """

    now: datetime
    problem: str | None = None
    disks: dict[str, float] = field(default_factory=dict)
    failed_jobs: dict[str, int] = field(default_factory=dict)
    queue_seconds: float = 0.0
    conflicts: int = 0
    bad_captures: int = 0
    backup_at: datetime | None = None
    has_captures: bool = False
    silent: tuple[SilentDevice, ...] = ()
    log_bytes: int = 0
    links_problem: str | None = None
    security_log_problem: str | None = None
    infected: int = 0
    scanner_problem: str | None = None


def advise(state: State) -> list[Advice]:
    """The most urgent first."""
    found = list(_all(state))
    return [one for urgency in ("now", "soon") for one in found if one.urgency == urgency]


def _all(state: State) -> Iterator[Advice]:
    if state.problem is not None:
        yield Advice(
            urgency="now",
            what=f"The collector cannot do all of its work. {state.problem}",
            todo="Look at the output of the service, then restart it.",
        )
    for folder, free in sorted(state.disks.items(), key=lambda row: row[1]):
        if free < NEARLY_FULL_SHARE:
            yield Advice(
                urgency="now" if free < FULL_SHARE else "soon",
                what=f"The disk of the folder {folder} has {free:.0%} free.",
                todo="Make room, or move the folder to a larger disk. Devices keep their captures until there is room.",
            )
    for kind, count in sorted(state.failed_jobs.items()):
        yield Advice(
            urgency="now",
            what=f"{_many(count, 'job')} failed: {_WORK.get(kind, kind)}.",
            todo="Read the reasons under Failed jobs, remove the cause, then press Try again.",
        )
    if state.queue_seconds > QUEUE_AGE_SECONDS:
        yield Advice(
            urgency="now",
            what=f"The oldest job has waited for {_minutes(state.queue_seconds)}.",
            todo="Look at the load of the machine; the setting workers lets more jobs run at once.",
        )
    yield from _of_captures(state)
    yield from _of_backups(state)
    if state.links_problem is not None:
        yield Advice(
            urgency="soon",
            what=state.links_problem,
            todo="docs/collector.md, Media links, has what is needed. Until then media come through the collector.",
        )
    if state.security_log_problem is not None:
        yield Advice(
            urgency="soon",
            what=state.security_log_problem,
            todo="Look after that server, its certificate and the network. The lines wait here until it answers.",
        )
    if state.log_bytes > LOG_BYTES:
        yield Advice(
            urgency="soon",
            what=f"The database's write-ahead log has grown to {state.log_bytes / 2**30:.1f} GiB.",
            todo="Another program may hold the database open; end it, or restart the service.",
        )


def _of_captures(state: State) -> Iterator[Advice]:
    if state.scanner_problem is not None:
        yield Advice(
            urgency="now",
            what=state.scanner_problem,
            todo="Start clamd, or change the setting scan. Until it answers, what arrives is kept and not opened.",
        )
    if state.infected:
        yield Advice(
            urgency="now",
            what=f"The virus scanner set aside {_many(state.infected, 'capture')}. Nobody is given them.",
            todo="GET /api/captures?bad_reason=infected names each and what was found. Look at its device.",
        )
    for device in state.silent:
        seen = "never" if device.seen_at is None else f"last on {device.seen_at:%Y-%m-%d}"
        yield Advice(
            urgency="soon",
            what=f"{device.name} reported {seen}, and {_many(device.captures, 'capture')} waited on it.",
            todo="Check its power and network; `gleaner agent status` on the device gives the reason.",
        )
    if state.conflicts:
        yield Advice(
            urgency="soon",
            what=f"{_many(state.conflicts, 'capture')} came with two manifests.",
            todo="Compare both under Manifest conflicts. The first one rules; the device keeps the other.",
        )
    if state.bad_captures:
        yield Advice(
            urgency="soon",
            what=f"{_many(state.bad_captures, 'capture')} cannot be read.",
            todo="Their devices keep them. GET /api/captures?state=bad has the reason of each; show it to an engineer.",
        )


def _of_backups(state: State) -> Iterator[Advice]:
    if not state.has_captures:
        return
    if state.backup_at is None:
        yield Advice(
            urgency="soon",
            what="There is no backup.",
            todo="Run `gleaner collector backup FOLDER` every night, onto another disk (docs/backup.md).",
        )
    elif state.now - state.backup_at > BACKUP_AGE:
        yield Advice(
            urgency="soon",
            what=f"The last backup is from {state.backup_at:%Y-%m-%d}.",
            todo="Look at what `gleaner collector backup` printed when it ran last, and run it again.",
        )


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count:,} {what}s"


def _minutes(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 7200 else f"{seconds / 60:.0f} minutes"
