"""`gleaner collector migrate`: migrate the data to this version's schema without serving, or go back."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.cli.options import Data, DatabaseAddress, SettingsFile
from collector.cli.stopping import when_stopped
from collector.settings import Settings, load_settings

_STOPPED = "The database is whole: as it was, or as it would be after the command. Run it again."


def migrate(
    back: Annotated[
        bool, typer.Option("--back", help="Put back the copy that was made before the last upgrade.")
    ] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="With --back: also when rows were written since the upgrade.")
    ] = False,
    data: Data = None,
    database: DatabaseAddress = None,
    settings_file: SettingsFile = None,
) -> None:
    """Migrate the database to this version's schema. `serve` does the same when it starts.

    Before an older database is migrated, a copy of it is put into the folder `upgrades` of the data, unless it is
    in PostgreSQL.
    """
    settings = load_settings({"data": data, "database": database}, settings_file)
    with when_stopped(_STOPPED):
        _migrate(settings, back, discard)


def _migrate(settings: Settings, back: bool, discard: bool) -> None:
    from collector.local_service import require_data
    from collector.store.migrate import AT_SCHEMA
    from collector.store.open import database_file, open_database
    from collector.store.upgrade_copies import UpgradeCopyMissing, go_back

    if back:
        require_data(settings)
        if settings.database is not None:
            raise UpgradeCopyMissing("A PostgreSQL database is not copied before it is migrated.")
        copy, schema = go_back(database_file(settings.data), discard=discard)
        typer.echo(f"{settings.data} is at schema {schema} again, from {copy}. Start the version of then.")
        typer.echo("What was revoked since the upgrade has to be revoked again.", err=True)
        return
    opened = open_database(settings.data, settings.database, work="alone")
    try:
        schema = opened.read_sync(lambda conn: conn.execute(AT_SCHEMA).scalar())
        typer.echo(f"{settings.data} is at schema {schema}.")
    finally:
        opened.close()
