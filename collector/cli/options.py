"""Options that several verbs share. `--help` names flag, environment and default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Folder of database, blobs and keys. [env: GLEANER_COLLECTOR_DATA; default: .gleaner/collector]"
    ),
]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="A TOML file with settings (docs/collector.md).")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, for programs.")]
