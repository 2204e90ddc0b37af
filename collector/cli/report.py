"""`gleaner collector report …`: numbers for leads, read beside a running service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from collector.cli.options import Data, Json, SettingsFile
from collector.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Numbers for leads; works beside a running service.")


@app.command("today")
def today(data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """Takes, uploads on their way, tasks done and open by person, active minutes: of the machine's local day."""
    from collector.reports.today import today as report
    from collector.store.database import open_reader

    database = open_reader(load_settings({"data": data}, settings_file).data)
    try:
        found = database.read_sync(lambda conn: report(conn, datetime.now(UTC)))
    finally:
        database.close()
    if as_json:
        typer.echo(found.model_dump_json())
        return

    from collector.reports.table import show

    show(found)


@app.command("prelabels")
def prelabels(
    study: Annotated[str | None, typer.Option(help="Only this study.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model, by name or sha256.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Only what was submitted since then (local time).")] = None,
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """What people made of the models' pre-labels: by model, word, device and step; which word costs people time."""
    from rich.console import Console
    from rich.progress import Progress

    from collector.prelabels.gathering import Asked, gather, reviewed
    from collector.prelabels.table import show
    from collector.store.blobs_local import LocalBlobs
    from collector.store.database import open_reader
    from prelabel.quality.report import prelabel_report

    settings = load_settings({"data": data}, settings_file)
    asked = Asked(study=study, model=model, since=None if since is None else since.astimezone())
    database = open_reader(settings.data)
    try:
        rows = database.read_sync(lambda conn: gather(conn, asked))
    finally:
        database.close()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("Comparing", total=None)
        items = list(reviewed(rows, LocalBlobs(settings.blobs_folder), asked))
        progress.update(bar, total=len(items))
        found = prelabel_report(items, datetime.now(UTC), progress=lambda done: progress.update(bar, completed=done))
    if as_json:
        typer.echo(found.model_dump_json(by_alias=True))
        return
    show(found)
