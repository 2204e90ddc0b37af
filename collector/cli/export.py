"""`gleaner collector export`: ground truth as files, made beside a running service."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from collector.cli.options import Data, Json, SettingsFile
from collector.settings import load_settings

MAX_STEP = 1_000_000


def export(
    to: Annotated[Path, typer.Option("--to", help="The folder to make; it must be new or empty.")],
    format: Annotated[
        Literal["jsonl", "coco"],
        typer.Option("--format", help="jsonl: every label and the original media; coco: pictures and boxes."),
    ] = "jsonl",
    with_prelabels: Annotated[
        bool, typer.Option("--with-prelabels", help="Add what the models said, in a file of its own.")
    ] = False,
    frames: Annotated[
        str,
        typer.Option(
            "--frames", metavar="keyframes|every|N", help="coco: which frames of videos; N: every N-th from the first."
        ),
    ] = "keyframes",
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Write ground truth to a folder. Only what people submitted; the folder appears whole or not at all."""
    every = _step(frames)
    from rich.console import Console
    from rich.progress import Progress

    from collector.exports.coco import export_coco
    from collector.exports.folder import whole_folder
    from collector.exports.jsonl import export_jsonl
    from collector.store.blobs_local import LocalBlobs
    from collector.store.database import open_reader

    settings = load_settings({"data": data}, settings_file)
    database = open_reader(settings.data)
    screen = Console(stderr=True)
    make = partial(export_coco, every=every) if format == "coco" else export_jsonl
    try:
        with whole_folder(to) as folder, Progress(console=screen, transient=True) as progress:
            bar = progress.add_task("Exporting", total=None)
            summary = make(
                database,
                LocalBlobs(settings.blobs_folder),
                folder,
                with_prelabels=with_prelabels,
                begin=lambda total: progress.update(bar, total=total),
                advance=lambda: progress.advance(bar),
            )
    finally:
        database.close()
    for sentence in summary.sentences():
        screen.print(sentence)
    if as_json:
        typer.echo(json.dumps({"format": format, "to": str(to), **asdict(summary)}))
        return
    pictures = f" on {summary.images} pictures" if format == "coco" else ""
    typer.echo(f"{summary.documents} documents with {summary.labels} labels{pictures}: {to}")


def _step(frames: str) -> int | None:
    """`--frames` as the distance between frames; None: those with a keyframe."""
    if frames in ("keyframes", "every"):
        return 1 if frames == "every" else None
    if not frames.isascii() or not frames.isdigit() or not 1 <= int(frames[:10]) <= MAX_STEP:
        raise typer.BadParameter("Give keyframes, every, or a number from 1 on.", param_hint="--frames")
    return int(frames[:10])
