"""`gleaner collector check-export`: whether a folder or an archive is still what was exported."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from collector.cli.options import Json


def check_export(
    folder: Annotated[Path, typer.Argument(help="A folder that `export` made, or an archive of `exports`.")],
    as_json: Json = False,
) -> None:
    """Check every file of an export against its hash, and read every line of labels."""
    from collector.exports.check import check_export as check

    found = check(folder)
    if as_json:
        typer.echo(json.dumps(asdict(found)))
        return
    typer.echo(f"{folder} is as it was exported: {found.files} files, {found.documents} labels documents.")
