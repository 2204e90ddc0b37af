"""`gleaner collector backups …`: what is in a repository, whether it is whole, and removing old snapshots."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.cli.options import Json
from collector.cli.repository import (
    NEW_PASSPHRASE_VARIABLE,
    PassphraseFile,
    Rate,
    RepositoryPlace,
    course,
    passphrase_of,
    repository_at,
    shown_bytes,
    storage_at,
)
from collector.cli.stopping import NOTHING_CHANGED, SAME_COMMAND, when_stopped

if TYPE_CHECKING:
    from collector.backup.problems import ParticipantNotInBackups

_VERSIONED = (
    "The bucket keeps versions: what was deleted here, keys included, can still be had there. Delete all versions that"
    " are not the newest (docs/backup.md, Erasing a participant)."
)
app = typer.Typer(no_args_is_help=True, help="Backups that were made: which there are, whether they are whole.")


@app.command("list")
def list_snapshots(repository: RepositoryPlace, passphrase_file: PassphraseFile = None, as_json: Json = False) -> None:
    """Show every snapshot, the oldest first."""
    from rich.table import Table

    from collector.cli.tables import show_table

    with repository_at(repository, passphrase_file) as place:
        found = [place.find_snapshot(name) for name in place.snapshot_ids()]
    if as_json:
        rows = [
            {
                "snapshot": one.id,
                "finished_at": one.to_json()["finished_at"],
                "version": one.version,
                "data_schema": one.data_schema,
                "rows": one.rows,
                "blobs": one.blobs.rows,
                "bytes": one.blob_bytes,
                "missing": len(one.missing),
                "digest": one.digest,
            }
            for one in found
        ]
        typer.echo(json.dumps({"snapshots": rows}))
        return
    table = Table("snapshot", "made (UTC)", "version", "rows", "blobs", "size", "missing", box=None)
    for one in found:
        made = f"{one.finished_at:%Y-%m-%d %H:%M}"
        size = shown_bytes(one.blob_bytes)
        table.add_row(one.id, made, one.version, str(one.rows), str(one.blobs.rows), size, str(len(one.missing) or ""))
    show_table(table, "No backup in this repository has ended well yet.")


@app.command("check")
def check(
    repository: RepositoryPlace,
    passphrase_file: PassphraseFile = None,
    rate: Rate = None,
    as_json: Json = False,
) -> None:
    """Read every file of a repository and compare it with its hash. Ends with 1 when something is damaged."""
    from collector.backup.check import check_repository

    with (
        when_stopped(NOTHING_CHANGED),
        repository_at(repository, passphrase_file) as place,
        course("Check", rate) as work,
    ):
        found = check_repository(place, work)
    if as_json:
        typer.echo(json.dumps({"whole": not found.damaged, **asdict(found)}))
    else:
        for name in found.damaged:
            typer.echo(f"damaged or missing: {name}")
        result = f"{len(found.damaged)} files are damaged or missing" if found.damaged else "No problem was found"
        typer.echo(f"{result}: {found.snapshots} snapshots, {found.objects} objects ({shown_bytes(found.bytes)}).")
        if found.leftovers:
            typer.echo(f"{len(found.leftovers)} objects belong to no snapshot: `backups prune` removes them.", err=True)
    if found.damaged:
        raise typer.Exit(1)


@app.command("prune")
def prune(
    repository: RepositoryPlace,
    last: Annotated[int, typer.Option("--keep-last", min=1, help="The newest ones.")] = 1,
    daily: Annotated[int, typer.Option("--keep-daily", min=0, help="The newest of each of so many days.")] = 0,
    weekly: Annotated[int, typer.Option("--keep-weekly", min=0, help="The newest of each of so many weeks.")] = 0,
    monthly: Annotated[int, typer.Option("--keep-monthly", min=0, help="The newest of each of so many months.")] = 0,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Remove snapshots that no option keeps, and what only they needed. The newest one always stays."""
    from collector.backup.retention import Retention, prune_repository
    from collector.bulk.background import stand_back

    stand_back()
    with (
        when_stopped(f"Every snapshot that is listed is whole. {SAME_COMMAND}"),
        repository_at(repository, passphrase_file, for_pruning=True) as place,
    ):
        pruned = prune_repository(place, Retention(last, daily, weekly, monthly))
    if as_json:
        typer.echo(json.dumps(asdict(pruned)))
        return
    typer.echo(
        f"{len(pruned.kept)} snapshots stay, {len(pruned.removed)} were removed, with {pruned.objects} objects that"
        " no other needs."
    )


