"""`gleaner collector report …`: numbers for leads, read beside a running service."""

from __future__ import annotations

import typer

from collector.cli.options import Data, Json, SettingsFile
from collector.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Numbers for leads; works beside a running service.")


@app.command("today")
def today(data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """Takes, uploads on their way, tasks done and open by person, active minutes: of the machine's local day."""
    from datetime import UTC, datetime

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
