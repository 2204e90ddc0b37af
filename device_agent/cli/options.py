"""Options that several verbs share, and the console for people, which is standard error."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from device_agent.settings import default_state

people = Console(stderr=True)
DEFAULT_STATE = default_state()
State = Annotated[
    Path,
    typer.Option(
        "--state",
        envvar="GLEANER_STATE",
        help="Folder of the device's token, journal and spool.",
        show_default="~/.local/share/gleaner/agent",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]
Bandwidth = Annotated[int | None, typer.Option(envvar="GLEANER_BANDWIDTH", help="Upload limit in bytes a second.")]
DeliverSeconds = Annotated[
    float, typer.Option(envvar="GLEANER_DELIVER_SECONDS", help="How long to wait for the last receipts.")
]
