"""`gleaner collector study …`: the studies there are, and the share of their tasks without pre-labels."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from collector.cli.options import Data, Json, SettingsFile, ask_collector

app = typer.Typer(
    no_args_is_help=True, help="Studies: which there are, and how many of their items have no pre-labels."
)


@app.command("list")
def list_studies(data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """Show every study; the first session of one makes it."""
    from rich.console import Console
    from rich.table import Table

    made = ask_collector(data, settings_file, "study-list", {})
    if as_json:
        typer.echo(json.dumps(made))
        return
    table = Table("study", "since", "without pre-labels", box=None)
    for row in made["studies"]:
        table.add_row(row["id"], row["created_at"][:10], f"{row['control_share']:.0%}")
    Console().print(table if made["studies"] else "No study yet: the first session of one makes it.")


@app.command("set")
def set_study(
    study: Annotated[str, typer.Argument(help="The study, as `study list` shows it.")],
    control_share: Annotated[
        float, typer.Option(min=0, max=1, help="Of new items, drawn by chance, so many get no pre-labels: 0 to 1.")
    ],
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Change a study. Items that are here already stay as they were drawn."""
    given = {"study": study, "change": json.dumps({"control_share": control_share})}
    made = ask_collector(data, settings_file, "study-set", given)
    line = f"{made['id']}: {made['control_share']:.0%} of its new items get no pre-labels."
    typer.echo(json.dumps(made) if as_json else line)
