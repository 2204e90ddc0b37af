"""The installation at a glance: version, disks, database, queues, backups, and advice made from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import get_args

from collector.catalogue.capture_list import BadReason
from collector.devices.fleet import list_devices
from collector.installation.advice import SILENT_DEVICE_AGE, Advice, SilentDevice, State, advise
from collector.installation.failed_jobs import KINDS, count_failed_jobs
from collector.metrics.rows import MAX_COUNTED, Readings, read_rows
from collector.readiness import Readiness
from collector.store.clock import read_clocks
from collector.store.dialects import DATABASE_BYTES
from collector.store.sql import Connection, text
from wire.base import WireModel, format_utc

_BACKUP = text("SELECT value FROM service_state WHERE name = 'backup_at'")
_SAVE_BACKUP = text(
    "INSERT INTO service_state (name, value) VALUES ('backup_at', :at)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_CONFLICTS = text("SELECT count(*) FROM (SELECT 1 AS one FROM manifest_conflict LIMIT 1000) AS found")
_BAD = text("SELECT count(*) FROM (SELECT 1 AS one FROM capture WHERE bad_reason = :reason LIMIT :most) AS found")
_HAS_CAPTURES = text("SELECT EXISTS (SELECT 1 FROM capture)")
_BYTES = text(DATABASE_BYTES)


class Disk(WireModel):
    """The file system of a folder: `data`, `staging` or `blobs`."""

    folder: str
    bytes: int
    free_bytes: int


class Overview(WireModel):
    """An installation. `log_bytes`: of SQLite's write-ahead log, 0 on PostgreSQL; `backup_at`: null before the first.

    `queue_seconds`: for how long the oldest waiting job has been due. Counts stop at 10,000, conflicts at 1,000.
    """

    at: str
    version: str
    engine: str
    status: str
    database_bytes: int
    log_bytes: int
    disks: list[Disk]
    uploads: int
    captures_waiting: int
    captures_bad: int
    jobs_waiting: int
    queue_seconds: float
    failed_jobs: dict[str, int]
    conflicts: int
    backup_at: str | None
    advice: list[Advice]


@dataclass(frozen=True)
class InstallationFacts:
    """What is not in rows."""

    readiness: Readiness
    disks: list[Disk]
    engine: str
    log_bytes: int
    links_problem: str | None
    security_log_problem: str | None
    scanner_problem: str | None


def save_backup_time(conn: Connection, at: datetime) -> None:
    """A backup was made; the newest one counts."""
    conn.execute(_SAVE_BACKUP, {"at": format_utc(at)})


def read_overview(conn: Connection, facts: InstallationFacts) -> Overview:
    readings = read_rows(conn, KINDS)
    failed = count_failed_jobs(conn)
    backup_at = conn.execute(_BACKUP).scalar()
    conflicts = conn.execute(_CONFLICTS).scalar_one()
    bad = {
        reason: conn.execute(_BAD, {"reason": reason, "most": MAX_COUNTED}).scalar_one()
        for reason in get_args(BadReason)
    }
    now = read_clocks().wall
    return Overview(
        at=format_utc(now),
        version=version("gleaner-suite"),
        engine=facts.engine,
        status=facts.readiness.status,
        database_bytes=int(conn.execute(_BYTES).scalar_one()),
        log_bytes=facts.log_bytes,
        disks=facts.disks,
        uploads=readings.uploads,
        captures_waiting=readings.captures["received"],
        captures_bad=readings.captures["bad"],
        jobs_waiting=sum(readings.jobs[kind, "waiting"] for kind in KINDS),
        queue_seconds=_queue_seconds(readings),
        failed_jobs=failed,
        conflicts=conflicts,
        backup_at=backup_at,
        advice=advise(
            State(
                now=now,
                problem=None if facts.readiness.status == "ready" else facts.readiness.detail or "",
                disks={disk.folder: disk.free_bytes / max(1, disk.bytes) for disk in facts.disks},
                failed_jobs=failed,
                queue_seconds=_queue_seconds(readings),
                conflicts=conflicts,
                bad_captures=bad["unreadable"] + bad["given-up"],
                backup_at=None if backup_at is None else datetime.fromisoformat(backup_at),
                has_captures=bool(conn.execute(_HAS_CAPTURES).scalar()),
                silent=_silent_devices(conn, now - SILENT_DEVICE_AGE),
                log_bytes=facts.log_bytes,
                links_problem=facts.links_problem,
                security_log_problem=facts.security_log_problem,
                scanner_problem=facts.scanner_problem,
                infected=bad["infected"],
            )
        ),
    )


def _queue_seconds(readings: Readings) -> float:
    return max(readings.job_age_seconds.values(), default=0.0)


def _silent_devices(conn: Connection, since: datetime) -> tuple[SilentDevice, ...]:
    """Devices with captures on them that have not reported since then; the longest silent first."""
    found = [
        SilentDevice(row.name, row.captures_waiting, None if row.last_seen_at is None else _time(row.last_seen_at))
        for row in list_devices(conn).devices
        if row.captures_waiting and row.revoked_at is None
    ]
    silent = [device for device in found if device.seen_at is None or device.seen_at < since]
    return tuple(sorted(silent, key=lambda device: device.seen_at or since - timedelta(days=36500)))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
