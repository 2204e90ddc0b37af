"""`gleaner collector exports …`: exports that the running service makes, keeps for some days, and gives to leads."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from collector.cli.export_options import (
    Format,
    Frames,
    Licence,
    NoMedia,
    Since,
    Study,
    Type,
    WithPrelabels,
    asked_of,
)
from collector.cli.options import Data, Json, SettingsFile
from collector.cli.waiting import Shown, wait_for
from collector.local_service import ask, find_service
from collector.settings import Settings, load_settings

app = typer.Typer(no_args_is_help=True, help="Exports that the service makes, for leads to download from the page.")
Export = Annotated[str, typer.Argument(help="The id that `exports start` printed, or how it begins.")]
MIB = 1 << 20


@app.command("start")
def start(
    format: Format = "jsonl",
    with_prelabels: WithPrelabels = False,
    no_media: NoMedia = False,
    frames: Frames = "keyframes",
    study: Study = None,
    type: Type = None,
    since: Since = None,
    licence: Licence = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is done, with a progress bar.")] = False,
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Have the service make an export: one archive, which leads download from the page.

    Several wait for each other. `gleaner collector export --to FOLDER` writes a folder of this machine instead.
    """
    asked = asked_of(format, with_prelabels, no_media, frames, study, type, since, licence)
    settings = load_settings({"data": data}, settings_file)
    found = ask(settings, "exports-start", {"asked": asked.model_dump_json()})
    if wait:
        found = _wait(settings, found)
    _show(found, as_json)
    if not wait and find_service(settings) is None:
        typer.echo("It starts when `gleaner collector serve` runs.", err=True)
    if wait and found["state"] != "done":
        raise typer.Exit(1)


@app.command("list")
def list_exports(data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """The exports there were, the newest first, and how far each is."""
    found = ask(load_settings({"data": data}, settings_file), "exports-list", {})["exports"]
    if as_json:
        typer.echo(json.dumps(found))
        return
    for row in found:
        typer.echo(_sentence(row))
    if not found:
        typer.echo("No exports yet.")


@app.command("pause")
def pause(export: Export, data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """Do nothing more of it until it is resumed; what is there stays."""
    _change("pause", export, data, as_json, settings_file)


@app.command("resume")
def resume(export: Export, data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """Continue one that is paused, whether somebody paused it or something was wrong."""
    _change("resume", export, data, as_json, settings_file)


@app.command("cancel")
def cancel(export: Export, data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """End it, and delete what is there of it."""
    _change("cancel", export, data, as_json, settings_file)


@app.command("delete")
def delete(export: Export, data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """Delete the archive of one that is done."""
    _change("delete", export, data, as_json, settings_file)


def _change(verb: str, export: str, data: Data, as_json: bool, settings_file: SettingsFile) -> None:
    _show(ask(load_settings({"data": data}, settings_file), f"exports-{verb}", {"export": export}), as_json)


def _show(row: dict[str, Any], as_json: bool) -> None:
    typer.echo(json.dumps(row) if as_json else _sentence(row))


def _wait(settings: Settings, found: dict[str, Any]) -> dict[str, Any]:
    stopped = "The export continues in the service: `exports list` shows it, `exports cancel` ends it."
    return wait_for(found, lambda: ask(settings, "exports-list", {})["exports"], _shown, stopped)


def _shown(row: dict[str, Any]) -> Shown:
    if row["packed_bytes"] is not None:
        return Shown("Packing", row["bytes"] or None, row["packed_bytes"])
    return Shown("Exporting", row["items"] or None, row["done"]) if row["counted"] else Shown("Exporting")


def _sentence(row: dict[str, Any]) -> str:
    asked, counts = row["asked"], row["counts"]
    parts = [row["state"]]
    if counts is not None:
        parts.append(f"{counts['documents']} documents with {counts['labels']} labels, {row['archive_bytes']} bytes")
    elif row["packed_bytes"] is not None:
        parts.append(f"{row['packed_bytes'] // MIB} of {row['bytes'] // MIB} MiB packed")
    else:
        items = row["items"] if row["counted"] else "(counting)"
        parts.append(f"{row['done']} of {items} items, {row['bytes'] // MIB} MiB")
    if row["state"] == "running" and row["seconds_left"] is not None:
        end = datetime.now() + timedelta(seconds=row["seconds_left"])
        rate = f"{row['per_second']:.1f} per second, " if row["per_second"] else ""
        parts.append(f"{rate}until about {end:%Y-%m-%d %H:%M}")
    if row["state"] == "done" and row["kept_until"]:
        parts.append(f"kept until {row['kept_until'][:10]}")
    if row["ended_sessions"]:
        parts.append(f"not given out: the consent to {row['ended_sessions']} of its sessions has ended")
    problem = f" ({row['problem']})" if row["problem"] else ""
    return f"{row['id']}  {row['name']}, {asked['format']}: {', '.join(parts)}{problem}"
