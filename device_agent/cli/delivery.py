"""Waiting for the receipts of the last captures, with a bar."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn

from device_agent.cli.options import people

if TYPE_CHECKING:
    from device_agent.spool.spool import Spool
    from device_agent.uplink.uplink import Uplink


def wait_for_receipts(spool: Spool, uplink: Uplink, seconds: float, *, until_refused: bool = False) -> bool:
    """Wait for the last receipts with a bar; what is not delivered stays in the spool for the next run.

    Args:
        until_refused: give up as soon as the collector does not accept the device's token. Without it the wait goes
            on, since a person may join again meanwhile.

    Raises:
        DeviceRefused: with what waits and what to do.
    """
    from device_agent.uplink.errors import DeviceRefused

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
            if until_refused and uplink.state.code == DeviceRefused.code:
                raise DeviceRefused(
                    f"The collector does not accept this device's token. {_waiting(spool)} on this device.",
                    hint="Get a code with gleaner collector join-code, run gleaner agent join ADDRESS CODE, then this "
                    "command again. Nothing is deleted before the collector has it.",
                )
    message = uplink.state.message or "The collector has not confirmed everything yet."
    people.print(f"{message} {_waiting(spool)} in the spool. The next run sends what waits.")
    return False


def _waiting(spool: Spool) -> str:
    captures = spool.captures_waiting
    records = len(spool.records.to_send()) + len(spool.records.takes_to_send())
    return f"{_counted(captures, 'capture')} and {_counted(records, 'session record')} wait"


def _counted(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
