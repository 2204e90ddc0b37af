"""`gleaner collector new-master-key`: what the shared keys of a PostgreSQL database are encrypted with, made anew."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.cli.options import Data, DatabaseAddress, SettingsFile
from collector.settings import SettingsInvalid, load_settings


def new_master_key(
    data: Data = None,
    database: DatabaseAddress = None,
    settings_file: SettingsFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Make a new master key while all collectors are stopped, from the files in keys/ here. Copy it to the others."""
    from collector.keys import RECEIPT_KEY
    from collector.shared_keys import SharedKeys, write_master_key
    from collector.store.open import open_database
    from collector.tls.authority import AUTHORITY, AUTHORITY_KEY

    settings = load_settings({"data": data, "database": database}, settings_file)
    file = settings.master_key
    if file is None:
        raise SettingsInvalid("No file is named for the master key.", hint="Set GLEANER_COLLECTOR_MASTER_KEY.")
    if not yes:
        typer.confirm(f"Encrypt the keys of the database with a new master key, {file}?", abort=True)
    opened = open_database(settings.data, settings.database, work="alone")
    try:
        if file.exists():
            file.replace(file.with_name(f"{file.name}.old"))
        write_master_key(file)
        keys = SharedKeys(opened, settings.keys_folder, file)
        keys.replace("receipt", (RECEIPT_KEY,))
        keys.replace("authority", (AUTHORITY_KEY, AUTHORITY))
    finally:
        opened.close()
    typer.echo(f"The keys are encrypted with {file}. Copy it to every other collector of this database, mode 0600.")
