"""`gleaner collector study …`: the studies there are, their versions, and the share of tasks without pre-labels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collector.cli.options import Data, Json, SettingsFile, ask_collector

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    no_args_is_help=True, help="Studies: which there are, their versions, how many of their items have no pre-labels."
)
Study = Annotated[str, typer.Argument(help="The study, as `study list` shows it.")]


@app.command("list")
def list_studies(data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """Show every study; the first session of one makes it."""
    from rich.table import Table

    from collector.cli.tables import show_table

    made = ask_collector(data, settings_file, "study-list", {})
    if as_json:
        typer.echo(json.dumps(made))
        return
    table = Table("study", "since", "without pre-labels", "media links", box=None)
    for row in made["studies"]:
        links = "yes" if row["media_links"] else "no"
        table.add_row(row["id"], row["created_at"][:10], f"{row['control_share']:.0%}", links)
    show_table(table, "No study yet: the first session of one makes it.")


@app.command("show")
def show_study(
    study: Study,
    version: Annotated[int | None, typer.Option(min=1, help="Another version than the newest.")] = None,
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Show the versions of a study, and the words, consent text and instructions of one of them."""
    from rich.console import Console
    from rich.table import Table

    from collector.cli.tables import show_table

    made = ask_collector(data, settings_file, "study-show", {"study": study})
    if as_json:
        typer.echo(json.dumps(made))
        return
    shown = [row for row in made["versions"] if version in (None, row["number"])][:1]
    if version is not None and not shown:
        raise typer.BadParameter(f"The study {study} has no version {version}.", param_hint="--version")
    table = Table("version", "since", "from", "sha256", box=None)
    for row in made["versions"]:
        table.add_row(
            str(row["number"]), row["made_at"][:10], f"{row['origin']} {row['origin_id'][:12]}", row["sha256"][:12]
        )
    show_table(table)
    console = Console()
    for row in shown:
        _show_version(row, console)


def _show_version(row: dict[str, Any], console: Console) -> None:
    """The words, consent text and instructions of a version, as text that rich does not read as markup."""
    for kind, words in row["label_schema"].items():
        console.print(f"\n{kind}: {', '.join(words) or 'any word'}", markup=False)
        for one in row["instructions"]:
            if one["type"] == kind:
                console.print(f"  {one['text']} (instructions {one['version']}, {one['sha256'][:12]})", markup=False)
    words = row["consent_text"] or "not here; devices of an older version send no plans"
    console.print(f"\nconsent text {row['consent_text_sha256'][:12]}: {words}", markup=False)


@app.command("set")
def set_study(
    study: Study,
    control_share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of new items, picked at random, that get no pre-labels: 0 to 1."),
    ] = None,
    media_links: Annotated[
        bool | None,
        typer.Option(
            "--media-links/--no-media-links",
            help="Whether people get media from the S3 server, by links that work for a minute.",
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Change a study. Items that are here already stay as they were drawn."""
    asked = {"control_share": control_share, "media_links": media_links}
    change = {name: value for name, value in asked.items() if value is not None}
    if not change:
        raise typer.BadParameter("Name what is to change: --control-share or --media-links.")
    made = ask_collector(data, settings_file, "study-set", {"study": study, "change": json.dumps(change)})
    if as_json:
        typer.echo(json.dumps(made))
        return
    if control_share is not None:
        typer.echo(f"{made['id']}: {made['control_share']:.0%} of its new items get no pre-labels.")
    if media_links is not None:
        typer.echo(f"{made['id']}: {_where_from(made)}")


def _where_from(made: dict[str, Any]) -> str:
    if not made["media_links"]:
        return "media come through the collector; links that were given end within a minute."
    if made["links_from"] is None:
        return "media links are allowed. This collector gives none: set link_endpoint (docs/collector.md, Media links)."
    return f"media come by links that work for a minute, from {made['links_from']}"
