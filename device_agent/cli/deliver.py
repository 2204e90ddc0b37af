"""`gleaner agent deliver`: send what waits, without a session."""

from __future__ import annotations

import json
import signal
from typing import Annotated

import typer

from device_agent.cli.delivery import wait_for_receipts
from device_agent.cli.options import DeliverSeconds, people
from device_agent.settings import DEFAULT_STATE, Bandwidth, State
from wire.interrupted import interrupt


def deliver(
    state: State = DEFAULT_STATE,
    bandwidth: Bandwidth = None,
    deliver_seconds: DeliverSeconds = 120.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print what it came to as one JSON line.")] = False,
) -> None:
    """Send what waits, without a session: no sensor is opened. An interrupted session can resume afterwards."""
    from device_agent.delivery import Delivery

    signal.signal(signal.SIGTERM, interrupt)
    with Delivery(state, bandwidth) as delivery:
        before = delivery.spool.backlog().captures
        done = wait_for_receipts(delivery.spool, delivery.uplink, deliver_seconds, until_refused=True)
        left = delivery.spool.backlog().captures
        aside = delivery.spool.set_aside_count
    if as_json:
        typer.echo(json.dumps({"sent": before - left - aside, "left": left, "set_aside": aside}))
    else:
        people.print(
            f"{before - left - aside} captures are confirmed by the collector, {left} wait, {aside} were set aside."
        )
    raise typer.Exit(0 if done and not aside else 1)
