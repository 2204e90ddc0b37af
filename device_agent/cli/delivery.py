"""Waiting for the receipts of the last captures, with a bar."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn

from device_agent.cli.options import people

if TYPE_CHECKING:
    from device_agent.spool.spool import Spool
    from device_agent.uplink.uplink import Uplink


def wait_for_receipts(spool: Spool, uplink: Uplink, seconds: float) -> bool:
    """Wait for the last receipts with a bar; what is not delivered stays in the spool for the next run."""
    until = time.monotonic() + seconds
    total = max(1, spool.backlog().captures)
    with Progress(TextColumn("delivering"), BarColumn(), TextColumn("{task.fields[left]} left"), console=people) as bar:
        task = bar.add_task("deliver", total=total, left=total)
        while time.monotonic() < until:
            done = uplink.drain(0.25)
            left = spool.backlog().captures
            bar.update(task, completed=total - min(left, total), left=left)
            if done:
                return True
    message = uplink.state.message or "The collector has not confirmed everything yet."
    people.print(f"{message} {spool.backlog().captures} captures stay in the spool; the next run sends them.")
    return False
