"""`gleaner collector move`: to another database and back, while the service only reads."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collector.cli.options import Data, DatabaseAddress, Json, SettingsFile

if TYPE_CHECKING:
    from collector.move.move import Moved, Phase
    from collector.move.places import DataPlace
    from collector.settings import Settings

TO_DATABASE = "GLEANER_COLLECTOR_TO_DATABASE"
SQLITE = "sqlite"


def move(
    to_database: Annotated[
        str | None,
        typer.Option(
            "--to-database",
            metavar="ADDRESS",
            help="An empty PostgreSQL database, like postgresql://user@host/name, or the word sqlite: then rows go into"
            f" the data folder. Give no password here. [env: {TO_DATABASE}]",
        ),
    ] = None,
    back: Annotated[
        bool,
        typer.Option("--back", help="Give up a move that has not ended, or use the data of before one that has ended."),
    ] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="With --back: also when rows were written since the move.")
    ] = False,
    status: Annotated[bool, typer.Option("--status", help="Say whether a move of this data was begun.")] = False,
    data: Data = None,
    database: DatabaseAddress = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Move the rows of a collector to another database, compare every row, and have that one used from then on.

    The service may run: it reads and changes nothing from the first row on. Stopped at any moment, the same command
    continues. What was there before stays as it was; no service starts on it, unless you go back.
    """
    from collector.move.places import DataPlace
    from collector.settings import load_settings

    settings = load_settings({"data": data, "database": database}, settings_file)
    here, there = DataPlace.of(settings), _target(settings, to_database)
    if status:
        _say_status(here, as_json)
    elif back:
        _go_back(settings, here, there, discard, as_json)
    elif there is None:
        raise typer.BadParameter("where to? Name it with --to-database.")
    else:
        _move(settings, here, there, as_json)


def _target(settings: Settings, given: str | None) -> DataPlace | None:
    """Raises SettingsInvalid: the address has a password and stands on the command line, or is none."""
    from collector.move.places import DataPlace
    from collector.settings import Settings, SettingsInvalid, check_flag

    check_flag(given or "")
    address = given or os.environ.get(TO_DATABASE)
    if address is None:
        return None
    if address == SQLITE:
        return DataPlace(settings.data)
    try:
        return DataPlace(settings.data, Settings(database=address).database)
    except ValueError as error:
        raise SettingsInvalid(
            "--to-database is not valid: an address like postgresql://user@host/name, or sqlite, is expected."
        ) from error


def _move(settings: Settings, here: DataPlace, there: DataPlace, as_json: bool) -> None:
    from collector.cli.background import stand_back
    from collector.move.move import move_data

    stand_back()
    try:
        with _phases() as phase:
            moved = move_data(here, there, phase)
    except KeyboardInterrupt:
        if here.read_only() is not None:
            typer.echo(
                "Stopped. The collector can be read and not changed. The same command continues; to give up:"
                " gleaner collector move --back",
                err=True,
            )
        raise
    _log(settings, "move", to=there.shown)
    if as_json:
        typer.echo(json.dumps({**_members(moved), "database": there.shown}))
        return
    typer.echo(
        f"Moved {moved.rows} rows, equal on both sides, from {here.shown} to {there.shown}. The collector has been"
        f" read-only for {moved.read_only_seconds:.0f} seconds and is until you start it anew:"
    )
    if there.database is None:
        typer.echo("  1. Remove the setting database (GLEANER_COLLECTOR_DATABASE, the settings file, --database).")
    else:
        typer.echo(f"  1. Set database to {there.shown} (GLEANER_COLLECTOR_DATABASE or the settings file).")
    typer.echo("  2. Stop the service and start it.")
    typer.echo(f"The data of before stays in {here.shown}; to use it again: gleaner collector move --back")


def _members(moved: Moved) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(moved)


def _go_back(settings: Settings, here: DataPlace, there: DataPlace | None, discard: bool, as_json: bool) -> None:
    from collector.move.back import go_back

    state = go_back(here, there, discard=discard)
    _log(settings, "move-back", why=state.why)
    if as_json:
        typer.echo(json.dumps({"move": state.move, "was": state.why, "place": state.place}))
    elif state.why == "moving":
        typer.echo(
            f"The move to {state.place} was given up, and rows can be changed again. Remove what was copied there."
        )
    else:
        typer.echo(f"The data of before the move to {state.place} is used again: start the service with its settings.")


def _say_status(here: DataPlace, as_json: bool) -> None:
    from dataclasses import asdict

    state = here.read_only()
    if as_json:
        typer.echo(json.dumps(None if state is None else asdict(state)))
    elif state is None:
        typer.echo(f"No move of {here.shown} was begun.")
    else:
        typer.echo(f"{state.sentence()} Since {state.at[:16].replace('T', ' ')} UTC.")


def _log(settings: Settings, verb: str, **members: str) -> None:
    from collector.security.log import append_now
    from collector.store.blobs_local import disk_errors

    with disk_errors("The security log cannot be written"):
        append_now(settings.logs_folder, "command", verb=verb, **members)


@contextlib.contextmanager
def _phases() -> Iterator[Phase]:
    """A bar on standard error for each part of the work."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from collector.backup.pace import Course

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:

        def phase(title: str) -> Course:
            bar = progress.add_task(title, total=None)
            return Course(
                begin=lambda total: progress.update(bar, total=total, completed=0),
                advance=lambda count: progress.advance(bar, count),
            )

        yield phase
