"""`gleaner collector new-master-key`: what all other keys are encrypted with, made anew."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from collector.cli.options import Data, DatabaseAddress, SettingsFile
from collector.cli.stopping import confirm
from collector.local_service import require_stopped
from collector.settings import SettingsInvalid, load_settings
from wire.files import put_in_place


def new_master_key(
    data: Data = None,
    database: DatabaseAddress = None,
    settings_file: SettingsFile = None,
    old: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="The master key until now, where the new one is in its file already: from a secrets manager, or from"
            " another collector.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Encrypt all keys with a new master key while all collectors are stopped; interrupted, run it again."""
    from collector.key_folder import KeyFolder
    from collector.keys import RECEIPT_KEY
    from collector.master_key import write_master_key
    from collector.shared_keys import change_master_key
    from collector.store.open import open_database
    from collector.tls.authority import AUTHORITY, AUTHORITY_KEY

    settings = load_settings({"data": data, "database": database}, settings_file)
    file = settings.master_key
    if file is None:
        raise SettingsInvalid("No file is named for the master key.", hint="Set GLEANER_COLLECTOR_MASTER_KEY.")
    require_stopped(settings)
    if not yes:
        confirm(f"Encrypt the keys with a new master key, {file}?")
    shared = {"receipt": (RECEIPT_KEY,), "authority": (AUTHORITY_KEY, AUTHORITY)}
    opened = open_database(settings.data, settings.database, work="alone")
    try:
        if old is not None:
            change_master_key(opened, settings.keys, [file, old], shared)
        else:
            # Under another name until all is encrypted with it: each of the two opens what it has encrypted.
            made = file.with_name(f"{file.name}.new")
            with _writing(file):
                if not made.exists():
                    write_master_key(made)
            change_master_key(opened, KeyFolder(settings.keys_folder, made), [file, made], shared)
            with _writing(file):
                if file.exists():
                    file.replace(file.with_name(f"{file.name}.old"))
                put_in_place(made, file)
    finally:
        opened.close()
    typer.echo(
        f"The keys are encrypted with {file}. Other collectors of this database need it, too: put it there with the"
        " mode 0600, and run this command there with --old and the file of until now."
    )


@contextlib.contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SettingsInvalid(
            f"The master key {file} cannot be replaced: {error.strerror}.",
            hint="Where a secrets manager gives it, have it give the new one, and name that of until now: --old FILE.",
        ) from error
