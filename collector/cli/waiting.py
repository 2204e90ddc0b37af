"""Waiting at the terminal for what the service does: a bar that follows it to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from collector.cli.stopping import when_stopped

POLL_SECONDS = 0.5
GOING = ("queued", "running")
_Row = dict[str, Any]


class Shown(NamedTuple):
    """What the bar shows of a run: `done` of `total`; None: how many is not known yet."""

    title: str
    total: int | None = None
    done: int = 0


def wait_for(found: _Row, rows: Callable[[], list[_Row]], shown: Callable[[_Row], Shown], stopped: str) -> _Row:
    """The row of a run when it has ended, or is paused.

    Args:
        rows: asks for those of all runs.
        stopped: what is said where Ctrl-C ends the waiting, which ends nothing else.
    """
    from rich.console import Console
    from rich.progress import Progress

    with when_stopped(stopped), Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(shown(found).title, total=None)
        while found["state"] in GOING:
            time.sleep(POLL_SECONDS)
            found = next(row for row in rows() if row["id"] == found["id"])
            now = shown(found)
            progress.update(bar, description=now.title, total=now.total, completed=now.done)
    return found
