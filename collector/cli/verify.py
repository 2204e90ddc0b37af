"""`gleaner collector verify`: whether the live data is whole."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from collector.cli.options import Data, Json, SettingsFile
from collector.cli.repository import PassphraseFile, Rate, course, repository_at, shown_bytes
from collector.cli.stopping import NOTHING_CHANGED, when_stopped

SHOWN_FAULTS = 50


def verify(
    backup: Annotated[
        str | None,
        typer.Option(
            "--backup",
            metavar="REPOSITORY",
            help="Compare rows that never change with the newest backup, too. [default: no comparison]",
        ),
    ] = None,
    passphrase_file: PassphraseFile = None,
    data: Data = None,
    rate: Rate = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Read every row and recording and compare them with their hashes. Ends with 1 when something is wrong.

    Works while the service runs and changes nothing.
    """
    from rich.table import Table

    from collector.backup.comparison import compare_with_backup
    from collector.backup.restore import newest_snapshot
    from collector.backup.verify import verify_data
    from collector.cli.tables import show_table
    from collector.settings import load_settings
    from collector.store.open import open_reader
    from collector.store.open_blobs import open_blobs

    settings = load_settings({"data": data}, settings_file)
    database = open_reader(settings.data, settings.database)
    try:
        with when_stopped(NOTHING_CHANGED):
            with course("Verify", rate) as work:
                found = verify_data(database, open_blobs(settings.blobs_location), settings.data, settings.keys, work)
            if backup is not None:
                with repository_at(backup, passphrase_file, settings) as place:
                    found.faults += compare_with_backup(place, newest_snapshot(place), database)
    finally:
        database.close()
    if as_json:
        typer.echo(json.dumps({"whole": not found.faults, **asdict(found)}))
    else:
        if found.faults:
            table = Table("kind", "where", "problem", box=None)
            for one in found.faults[:SHOWN_FAULTS]:
                table.add_row(one.kind, one.place, one.problem)
            show_table(table)
        more = len(found.faults) - SHOWN_FAULTS
        if more > 0:
            typer.echo(f"and {more} more: --json lists all of them.")
        result = f"{len(found.faults)} problems were found in" if found.faults else "No problem was found in"
        typer.echo(f"{result} {found.rows} rows and {found.blobs} blobs ({shown_bytes(found.bytes)}).")
        if found.unnamed:
            typer.echo(f"{len(found.unnamed)} blobs belong to no row; they take space and do no harm.", err=True)
    if found.faults:
        raise typer.Exit(1)
