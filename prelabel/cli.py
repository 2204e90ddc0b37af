"""`gleaner prelabel`: the models of the catalogue, and what a model does on this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from prelabel import catalogue, sources
from prelabel.catalogue import Item, Source

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.callback()
def prelabel() -> None:
    """Models that label what the device records.

    GLEANER_MODELS names folders with model files that are used before anything is fetched; GLEANER_CACHE is where
    fetched files are kept (default: gleaner in the user's cache folder).
    """


@app.command()
def models(as_json: Json = False) -> None:
    """List the models and pictures of the catalogue: licence, and where each is or comes from."""
    rows = [(item, catalogue.locate(item.name)) for item in catalogue.items()]
    if as_json:
        typer.echo(
            json.dumps(
                [
                    {**item.model_dump(mode="json", by_alias=True, exclude={"manifest"}), "path": path and str(path)}
                    for item, path in rows
                ],
                indent=2,
            )
        )
        return
    table = Table("name", "kind", "licence", "size", "finds or shows", box=None, pad_edge=False)
    table.add_column("where", overflow="fold")
    for item, path in rows:
        where = str(path) if path else f"not here, comes from {_short(item.sources[0])}"
        table.add_row(item.name, item.kind, item.licence, _megabytes(item.size), item.about, where)
    Console(width=None if sys.stdout.isatty() else 200).print(table, highlight=False)


@app.command()
def pull(names: Annotated[list[str], typer.Argument(help="Names of `gleaner prelabel models`.")]) -> None:
    """Bring models and pictures to this machine; what is here already is only checked."""
    wanted = [catalogue.item(name) for name in names]
    console = Console(stderr=True, soft_wrap=True)
    for item in wanted:
        path = catalogue.locate(item.name)
        if path is None:
            with _progress(console, item) as report:
                path = catalogue.fetch(item.name, report)
        console.print(f"{item.name}: {item.licence}, {item.attribution}", highlight=False)
        typer.echo(str(path))


@app.command()
def check(
    model: Annotated[str, typer.Argument(help="A name of the catalogue, a model package folder, or a model file.")],
    threads: Annotated[int, typer.Option(min=1, max=64, help="Threads within the model.")] = 1,
    as_json: Json = False,
) -> None:
    """Load a model, hold it against its manifest, and time it on this machine."""
    # Here, not above: listing and pulling need no onnxruntime.
    from prelabel.package import open_model
    from prelabel.trial import measure

    package = open_model(model)
    cost = measure(package, threads)
    facts = {
        "name": package.name,
        "version": package.version,
        "family": package.family,
        "sha256": package.sha256,
        "path": str(package.path),
        "names": package.manifest.names,
        "licence": package.manifest.licence,
        "threads": threads,
        **asdict(cost),
    }
    if as_json:
        typer.echo(json.dumps(facts))
        return
    typer.echo(f"{package.name} {package.version} ({package.family}, {package.manifest.licence}) is good.")
    typer.echo(f"  sha256 {package.sha256}")
    typer.echo(f"  finds  {_listed(package.manifest.names)}")
    typer.echo(f"  loads in {cost.load_ms:.0f} ms; the process takes {cost.memory_mib:.0f} MiB")
    for timing in cost.timings:
        typer.echo(
            f"  {timing.what}: {timing.median_ms:.1f} ms, at worst {timing.worst_ms:.1f} ms ({threads} thread"
            f"{'s' if threads > 1 else ''})"
        )


@contextmanager
def _progress(console: Console, item: Item) -> Iterator[sources.Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"{item.name} from {_short(item.sources[0])}", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _short(source: Source) -> str:
    return f"{source.package} {source.version}" if source.address is None else source.address.split("/")[2]


def _listed(words: list[str], most: int = 8) -> str:
    return ", ".join(words) if len(words) <= most else f"{', '.join(words[:most])} and {len(words) - most} more"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
