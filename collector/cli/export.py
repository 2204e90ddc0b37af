"""`gleaner collector export`: ground truth as files, made while the service runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from collector.cli.background import stand_back
from collector.cli.options import Data, Json, SettingsFile
from collector.settings import Settings, load_settings
from wire.tasks import TaskType

if TYPE_CHECKING:
    from rich.console import Console

    from collector.exports.summary import Summary

MAX_STEP = 1_000_000
SHOWN_ITEMS = 50


def export(
    to: Annotated[Path, typer.Option("--to", help="The folder to make; it must be new or empty.")],
    format: Annotated[
        Literal["jsonl", "coco"],
        typer.Option("--format", help="jsonl: every label and the original media; coco: pictures and boxes."),
    ] = "jsonl",
    with_prelabels: Annotated[
        bool, typer.Option("--with-prelabels", help="Add what the models said, in a file of its own.")
    ] = False,
    no_media: Annotated[
        bool, typer.Option("--no-media", help="jsonl: labels alone; media are named by their hash.")
    ] = False,
    frames: Annotated[
        str,
        typer.Option(
            "--frames", metavar="keyframes|every|N", help="coco: which frames of videos; N: every N-th from the first."
        ),
    ] = "keyframes",
    study: Annotated[str | None, typer.Option("--study", help="Of this study only.")] = None,
    type: Annotated[TaskType | None, typer.Option("--type", help="Tasks of this type only.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Submitted since then: 2026-11-29T12:00+01:00.")
    ] = None,
    licence: Annotated[
        str | None, typer.Option("--licence", metavar="NAME", help="Under which licence the export may be used.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Write ground truth to a folder. Only what people submitted; the folder appears whole or not at all.

    An export that was interrupted is continued by the same command.
    """
    if no_media and format == "coco":
        raise typer.BadParameter(
            "COCO needs its pictures: leave --no-media out, or use --format jsonl.", param_hint="--no-media"
        )
    every, submitted_since = _step(frames), _aware(since)
    stand_back()  # before modules are loaded, which takes a second of a processor
    from collector.exports.coco import export_coco
    from collector.exports.jsonl import export_jsonl
    from collector.exports.truth import Selection

    selection = Selection(study, type, submitted_since)
    options = {"with_prelabels": with_prelabels, "study": study, "type": type, "since": since, "licence": licence}
    write: Callable[..., Summary]
    if format == "coco":
        options["frames"] = frames
        write = partial(export_coco, every=every, licence=licence, with_prelabels=with_prelabels, selection=selection)
    else:
        options["media"] = not no_media
        write = partial(export_jsonl, with_media=not no_media, with_prelabels=with_prelabels, selection=selection)
    summary, about, is_recorded = _write(load_settings({"data": data}, settings_file), to, write, format, options)
    if as_json:
        result = {"format": format, "to": str(to), **summary.counts}
        typer.echo(json.dumps({**result, "export": about["export"], "recorded": is_recorded}))
        return
    pictures = f" on {summary.images} pictures" if format == "coco" else ""
    typer.echo(f"{summary.documents} documents with {summary.labels} labels{pictures}: {to}")


def _write(
    settings: Settings, to: Path, write: Callable[..., Summary], format: str, options: dict[str, Any]
) -> tuple[Summary, dict[str, Any], bool]:
    """Write the folder, with a bar, and record it: what is in it, what about.json says, and whether it is recorded."""
    from rich.console import Console
    from rich.progress import Progress

    from collector.bulk.choice import open_engine_of_command
    from collector.exports.about import write_about
    from collector.exports.folder import whole_folder
    from collector.exports.media_files import MediaFiles
    from collector.store.open import open_reader

    database = open_reader(settings.data, settings.database)
    screen = Console(stderr=True)
    try:
        with (
            _resumable(to, screen),
            whole_folder(to) as folder,
            closing(open_engine_of_command(settings, ["collector.exports.media_work"])) as engine,
            Progress(console=screen, transient=True) as progress,
        ):
            bar = progress.add_task("Exporting", total=None)
            summary = write(
                database,
                MediaFiles(engine, settings.blobs_location, folder),
                folder,
                begin=lambda total: progress.update(bar, total=total),
                advance=_now_and_then(lambda items: progress.advance(bar, items)),
            )
            about = write_about(folder, summary.contents, summary.counts, format, options)
            is_recorded = _record(settings, about, screen)
    finally:
        database.close()
    for sentence in summary.sentences():
        screen.print(sentence)
    return summary, about, is_recorded


@contextmanager
def _resumable(to: Path, screen: Console) -> Iterator[None]:
    """Says that an interrupted export is continued, and where one is that ends before it is whole."""
    from collector.exports.folder import has_files, partial_folder
    from collector.exports.problems import ExportRunning

    partial = partial_folder(to)
    try:
        if partial.is_dir() and has_files(partial):
            screen.print(f"Continuing the export in {partial}: media files that are there are used.", soft_wrap=True)
        yield
    except ExportRunning:
        raise
    except BaseException:
        if partial.is_dir():
            screen.print(
                f"The export is not whole. The same command continues it; what is there so far is in {partial}."
                " Delete that folder if you do not want it.",
                soft_wrap=True,
            )
        raise


def _now_and_then(advance: Callable[[int], None]) -> Callable[[], None]:
    """Moves a bar every SHOWN_ITEMS items: drawing it for each would cost as much as some exports."""
    done = count(1)

    def one_more() -> None:
        if next(done) % SHOWN_ITEMS == 0:
            advance(SHOWN_ITEMS)

    return one_more


def _record(settings: Settings, about: dict[str, Any], screen: Console) -> bool:
    """Leave a record of the export at the collector, by the service where it runs. The export is good without it."""
    from collector.local_service import ask
    from collector.store.lock import DataInUse

    try:
        ask(settings, "export-save", {"about": json.dumps(about)})
    except DataInUse:
        screen.print("The collector has no record of this export: another process holds its data. Keep about.json.")
        return False
    return True


def _aware(since: str | None) -> datetime | None:
    """`--since`; a time without a zone would mean another moment on another machine."""
    if since is None:
        return None
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise typer.BadParameter(
            "Give a date and time with its zone, such as 2026-11-29T12:00+01:00.", param_hint="--since"
        )
    return moment


def _step(frames: str) -> int | None:
    """`--frames` as the distance between frames; None: those with a keyframe."""
    if frames in ("keyframes", "every"):
        return 1 if frames == "every" else None
    if not frames.isascii() or not frames.isdigit() or not 1 <= int(frames[:10]) <= MAX_STEP:
        raise typer.BadParameter("Give keyframes, every, or a number from 1 on.", param_hint="--frames")
    return int(frames[:10])
