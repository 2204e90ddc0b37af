"""An export from what was asked for to a filled folder: for the command and for the service alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from collector.bulk.background import Pauses
from collector.exports.about import write_about
from collector.exports.asked import ExportAsked
from collector.exports.coco import export_coco
from collector.exports.jsonl import export_jsonl
from collector.exports.media_files import MediaFiles
from collector.exports.summary import Summary
from collector.store.database import Database
from collector.studies.scope import EVERYTHING, Scope


def make_export(
    db: Database,
    media: MediaFiles,
    folder: Path,
    asked: ExportAsked,
    *,
    begin: Callable[[int], None],
    advance: Callable[[int], None],
    scope: Scope = EVERYTHING,
) -> tuple[Summary, dict[str, Any]]:
    """Fill a partial folder; returns what is in it, and what its `about.json` says.

    Args:
        media: makes files in the same folder.
        begin: called with the number of items.
        advance: called after each item with the bytes of all files so far.
        scope: what lies outside is left out.

    Raises:
        ExportOptionsInvalid, and what `MediaFiles.of` raises.
    """
    asked.check()
    selection = asked.selection(scope)
    pauses = Pauses()

    def count(files_bytes: int) -> None:
        advance(files_bytes)
        pauses.take()

    if asked.format == "coco":
        summary = export_coco(
            db,
            media,
            folder,
            with_prelabels=asked.with_prelabels,
            begin=begin,
            advance=count,
            every=asked.step(),
            selection=selection,
            licence=asked.licence,
        )
    else:
        summary = export_jsonl(
            db,
            media,
            folder,
            with_prelabels=asked.with_prelabels,
            begin=begin,
            advance=count,
            selection=selection,
            with_media=asked.media,
        )
    return summary, write_about(folder, summary.contents, summary.counts, asked.format, asked.options)
