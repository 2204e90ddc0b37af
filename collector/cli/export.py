"""`gleaner collector export`: ground truth as files, made while the service runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collector.bulk.background import stand_back
from collector.cli.export_options import (
    Format,
    Frames,
    Licence,
    NoMedia,
    Since,
    Study,
    Type,
    WithPrelabels,
    asked_of,
)
from collector.cli.options import Data, Json, SettingsFile
from collector.settings import Settings, load_settings

if TYPE_CHECKING:
    from rich.console import Console

    from collector.exports.asked import ExportAsked
    from collector.exports.summary import Summary

SHOWN_ITEMS = 50


def export(
    to: Annotated[Path, typer.Option("--to", help="The folder to make; it must be new or empty.")],
    format: Format = "jsonl",
    with_prelabels: WithPrelabels = False,
    no_media: NoMedia = False,
    frames: Frames = "keyframes",
    study: Study = None,
    type: Type = None,
    since: Since = None,
    licence: Licence = None,
    data: Data = None,
    as_json: Json = False,
    settings_file: SettingsFile = None,
) -> None:
    """Write ground truth to a folder. Only what people submitted; the folder appears whole or not at all.

    An export that was interrupted is continued by the same command.
    """
    stand_back()  # before modules are loaded, which takes a second of a processor
    asked = asked_of(format, with_prelabels, no_media, frames, study, type, since, licence)
    summary, about, is_recorded = _write(load_settings({"data": data}, settings_file), to, asked)
    if as_json:
        result = {"format": format, "to": str(to), **summary.counts}
        typer.echo(json.dumps({**result, "export": about["export"], "recorded": is_recorded}))
        return
    pictures = f" on {summary.images} pictures" if format == "coco" else ""
    typer.echo(f"{summary.documents} documents with {summary.labels} labels{pictures}: {to}")


def _write(settings: Settings, to: Path, asked: ExportAsked) -> tuple[Summary, dict[str, Any], bool]:
    """Write the folder, with a bar, and record it: what is in it, what about.json says, and whether it is recorded."""
    from rich.console import Console
    from rich.progress import Progress

    from collector.bulk.choice import open_engine_of_command
    from collector.exports.folder import whole_folder
    from collector.exports.make import make_export
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
            summary, about = make_export(
                database,
                MediaFiles(engine, settings.blobs_location, folder),
                folder,
                asked,
                begin=lambda total: progress.update(bar, total=total),
                advance=_now_and_then(lambda items: progress.advance(bar, items)),
            )
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


def _now_and_then(advance: Callable[[int], None]) -> Callable[[int], None]:
    """Moves a bar every SHOWN_ITEMS items: drawing it for each would cost as much as some exports."""
    done = count(1)

    def one_more(_bytes: int) -> None:
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
