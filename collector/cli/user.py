"""`gleaner collector user …`: people, their tokens and their links into the page."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from collector.cli.options import Data, Json, SettingsFile, ask_collector

app = typer.Typer(no_args_is_help=True, help="People: who they are, what they may do, how they sign in.")
Name = Annotated[str, typer.Argument(help="The person's name, as `user list` shows it.")]


@app.command("add")
def add(
    name: Name,
    role: Annotated[
        str,
        typer.Option(
            help="annotator corrects tasks; lead sees everything; admin looks after the installation and sees no media."
        ),
    ],
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Add a person."""
    made = ask_collector(data, settings_file, "user-add", {"name": name, "role": role})
    typer.echo(json.dumps(made) if as_json else f"{made['name']} is here as {made['role']}.")


@app.command("token")
def token(
    name: Name,
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="It ends after so many days. [default: when it is revoked]")
    ] = None,
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Print a bearer token for this person's programs. It is shown once."""
    given = {"name": name} if days is None else {"name": name, "days": str(days)}
    made = ask_collector(data, settings_file, "user-token", given)
    typer.echo(json.dumps(made) if as_json else made["token"])


@app.command("link")
def link(name: Name, data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """Print a link that opens the review page once, within an hour."""
    made = ask_collector(data, settings_file, "user-link", {"name": name})
    typer.echo(json.dumps(made) if as_json else made["url"])


@app.command("role")
def change_role(
    name: Name,
    role: Annotated[str, typer.Option(help="annotator, lead or admin.")],
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Change what a person may do, at once. What they did and hold stays."""
    made = ask_collector(data, settings_file, "user-role", {"name": name, "role": role})
    typer.echo(json.dumps(made) if as_json else f"{made['name']} is {role} now.")


@app.command("disable")
def disable(name: Name, data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """End a person's tokens, sessions and links at once, and give the items they hold to others. Drafts are kept."""
    made = ask_collector(data, settings_file, "user-disable", {"name": name})
    sentence = f"{made['name']} cannot sign in any more. Items released: {made['released']}."
    typer.echo(json.dumps(made) if as_json else sentence)


@app.command("enable")
def enable(name: Name, data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """Let a disabled person sign in again, with a new link."""
    made = ask_collector(data, settings_file, "user-enable", {"name": name})
    sentence = f"{made['name']} can sign in again: gleaner collector user link {made['name']}"
    typer.echo(json.dumps(made) if as_json else sentence)


@app.command("tokens")
def tokens(name: Name, data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """Show what lets a person in: tokens of programs, sessions of the page, links that were not opened yet."""
    from rich.table import Table

    from collector.cli.tables import show_table

    made = ask_collector(data, settings_file, "user-tokens", {"name": name})
    if as_json:
        typer.echo(json.dumps(made))
        return
    kinds = {"api": "token", "page": "session", "enter": "link"}
    table = Table("id", "kind", "made", "last used", "ends", box=None)
    for row in made["tokens"]:
        times = [(row[at] or "never")[:16].replace("T", " ") for at in ("created_at", "last_used_at", "expires_at")]
        table.add_row(row["id"], kinds[row["kind"]], *times)
    show_table(table, f"{name} has no tokens, sessions or links.")


@app.command("revoke-token")
def revoke_token(
    name: Name,
    token: Annotated[str, typer.Argument(help="The token's id, as `user tokens` shows it, or how it begins.")],
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """End one token, session or link of a person at once."""
    made = ask_collector(data, settings_file, "user-revoke-token", {"name": name, "token": token})
    typer.echo(json.dumps(made) if as_json else f"{made['token']} of {made['name']} opens nothing any more.")


@app.command("studies")
def limit(
    name: Name,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="STUDY", help="A study they may see; repeat it for several.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="They may see every study: the limit ends.")] = False,
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Limit a person to some studies: of the others they see nothing, from now on."""
    if every == bool(only):
        raise typer.BadParameter("Name the studies with --only, or give --all.", param_hint="--only")
    given = {"name": name, "studies": json.dumps(None if every else only)}
    made = ask_collector(data, settings_file, "user-studies", given)
    seen = ", ".join(made["studies"]) + " alone" if made["studies"] else "every study"
    typer.echo(json.dumps(made) if as_json else f"{made['name']} sees {seen}.")


@app.command("list")
def list_people(data: Data = None, as_json: Json = False, settings_file: SettingsFile = None) -> None:
    """Show everybody."""
    from rich.table import Table

    from collector.cli.tables import show_table

    made = ask_collector(data, settings_file, "user-list", {})
    if as_json:
        typer.echo(json.dumps(made))
        return
    table = Table("name", "role", "since", "studies", box=None)
    for row in made["users"]:
        role = row["role"] + (" (disabled)" if row["disabled_at"] else "")
        table.add_row(row["name"], role, row["created_at"][:10], ", ".join(row["studies"] or ["all"]))
    show_table(table, "Nobody yet: gleaner collector user add NAME --role annotator")
