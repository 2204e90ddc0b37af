"""What the commands about backups share: the repository, its passphrase, the bar, and standing back for the service."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.cli.stopping import asking

if TYPE_CHECKING:
    from collector.backup.pace import Course
    from collector.backup.repository import Repository
    from collector.backup.storage import BackupStorage
    from collector.settings import Settings

PASSPHRASE_VARIABLE = "GLEANER_BACKUP_PASSPHRASE"
NEW_PASSPHRASE_VARIABLE = "GLEANER_NEW_BACKUP_PASSPHRASE"
MIB = 2**20

ENDPOINT_VARIABLE = "GLEANER_BACKUP_S3_ENDPOINT"
REGION_VARIABLE = "GLEANER_BACKUP_S3_REGION"
PROFILE_VARIABLE = "GLEANER_BACKUP_AWS_PROFILE"

RepositoryPlace = Annotated[
    str,
    typer.Argument(
        metavar="REPOSITORY", help="The folder of the backups, or s3://bucket/folder (docs/backup.md, Backups on S3)."
    ),
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help=f"A file with the passphrase. [env: {PASSPHRASE_VARIABLE} is the passphrase itself; else it is asked for]",
    ),
]
Rate = Annotated[
    float | None,
    typer.Option("--rate", metavar="MIB", min=0.1, help="Read at most so many MiB per second. [default: no limit]"),
]


@contextlib.contextmanager
def repository_at(
    place: str,
    passphrase_file: Path | None,
    settings: Settings | None = None,
    *,
    for_writing: bool = False,
    for_pruning: bool = False,
) -> Iterator[Repository]:
    """Raises what `open_repository` raises. `settings`: of the collector, whose S3 server it is where none is named."""
    from collector.backup.repository import is_repository, open_repository

    storage = storage_at(place, settings)
    passphrase = passphrase_of(passphrase_file, is_new=for_writing and not is_repository(storage))
    with open_repository(storage, passphrase, for_writing=for_writing, for_pruning=for_pruning) as repository:
        yield repository


def storage_at(place: str, settings: Settings | None = None) -> BackupStorage:
    """A folder, or a bucket: at the server and with the profile that the environment names for backups, else those of
    the collector.

    Raises:
        BackupNotFound: the address or the profile is none. StorageDriverMissing.
    """
    from collector.backup.folder import LocalBackupFolder
    from collector.store.s3_place import SCHEME

    if not place.startswith(SCHEME):
        return LocalBackupFolder(Path(place).absolute())

    from collector.backup.bucket import S3BackupStorage
    from collector.backup.problems import BackupNotFound
    from collector.settings import load_settings
    from collector.store.s3_credentials import profile_settings
    from collector.store.s3_place import ADDRESS, S3Place

    if ADDRESS.fullmatch(place) is None:
        raise BackupNotFound(
            f"{place} is no address like s3://bucket/folder.", hint="Name a folder or such an address."
        )
    known = settings or load_settings()
    profile = os.environ.get(PROFILE_VARIABLE) or None
    if profile is not None and "access_key_id" not in profile_settings(profile):
        raise BackupNotFound(
            f"The files of the AWS tools have no credentials of {profile}, which {PROFILE_VARIABLE} names.",
            hint="Write them into ~/.aws/credentials, or unset the variable.",
        )
    endpoint = os.environ.get(ENDPOINT_VARIABLE) or known.s3_endpoint
    region = os.environ.get(REGION_VARIABLE) or known.s3_region
    return S3BackupStorage(S3Place(place, endpoint, region, profile=profile))


def passphrase_of(
    file: Path | None, variable: str = PASSPHRASE_VARIABLE, title: str = "Passphrase", *, is_new: bool = False
) -> str:
    """From the file, the environment, or the person at the terminal. Raises PassphraseMissing."""
    from collector.backup.problems import PassphraseMissing
    from collector.master_key import closing_of

    if file is not None:
        try:
            hint = closing_of(file, file.stat())
            found = file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise PassphraseMissing(f"The passphrase file {file} cannot be read: {error}.") from error
        if hint is not None:
            raise PassphraseMissing(f"The passphrase file {file} can be read by others.", hint=hint)
    else:
        found = os.environ.get(variable, "")
        if not found and sys.stdin.isatty():
            with asking():
                found = typer.prompt(title, hide_input=True, confirmation_prompt=is_new, err=True)
    if not found:
        raise PassphraseMissing("Backups are encrypted, and no passphrase was given.")
    return found


@contextlib.contextmanager
def course(title: str, rate: float | None) -> Iterator[Course]:
    """A bar on standard error, and work that gives way: to the service, and to a limit of MiB per second."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from collector.backup.pace import Course, ReadLimit
    from collector.bulk.background import stand_back

    stand_back()
    columns = (TextColumn(title), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(title, total=None)
        yield Course(
            begin=lambda total: progress.update(bar, total=total, completed=0),
            advance=lambda count: progress.advance(bar, count),
            limit=ReadLimit(None if rate is None else rate * MIB),
        )


def shown_bytes(count: float) -> str:
    """`3.2 GiB`"""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
