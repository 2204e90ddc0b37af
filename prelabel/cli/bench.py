"""`gleaner prelabel bench`: what models cost on this machine, side by side."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from prelabel.cli.output import Json, Threads, to_output, to_people
from prelabel.models.package import open_model

_LIMIT_SECONDS = 900.0
_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")

Models = Annotated[list[str], typer.Argument(help="Names, package folders or model files.")]
Sizes = Annotated[list[str] | None, typer.Option("--size", help="WIDTHxHEIGHT of the pictures; may be given again.")]
Runs = Annotated[int, typer.Option(min=3, max=10_000, help="How many runs of each.")]


def bench(models: Models, sizes: Sizes = None, threads: Threads = 1, runs: Runs = 30, as_json: Json = False) -> None:
    """Time models, each in a process of its own: loading, a unit of work, what it leaves behind.

    Outside is processor time a unit takes besides the network itself; idle is processor time in the 300 ms after a
    run; memory is the most the whole process ever had, of that `bare` with the libraries alone.
    """
    wanted = _sizes(sizes)
    for model in models:
        open_model(model)  # a missing one is reported before the first is timed
    console = to_people()
    rows = []
    for model in models:
        with console.status(Text(f"{model}: {runs} runs")):
            rows.append((model, _in_its_own_process(model, threads, runs, wanted)))
    if as_json:
        typer.echo(json.dumps([{"model": model, "threads": threads, **cost} for model, cost in rows]))
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("model")
    table.add_column("unit")
    for heading in ("load ms", "median ms", "p90 ms", "outside ms", "idle ms", "peak MiB", "bare MiB"):
        table.add_column(heading, justify="right")
    for model, cost in rows:
        for number, timing in enumerate(cost["timings"]):
            once = [f"{cost['idle_ms']:.2f}", f"{cost['peak_mib']:.0f}", f"{cost['bare_mib']:.0f}"]
            table.add_row(
                model if number == 0 else "",
                timing["what"],
                f"{cost['load_ms']:.0f}" if number == 0 else "",
                f"{timing['median_ms']:.2f}",
                f"{timing['p90_ms']:.2f}",
                f"{timing['outside_ms']:.2f}",
                *(once if number == 0 else ["", "", ""]),
            )
    to_output().print(table)


def _in_its_own_process(model: str, threads: int, runs: int, sizes: list[tuple[int, int]]) -> dict[str, Any]:
    from prelabel.labelling.worker import Worker

    worker = Worker(["prelabel.checks.timing"])
    inputs = {"model": model, "threads": threads, "runs": runs, "sizes": sizes}
    try:
        return worker.run("prelabel.checks.timing:bench", inputs, _LIMIT_SECONDS)
    finally:
        worker.stop()


def _sizes(texts: list[str] | None) -> list[tuple[int, int]]:
    found = []
    for text in texts or ["640x360", "1280x720"]:
        size = _SIZE.fullmatch(text)
        if size is None:
            raise typer.BadParameter(f"{text} is not a size such as 1280x720", param_hint="--size")
        found.append((int(size[1]), int(size[2])))
    return found
