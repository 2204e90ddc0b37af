"""Tables for people: every line is whole, since the next command needs the ids in it."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

MAX_WIDTH = 10_000


def show_table(table: Table, instead: str = "") -> None:
    """On standard output. A terminal that is narrower wraps its lines; nothing is cut off where the output is piped.

    Args:
        instead: the sentence for a table without rows.
    """
    if instead and not table.row_count:
        typer.echo(instead)
        return
    needed = Console(width=MAX_WIDTH).measure(table).maximum
    Console(width=max(needed, Console().width)).print(table)
