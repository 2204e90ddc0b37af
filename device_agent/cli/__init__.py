"""`gleaner agent …`: one file per verb."""

from __future__ import annotations

import typer

from device_agent.cli import deliver, join, run, spool, status

app = typer.Typer(no_args_is_help=True, help="The smart camera: join a collector, run a session.")
app.command("join")(join.join)
app.command("run")(run.run)
app.command("deliver")(deliver.deliver)
app.command("status")(status.status)
app.add_typer(spool.app, name="spool")
