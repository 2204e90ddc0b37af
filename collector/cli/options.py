"""Options that several verbs share. `--help` names flag, environment and default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Data = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Folder of database, blobs and keys. [env: GLEANER_COLLECTOR_DATA; default: .gleaner/collector]"
    ),
]
DatabaseAddress = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="A PostgreSQL database, like postgresql://user@host/name; give no password here."
        " [env: GLEANER_COLLECTOR_DATABASE; default: SQLite in the data folder]",
    ),
]
BlobsAddress = Annotated[
    str | None,
    typer.Option(
        "--blobs",
        help="Media on an S3 server, like s3://bucket/folder. [env: GLEANER_COLLECTOR_BLOBS; default: the data folder]",
    ),
]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="A TOML file with settings (docs/collector.md).")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, for programs.")]


def ask_collector(data: Data, settings_file: SettingsFile, verb: str, given: dict[str, str]) -> dict[str, Any]:
    """Have a verb of `collector.verbs` done by the running service, else on its data."""
    from collector.local_service import ask
    from collector.settings import load_settings

    return ask(load_settings({"data": data}, settings_file), verb, given)
