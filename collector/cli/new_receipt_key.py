"""`gleaner collector new-receipt-key`: a new identity for a collector whose receipt key is lost."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.cli.options import Data, SettingsFile
from collector.cli.stopping import confirm
from collector.local_service import require_stopped
from collector.settings import load_settings


def new_receipt_key(
    data: Data = None,
    settings_file: SettingsFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Make a new receipt key while the service is stopped. Every device has to join again; recordings stay."""
    from collector.keys import RECEIPT_KEY, renew_receipt_key
    from collector.shared_keys import SharedKeys
    from collector.store.open import open_database

    settings = load_settings({"data": data}, settings_file)
    require_stopped(settings)
    if not yes:
        confirm("Every device will have to join again. Make a new receipt key?")
    database = open_database(settings.data, settings.database, work="alone")
    try:
        shared = SharedKeys(database, settings.keys) if settings.master_key else None
        key = renew_receipt_key(settings.keys, database)
        if shared is not None:
            shared.replace("receipt", (RECEIPT_KEY,))
    finally:
        database.close()
    typer.echo(f"This collector is now {key.collector}. Let every device join again: gleaner collector join-code")
