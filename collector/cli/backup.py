"""`gleaner collector backup`: save rows, media and keys, encrypted, while the service runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from collector.cli.options import Data, Json, SettingsFile
from collector.cli.repository import PassphraseFile, Rate, RepositoryPlace, course, repository_at, shown_bytes
from collector.cli.stopping import SAME_COMMAND, when_stopped

if TYPE_CHECKING:
    from collector.backup.backup import BackupMade
    from collector.settings import Settings

_STOPPED = f"There is no new snapshot, and those that were there are whole. {SAME_COMMAND}"


def backup(
    repository: RepositoryPlace,
    passphrase_file: PassphraseFile = None,
    rate: Rate = None,
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Save everything of this collector into a repository; media that are there already are not copied again.

    Works while the service runs and while it does not. Ends with 1 when a recording of the collector is missing or
    damaged: the backup is made without it, unless an earlier one saved it.
    """
    from collector.backup.backup import make_backup
    from collector.settings import load_settings
    from collector.store.open import open_reader
    from collector.store.open_blobs import open_blobs

    settings = load_settings({"data": data}, settings_file)
    database = open_reader(settings.data, settings.database)
    try:
        with (
            when_stopped(_STOPPED),
            repository_at(repository, passphrase_file, settings, for_writing=True) as place,
            course("Backup", rate) as work,
        ):
            made = make_backup(place, database, open_blobs(settings.blobs_location), settings.data, settings.keys, work)
    finally:
        database.close()
    snapshot = made.snapshot
    _report_time(settings)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "snapshot": snapshot.id,
                    "rows": snapshot.rows,
                    "blobs": snapshot.blobs.rows,
                    "bytes": snapshot.blob_bytes,
                    "new_blobs": made.new_blobs,
                    "new_bytes": made.new_bytes,
                    "missing": list(snapshot.missing),
                    "lost": list(made.lost),
                    "digest": snapshot.digest,
                }
            )
        )
    else:
        typer.echo(
            f"Saved {snapshot.rows} rows and {snapshot.blobs.rows} blobs ({shown_bytes(snapshot.blob_bytes)}) as"
            f" {snapshot.id}; {made.new_blobs} blobs ({shown_bytes(made.new_bytes)}) are new."
        )
    _say_absent(made)


def _say_absent(made: BackupMade) -> None:
    """Ends with 1 where the collector has a recording no more, or damaged."""
    for key in made.snapshot.missing:
        what = "has changed on the disk" if key in made.damaged else "is missing"
        typer.echo(f"The blob {key} {what}; it is not in this backup.", err=True)
    for key in made.lost:
        typer.echo(
            f"The blob {key} is missing in the collector; an earlier backup saved it, so this one has it.", err=True
        )
    if made.snapshot.missing or made.lost:
        typer.echo("Check the collector's data: gleaner collector verify", err=True)
        raise typer.Exit(1)


def _report_time(settings: Settings) -> None:
    """For the page of the installation. A backup that is made stays made when this cannot be saved."""
    from collector.local_service import ask
    from wire.base import format_utc
    from wire.errors import GleanerError

    try:
        ask(settings, "backup-save", {"at": format_utc(datetime.now(UTC))})
    except GleanerError as error:
        typer.echo(f"The time of this backup is not shown in the page: {error}", err=True)
