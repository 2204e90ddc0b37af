"""`gleaner agent spool …`: what waits on the device, and a copy of it for a person to carry."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from device_agent.cli.options import Json
from device_agent.settings import DEFAULT_STATE, State
from wire.errors import GleanerError

app = typer.Typer(no_args_is_help=True, help="What waits for the collector: list it, copy it to carry it.")


@app.command("list")
def list_waiting(state: State = DEFAULT_STATE, as_json: Json = False) -> None:
    """Every capture without a receipt, and what was set aside. Works while the agent runs."""
    from device_agent.spool.inspection import set_aside_of, waiting_of

    waiting, aside = waiting_of(state / "spool"), set_aside_of(state / "spool")
    if as_json:
        rows = [{**asdict(one), "recorded_at": one.recorded_at.isoformat()} for one in waiting]
        typer.echo(json.dumps({"captures": rows, "set_aside": aside}))
        return
    table = Table("capture", "session", "step", "attempt", "medium", "recorded (UTC)", "bytes", "state", box=None)
    for one in waiting:
        table.add_row(
            one.capture, one.session, one.step, str(one.attempt), one.medium,
            f"{one.recorded_at:%Y-%m-%d %H:%M}", str(one.bytes), one.state,
        )  # fmt: skip
    Console().print(table if waiting else "No capture waits for the collector.", soft_wrap=True)
    for name, reason in aside.items():
        typer.echo(f"set aside: {name}: {reason}")


@app.command("export")
def export_waiting(
    target: Annotated[Path, typer.Argument(help="The folder to make; it must be new or empty.")],
    state: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """Copy what waits, with manifests and hashes, to a folder that can be carried. Nothing is deleted here.

    On a machine that reaches the collector: `gleaner agent join URL CODE --state DIR`, then
    `gleaner agent deliver --state DIR`. `sha256sum -c SHA256SUMS` checks the copy.
    """
    from device_agent.spool.export import export
    from device_agent.spool.inspection import waiting_of
    from device_agent.spool.recover import recover
    from device_agent.spool.spool import Spool

    root = state / "spool"
    if root.is_dir():
        with contextlib.suppress(GleanerError), contextlib.closing(Spool(root)) as spool:
            recover(spool)  # captures that were interrupted become whole ones; an agent at work does that itself
    waiting = waiting_of(root)
    made = export(root, target, waiting)
    left = len(waiting) - made.captures
    if as_json:
        typer.echo(json.dumps({**asdict(made), "unfinished": left}))
    else:
        typer.echo(f"{made.captures} captures and {made.set_aside} set aside, {made.bytes} bytes: {target}")
        if left:
            typer.echo(f"{left} captures still record and are not in the copy.", err=True)
        for capture in made.damaged:
            typer.echo(f"{capture} is damaged: one of its files differs from its manifest.", err=True)
    raise typer.Exit(1 if made.damaged else 0)
