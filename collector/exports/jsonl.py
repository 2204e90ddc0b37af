"""Ground truth as JSON lines: `labels.jsonl`, one labels document a line with where it came from, and `media/`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collector.exports.folder import copy_blob
from collector.exports.summary import Summary
from collector.exports.truth import Item, Media, item_ids, items
from collector.store.blobs import BlobStore
from collector.store.database import Database
from wire.labels import LabelsDocument

LABELS, PRELABELS, MEDIA = "labels.jsonl", "prelabels.jsonl", "media"


def export_jsonl(
    db: Database,
    blobs: BlobStore,
    folder: Path,
    *,
    with_prelabels: bool,
    begin: Callable[[int], None],
    advance: Callable[[], None],
) -> Summary:
    """Fill an empty folder. `begin` is told the number of items, `advance` is called after each.

    With pre-labels, `prelabels.jsonl` has every model's document of every capture that has a task, reviewed or not:
    once each, however many tasks a capture has.

    Raises:
        MediaDamaged, BlobMissing.
    """
    ids = item_ids(db, unreviewed=with_prelabels)
    begin(len(ids))
    summary = Summary()
    told: set[str] = set()
    (folder / MEDIA).mkdir()
    with (folder / LABELS).open("w", encoding="utf-8") as labels:
        prelabels = (folder / PRELABELS).open("w", encoding="utf-8") if with_prelabels else None
        try:
            for item in items(db, ids):
                summary.withheld += item.withheld
                for document in item.documents:
                    media = _media(blobs, folder, item.media[document.capture])
                    whose = {"task": item.task, "type": item.type, "revision": item.revision, "reviewer": item.reviewer}
                    _write(labels, _line(document, item, media, whose))
                    summary.documents += 1
                    summary.labels += len(document.labels)
                if prelabels is not None:
                    both = [(row, True) for row in item.prelabels.shown] + [
                        (row, False) for row in item.prelabels.hidden
                    ]
                    fresh = [(document, shown) for document, shown in both if document.capture not in told]
                    told.update(document.capture for document, _ in fresh)
                    for document, shown in fresh:
                        media = _media(blobs, folder, item.media[document.capture])
                        _write(prelabels, _line(document, item, media, {"shown": shown}))
                        summary.prelabels += 1
                advance()
        finally:
            if prelabels is not None:
                prelabels.close()
    return summary


def _line(document: LabelsDocument, item: Item, media: dict[str, Any], whose: dict[str, Any]) -> dict[str, Any]:
    return {**document.to_json(), **item.origin, "media": media, **whose}


def _media(blobs: BlobStore, folder: Path, media: Media) -> dict[str, Any]:
    """Put the original bytes of a capture into the folder, once, and say where they are."""
    found = {
        "sha256": media.sha256,
        "path": _placed(blobs, folder, media.original, f"{media.sha256}.{media.extension}"),
    }
    if media.frames is not None:
        # The times of a video's frames are in its frame table, not in the container (contracts.md, Time).
        found["frames"] = _placed(blobs, folder, media.frames, f"{media.sha256}.frames.json")
    return {**found, "sensor": media.sensor, "format": media.format.to_json()}


def _placed(blobs: BlobStore, folder: Path, key: str, name: str) -> str:
    target = folder / MEDIA / name
    if not target.exists():
        copy_blob(blobs, key, target)
    return f"{MEDIA}/{name}"


def _write(file: Any, line: dict[str, Any]) -> None:
    body = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
    # Readers that split at every Unicode line end would cut a text in two.
    for sign in "\x85\u2028\u2029":
        body = body.replace(sign, f"\\u{ord(sign):04x}")
    file.write(body + "\n")
