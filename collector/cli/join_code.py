"""`gleaner collector join-code`: a code for one device, good for ten minutes."""

from __future__ import annotations

import json

import typer

from collector.cli.options import Data, Json, SettingsFile, ask_collector


def join_code(data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """Print a code by which one device joins, within ten minutes. Works while the service runs."""
    made = ask_collector(data, settings_file, "join-code", {})
    if as_json:
        typer.echo(json.dumps(made))
        return
    # The letters of the authority come with it: the device knows the collector by them before it sends the code.
    code = "-".join(filter(None, (made["code"], made.get("authority"))))
    typer.echo(code)
    typer.echo(f"On the device, within ten minutes: gleaner agent join {made['url']} {code}", err=True)
    if made.get("announced"):
        typer.echo(f"In the same local network the address is found: gleaner agent join {code}", err=True)
