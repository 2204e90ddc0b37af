"""Output that the verbs have in common."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from prelabel.models import download
from prelabel.models.catalogue import CatalogueItem, DownloadSource
from prelabel.models.manifest import Manifest

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Threads = Annotated[int, typer.Option(min=1, max=64, help="Threads within the model.")]
WIDTH_OF_A_PIPE = 200


def to_people() -> Console:
    """Standard error: progress and remarks."""
    return Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)


def to_output() -> Console:
    """Standard output: tables, wide where no terminal breaks them."""
    width = None if sys.stdout.isatty() else WIDTH_OF_A_PIPE
    return Console(width=width, highlight=False, markup=False, emoji=False)


@contextmanager
def fetching(console: Console, item: CatalogueItem) -> Iterator[download.Progress]:
    """A bar for the bytes of an item that arrive."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"{item.name} from {origin(item.sources[0])}", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def origin(source: DownloadSource) -> str:
    if source.address is not None:
        return source.address.split("/")[2]
    return f"{source.package or source.npm} {source.version}"


def licence_line(name: str, licence: str, attribution: str) -> str:
    return f"{name}: licence {licence}" + (f", {attribution}" if attribution else "")


def listed(words: list[str], most: int = 8) -> str:
    return ", ".join(words) if len(words) <= most else f"{', '.join(words[:most])} and {len(words) - most} more"


def taken(manifest: Manifest) -> str:
    """What goes in, in a few words."""
    if manifest.rules.modality == "audio":
        return f"sound at {manifest.audio.rate} samples per second"
    picture = manifest.input
    size = "" if picture.size is None else f" of {picture.size[1]} x {picture.size[0]}"
    return f"{picture.colour} pictures{size} as {picture.layout} of {picture.dtype}, {picture.fit}"


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
