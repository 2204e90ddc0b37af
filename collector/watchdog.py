"""What systemd is notified of (sd_notify): ready, still able to do the work, stopping. Without systemd nothing happens.

The watchdog is fed after the same check as `GET /api/ready`: a row was committed and read back, files were written. A
service that hangs, or whose database does not answer, is not fed any more, and systemd starts it again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket

from collector.jobs.runner import JobRunner
from collector.readiness import Readiness, readiness
from collector.services import Services
from collector.store.staging import Staging

log = logging.getLogger("gleaner.collector")
# Starting again makes no room on the disk, brings no server back and mends no file: the service refuses and goes on.
_ALIVE = frozenset({"ready", "read-only", "disk-full", "storage-unreachable", "database-damaged"})


def notify_systemd(*assignments: str) -> None:
    """Send `READY=1` and the like to the socket that systemd named, if it did."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = f"\0{path[1:]}" if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.connect(address)
            notify.sendall("\n".join(assignments).encode())
    except OSError as error:
        log.warning("systemd could not be notified: %s", error)


def watchdog_seconds() -> float | None:
    """Within which time systemd expects a sign of life of this process; None: it does not."""
    usec = os.environ.get("WATCHDOG_USEC", "")
    is_for_us = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(usec) / 1e6 if usec.isdecimal() and int(usec) > 0 and is_for_us else None


async def feed_watchdog(services: Services) -> None:
    """Check the service three times within the time that systemd allows. Ends when cancelled, or without a watchdog."""
    allowed = watchdog_seconds()
    if allowed is None:
        return
    while True:
        found = await _checked(services, allowed / 3)
        if found.status in _ALIVE:
            notify_systemd("WATCHDOG=1", f"STATUS={found.detail or 'Ready.'}")
        else:
            log.error("the service is not ready, and systemd will start it again (%s): %s", found.status, found.detail)
            notify_systemd(f"STATUS={found.detail or found.status}")
        await asyncio.sleep(allowed / 3)


async def _checked(services: Services, seconds: float) -> Readiness:
    return await readiness(services.db, services.get(Staging), services.blobs, services.get(JobRunner), seconds)
