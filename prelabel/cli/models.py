"""`gleaner prelabel models`: what there is, and what is on this machine."""

from __future__ import annotations

import json

import typer
from rich.table import Table

from prelabel.cli.output import Json, megabytes, origin, to_output
from prelabel.models import catalogue
from prelabel.models.registry import Installed, installed


def models(as_json: Json = False) -> None:
    """List the models and pictures of the catalogue and your own packages: licence, and where each is or comes from."""
    rows = [(item, catalogue.locate(item.name)) for item in catalogue.items()]
    own = installed()
    if as_json:
        listed = [{**item.model_dump(mode="json", by_alias=True), "path": path and str(path)} for item, path in rows]
        typer.echo(json.dumps([*listed, *map(_facts, own)], indent=2))
        return
    table = Table("name", "kind", "licence", "size", "finds or shows", box=None, pad_edge=False)
    table.add_column("where", overflow="fold")
    for item, path in rows:
        where = str(path) if path else f"not here, comes from {origin(item.sources[0])}"
        table.add_row(item.name, item.kind, item.licence, megabytes(item.size), item.about, where)
    for row in own:
        about = f"version {row.version}, family {row.family}" + ("" if row.current else ", hidden by a newer one")
        table.add_row(row.name, "package", row.licence, megabytes(row.size), about, str(row.path))
    to_output().print(table)


def _facts(row: Installed) -> dict[str, object]:
    return {
        "name": row.name,
        "kind": "package",
        "version": row.version,
        "family": row.family,
        "licence": row.licence,
        "sha256": row.sha256,
        "bytes": row.size,
        "current": row.current,
        "path": str(row.path),
    }
