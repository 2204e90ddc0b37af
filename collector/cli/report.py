"""`gleaner collector report …`: numbers for leads, read while the service runs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from collector.cli.options import Data, Json, SettingsFile
from collector.cli.times import DAY_FORMATS, FORMATS, parse_day, parser
from collector.settings import load_settings

SHOWN_ITEMS = 500
app = typer.Typer(no_args_is_help=True, help="Figures for leads; works while the service runs.")


@app.command("today")
def today(
    day: Annotated[
        date | None,
        typer.Option(parser=parse_day, metavar="DAY", help=f"Another day than today: {DAY_FORMATS}."),
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Its zone, like Europe/Berlin. Default: the machine's.")] = None,
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Takes, uploads on their way, tasks done, skipped and open by person, active minutes: of a local day."""
    from collector.reports.days import known_zone
    from collector.reports.today import today as report
    from collector.store.open import open_reader

    try:
        where = None if zone is None else ZoneInfo(known_zone(zone))
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint="--zone") from error
    settings = load_settings({"data": data}, settings_file)
    database = open_reader(settings.data, settings.database)
    try:
        found = database.read_sync(lambda conn: report(conn, datetime.now(UTC), day, where))
    finally:
        database.close()
    if as_json:
        typer.echo(found.model_dump_json())
        return

    from collector.cli.today_table import show

    show(found)


@app.command("prelabels")
def prelabels(
    study: Annotated[str | None, typer.Option(help="Only this study.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model, by name or sha256.")] = None,
    since: Annotated[
        datetime | None,
        typer.Option(parser=parser(None), metavar="TIME", help=f"Submitted since then (local time): {FORMATS}."),
    ] = None,
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """What people made of the models' pre-labels: by model, word, device and step; which word costs people time."""
    from rich.console import Console
    from rich.progress import Progress

    from collector.cli.prelabel_table import show
    from collector.prelabels.report_worker import DataLocation, report_of
    from collector.prelabels.reviewed_rows import Asked

    settings = load_settings({"data": data}, settings_file)
    asked = Asked(study=study, model=model, since=since)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("Comparing", total=None)

        def show_progress(items: int) -> None:
            if items % SHOWN_ITEMS == 0:
                progress.update(bar, description=f"Comparing: {items}")

        found = report_of(DataLocation.of(settings), asked, show_progress)
    if as_json:
        typer.echo(found.model_dump_json(by_alias=True))
        return
    show(found)
