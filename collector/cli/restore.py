"""`gleaner collector restore`: a snapshot into an empty data folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from collector.cli.options import Data, DatabaseAddress, Json, SettingsFile
from collector.cli.repository import PassphraseFile, Rate, RepositoryPlace, course, repository_at
from collector.cli.stopping import SAME_COMMAND, when_stopped


def restore(
    repository: RepositoryPlace,
    snapshot: Annotated[
        str | None, typer.Option(help="Which snapshot, as `backups list` shows it. [default: the newest]")
    ] = None,
    without_damaged: Annotated[
        bool, typer.Option("--without-damaged", help="Restore the rest where recordings of the backup are damaged.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    rate: Rate = None,
    data: Data = None,
    database: DatabaseAddress = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Fill a new or empty data folder from a repository, and check every byte. Run it again if it was interrupted.

    Media go where the setting blobs says: into the data folder, or to an S3 server.
    """
    from collector.backup.restore import newest_snapshot, restore_snapshot
    from collector.settings import load_settings

    settings = load_settings({"data": data, "database": database}, settings_file)
    with (
        when_stopped(lambda: _left_in(settings.data)),
        repository_at(repository, passphrase_file, settings) as place,
        course("Restore", rate) as work,
    ):
        found = place.find_snapshot(snapshot) if snapshot else newest_snapshot(place)
        restored = restore_snapshot(
            place,
            found,
            settings.data,
            work,
            database=settings.database,
            media=settings.blobs_location,
            without_damaged=without_damaged,
        )
    left_out = len(restored.left_out) + len(found.missing)
    if as_json:
        result = {"snapshot": found.id, "rows": found.rows, "blobs": found.blobs.rows - left_out}
        typer.echo(json.dumps({**result, "left_out": left_out, "digest": restored.digest}))
    else:
        typer.echo(
            f"Restored {found.rows} rows and {found.blobs.rows - left_out} blobs of {found.finished_at:%Y-%m-%d %H:%M}"
            f" UTC. Start it: gleaner collector serve --data {settings.data}"
        )
    if left_out:
        typer.echo(f"{left_out} blobs are not in the backup or damaged there: gleaner collector verify", err=True)
        raise typer.Exit(1)


def _left_in(data: Path) -> str:
    """What a restore that was stopped has left."""
    from collector.store.open import RESTORE_MARK

    if (data / RESTORE_MARK).exists():
        return f"{data} is not whole, and no collector starts on it. {SAME_COMMAND}"
    return "Nothing was restored yet."
