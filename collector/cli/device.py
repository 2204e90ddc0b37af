"""`gleaner collector device …`: the devices that joined, their names, and taking their tokens back."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from collector.cli.options import Data, Json, SettingsFile, ask_collector

app = typer.Typer(no_args_is_help=True, help="Devices: which there are, what they are called, which may still send.")
DeviceId = Annotated[str, typer.Argument(help="The device's name, its id, or how its id begins (4 digits at least).")]


@app.command("list")
def list_devices(data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """Show every device that joined, the newest first."""
    from rich.table import Table

    from collector.cli.tables import show_table

    made = ask_collector(data, settings_file, "device-list", {})
    if as_json:
        typer.echo(json.dumps(made))
        return
    table = Table("id", "name", "joined", "heard", "state", "waiting", box=None)
    for row in made["devices"]:
        state = "revoked" if row["revoked_at"] else row["state"] or "not heard yet"
        waiting = "" if row["captures_waiting"] is None else str(row["captures_waiting"])
        heard = (row["last_seen_at"] or "")[:16].replace("T", " ")
        table.add_row(row["id"], row["name"], row["joined_at"][:10], heard, state, waiting)
    show_table(table, "No device yet: gleaner collector join-code")


@app.command("revoke")
def revoke(device: DeviceId, data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """Take a device's token back, at once. What it sent stays; what it still holds it can send after it joins again."""
    made = ask_collector(data, settings_file, "device-revoke", {"device": device})
    typer.echo(json.dumps(made) if as_json else f"{made['name']} ({made['id']}) can send nothing any more.")


@app.command("rename")
def rename(
    device: DeviceId,
    name: Annotated[str, typer.Argument(help="The device's new name.")],
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Give a device another name; its id stays."""
    made = ask_collector(data, settings_file, "device-rename", {"device": device, "name": name})
    typer.echo(json.dumps(made) if as_json else f"{made['id']} is called {made['name']}.")
