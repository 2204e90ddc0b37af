"""`gleaner collector backups …`: what is in a repository, whether it is whole, and removing old snapshots."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from collector.cli.options import Json
from collector.cli.repository import PassphraseFile, Rate, RepositoryFolder, course, repository_at, shown_bytes

app = typer.Typer(no_args_is_help=True, help="Backups that were made: which there are, whether they are whole.")


@app.command("list")
def list_snapshots(repository: RepositoryFolder, passphrase_file: PassphraseFile = None, as_json: Json = False) -> None:
    """Show every snapshot, the oldest first."""
    from rich.console import Console
    from rich.table import Table

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
    Console().print(table if found else "No backup in this repository has ended well yet.")


@app.command("check")
def check(
    repository: RepositoryFolder,
    passphrase_file: PassphraseFile = None,
    rate: Rate = None,
    as_json: Json = False,
) -> None:
    """Read every file of a repository and compare it with its hash. Ends with 1 when something is damaged."""
    from collector.backup.check import check_repository

    with repository_at(repository, passphrase_file) as place, course("Check", rate) as work:
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
    repository: RepositoryFolder,
    last: Annotated[int, typer.Option("--keep-last", min=1, help="The newest ones.")] = 1,
    daily: Annotated[int, typer.Option("--keep-daily", min=0, help="The newest of each of so many days.")] = 0,
    weekly: Annotated[int, typer.Option("--keep-weekly", min=0, help="The newest of each of so many weeks.")] = 0,
    monthly: Annotated[int, typer.Option("--keep-monthly", min=0, help="The newest of each of so many months.")] = 0,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Remove snapshots that no option keeps, and what only they needed. The newest one always stays."""
    from collector.backup.retention import Retention, prune_repository
    from collector.cli.background import stand_back

    stand_back()
    with repository_at(repository, passphrase_file, for_pruning=True) as place:
        pruned = prune_repository(place, Retention(last, daily, weekly, monthly))
    if as_json:
        typer.echo(json.dumps(asdict(pruned)))
        return
    typer.echo(
        f"{len(pruned.kept)} snapshots stay, {len(pruned.removed)} were removed, with {pruned.objects} objects that"
        " no other needs."
    )
