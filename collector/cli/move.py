"""`gleaner collector move`: rows and media to another place and back, while the service only reads."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collector.cli.options import Data, DatabaseAddress, Json, SettingsFile
from collector.cli.repository import Rate
from collector.cli.stopping import SAME_COMMAND, when_stopped

if TYPE_CHECKING:
    from collector.move.move import Moved, Phase, Unit
    from collector.move.places import DataPlace
    from collector.settings import Settings

TO_DATABASE, TO_BLOBS = "GLEANER_COLLECTOR_TO_DATABASE", "GLEANER_COLLECTOR_TO_BLOBS"
_STOPPED = f"The collector can be read and not changed. {SAME_COMMAND} To give up: gleaner collector move --back"
SQLITE, FOLDER = "sqlite", "folder"


def move(
    to_database: Annotated[
        str | None,
        typer.Option(
            "--to-database",
            metavar="ADDRESS",
            help="An empty PostgreSQL database, like postgresql://user@host/name, or the word sqlite: then rows go into"
            f" the data folder. Give no password here. [env: {TO_DATABASE}; default: rows stay]",
        ),
    ] = None,
    to_blobs: Annotated[
        str | None,
        typer.Option(
            "--to-blobs",
            metavar="ADDRESS",
            help="A folder on an S3 server, like s3://bucket/folder, or the word folder: then media go into the data"
            f" folder. [env: {TO_BLOBS}; default: media stay]",
        ),
    ] = None,
    without_damaged: Annotated[
        bool, typer.Option("--without-damaged", help="Move the rest where recordings are missing or damaged.")
    ] = False,
    rate: Rate = None,
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
    """Move rows to another database, media to another storage, or both; compare all of it, and use that from then on.

    The service may run. Media are copied first, while it works; then it reads and changes nothing until the end.
    Stopped at any moment, the same command continues. What was there before stays as it was; no service starts on it,
    unless you go back.
    """
    from collector.local_service import require_data
    from collector.move.places import DataPlace
    from collector.settings import load_settings

    settings = load_settings({"data": data, "database": database}, settings_file)
    require_data(settings)
    here, there = DataPlace.of(settings), _target(settings, to_database, to_blobs)
    if status:
        _say_status(here, as_json)
    elif back:
        _go_back(settings, here, there, discard, as_json)
    elif there is None:
        raise typer.BadParameter("where to? Name it with --to-database or --to-blobs.")
    else:
        _move(settings, here, there, without_damaged, rate, as_json)


def _target(settings: Settings, to_database: str | None, to_blobs: str | None) -> DataPlace | None:
    """Raises SettingsInvalid: the address has a password and stands on the command line, or is none."""
    from collector.move.places import DataPlace
    from collector.settings import SettingsInvalid, check_flag

    check_flag(to_database or "", TO_DATABASE)
    to_database, to_blobs = to_database or os.environ.get(TO_DATABASE), to_blobs or os.environ.get(TO_BLOBS)
    if to_database is None and to_blobs is None:
        return None
    changed: dict[str, str | None] = {}
    if to_database is not None:
        changed["database"] = None if to_database == SQLITE else to_database
    if to_blobs is not None:
        changed["blobs"] = None if to_blobs == FOLDER else to_blobs
    given = {name: getattr(settings, name) for name in ("data", "database", "blobs", "s3_endpoint", "s3_region")}
    try:
        return DataPlace.of(type(settings).model_validate(given | changed))
    except ValueError as error:
        raise SettingsInvalid(
            "The place to move to is not valid: an address like postgresql://user@host/name or the word sqlite, and one"
            " like s3://bucket/folder or the word folder, are expected."
        ) from error


def _move(
    settings: Settings, here: DataPlace, there: DataPlace, without_damaged: bool, rate: float | None, as_json: bool
) -> None:
    from collector.bulk.background import stand_back
    from collector.move.move import move_data

    stand_back()
    with when_stopped(lambda: None if here.read_only() is None else _STOPPED), _phases(rate) as phase:
        moved = move_data(here, there, phase, without_damaged=without_damaged)
    _log(settings, "move", to=there.shown)
    if as_json:
        typer.echo(json.dumps({**_members(moved), "database": there.shown_database, "media": there.shown_media}))
    else:
        _say_moved(moved, here, there)
    for key in moved.left_out:
        typer.echo(f"The blob {key} is missing or damaged; it is not at the new place.", err=True)
    if moved.left_out:
        raise typer.Exit(1)


def _say_moved(moved: Moved, here: DataPlace, there: DataPlace) -> None:
    what = [f"{moved.rows} rows"] * (here.database != there.database)
    what += [f"{moved.copied_blobs} blobs"] * (here.media != there.media)
    typer.echo(
        f"Moved {' and '.join(what)}, equal on both sides, from {here.shown} to {there.shown}. The collector has been"
        f" read-only for {moved.read_only_seconds:.0f} seconds and is until you start it anew:"
    )
    steps = []
    for name, before, after in (
        ("database", here.shown_database, there.shown_database),
        ("blobs", here.shown_media, there.shown_media),
    ):
        where = f"(GLEANER_COLLECTOR_{name.upper()} or the settings file)"
        if after is None and before is not None:
            steps.append(f"Remove the setting {name} {where}.")
        elif after != before:
            steps.append(f"Set {name} to {after} {where}.")
    for number, step in enumerate([*steps, "Stop the service and start it."], 1):
        typer.echo(f"  {number}. {step}")
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
def _phases(rate: float | None) -> Iterator[Phase]:
    """A bar on standard error for each part of the work, in its unit."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, Task, TextColumn, TimeRemainingColumn

    from collector.backup.pace import Course, ReadLimit
    from collector.cli.repository import MIB, shown_bytes

    class Amount(TextColumn):
        def render(self, task: Task) -> Any:
            done, total = task.completed, task.total or 0
            if task.fields["unit"] == "bytes":
                self.text_format = f"{shown_bytes(done)} of {shown_bytes(total)}, {shown_bytes(task.speed or 0)}/s"
            else:
                self.text_format = f"{done:.0f} of {total:.0f} rows"
            return super().render(task)

    columns = (TextColumn("{task.description}"), BarColumn(), Amount(""), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:

        def phase(title: str, unit: Unit) -> Course:
            bar = progress.add_task(title, total=None, unit=unit)
            return Course(
                begin=lambda total: progress.update(bar, total=total, completed=0),
                advance=lambda count: progress.advance(bar, count),
                limit=ReadLimit(None if rate is None else rate * MIB),
            )

        yield phase