@app.command("erase")
def erase(
    repository: RepositoryPlace,
    participant: Annotated[str, typer.Option("--participant", help="Whose rows and recordings, by their id.")],
    look: Annotated[bool, typer.Option("--look", help="Only say which snapshots have any; change nothing.")] = False,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Take a participant out of every snapshot, destroy the keys of what only they had, and look whether all is gone.

    Erase them in the collector first, or the next backup saves them again. Ends with 1 when something is left, and
    where the bucket keeps versions of what was deleted.
    """
    from collector.backup.erase import erase_participant, snapshots_with
    from collector.bulk.background import stand_back

    stand_back()
    stopped = NOTHING_CHANGED if look else f"Perhaps not everything of {participant} is erased. {SAME_COMMAND}"
    with when_stopped(stopped), repository_at(repository, passphrase_file, for_pruning=not look) as place:
        erased = None if look else erase_participant(place, participant)
        left = snapshots_with(place, participant)
        is_kept = not look and place.storage.is_versioned()
    if erased is not None and not (erased.snapshots or left):
        raise _nobody(participant, erased.objects, is_kept)
    if as_json:
        found = {"erased": None if erased is None else asdict(erased), "left": left, "versioned": is_kept}
        typer.echo(json.dumps(found))
    else:
        if erased is not None:
            typer.echo(
                f"{erased.rows} rows were taken out of {len(erased.snapshots)} snapshots; {erased.blobs} recordings and"
                f" {erased.objects} objects in all {'are deleted' if is_kept else 'cannot be read any more'}."
            )
        for name, rows in left.items():
            typer.echo(f"The snapshot {name} has {rows} rows about {participant}.")
        if not left:
            typer.echo(f"No snapshot has anything of {participant}.")
        if is_kept:
            typer.echo(_VERSIONED)
    if is_kept or (left and not look):
        raise typer.Exit(1)


def _nobody(participant: str, objects: int, is_kept: bool) -> ParticipantNotInBackups:
    """No snapshot had anything of them. `objects`: of no snapshot, left by a command that was stopped; deleted now."""
    from collector.backup.problems import ParticipantNotInBackups

    nobody = f"Nobody of the name {participant} is in these backups"
    versions = f" {_VERSIONED}" if is_kept else ""  # also of what an earlier erasure deleted
    if not objects:
        return ParticipantNotInBackups(f"{nobody}; nothing was changed.{versions}")
    return ParticipantNotInBackups(
        f"{nobody}. Objects of no snapshot, which an earlier command had left, were deleted: {objects}.{versions}",
        hint="If an erasure of this id was stopped before, it has ended now. Else compare the id with that in the"
        " collector, letter by letter.",
    )


@app.command("passphrase")
def change(
    repository: RepositoryPlace,
    new_passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--new-passphrase-file",
            help=f"A file with the new passphrase. [env: {NEW_PASSPHRASE_VARIABLE} is it itself; else it is asked for]",
        ),
    ] = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Give a repository another passphrase; nothing is encrypted anew."""
    from collector.backup.repository import change_passphrase

    old = passphrase_of(passphrase_file)
    new = passphrase_of(new_passphrase_file, NEW_PASSPHRASE_VARIABLE, "New passphrase", is_new=True)
    change_passphrase(storage_at(repository), old, new)
    typer.echo("The repository has the new passphrase. Save a copy of it away from this machine.")
