"""`gleaner collector migrate`: migrate the data to this version's schema without serving."""

from __future__ import annotations

import typer

from collector.cli.options import Data, SettingsFile
from collector.settings import load_settings


def migrate(data: Data = None, settings_file: SettingsFile = None) -> None:
    """Migrate the database to this version's schema. `serve` does the same when it starts."""
    from collector.store.migrate import AT_SCHEMA
    from collector.store.open import open_database

    settings = load_settings({"data": data}, settings_file)
    database = open_database(settings.data)
    try:
        schema = database.read_sync(lambda conn: conn.execute(AT_SCHEMA).scalar())
        typer.echo(f"{settings.data} is at schema {schema}.")
    finally:
        database.close()
