"""Ground truth as JSON lines: `labels.jsonl`, one labels document per line with where it came from, and `media/`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from collector.exports.media_files import MediaFiles, Request
from collector.exports.media_work import ExportedFile
from collector.exports.summary import Summary
from collector.exports.sums import Sums
from collector.exports.truth import ALL, Item, Media, Selection, item_ids, items
from collector.store.database import Database

LABELS, PRELABELS, MEDIA = "labels.jsonl", "prelabels.jsonl", "media"


def export_jsonl(
    db: Database,
    media: MediaFiles,
    folder: Path,
    *,
    with_prelabels: bool,
    begin: Callable[[int], None],
    advance: Callable[[int], None],
    selection: Selection = ALL,
    with_media: bool = True,
) -> Summary:
    """Fill an empty folder. `begin` is called with the number of items, `advance` after each with the bytes so far.

    With pre-labels, `prelabels.jsonl` has every model's document of every capture that has a task, reviewed or not:
    once each, also with several tasks. Without media the lines name their hashes, and frame tables come along.

    Raises:
        What `MediaFiles.of` raises.
    """
    ids = item_ids(db, unreviewed=with_prelabels, selection=selection)
    begin(len(ids))
    (folder / MEDIA).mkdir()
    with ExitStack() as stack:
        sums = stack.enter_context(Sums(folder))
        writer = _Writer(folder, sums, with_media)
        writer.labels = stack.enter_context((folder / LABELS).open("w", encoding="utf-8"))
        if with_prelabels:
            writer.prelabels = stack.enter_context((folder / PRELABELS).open("w", encoding="utf-8"))
        for item, files in media.of(items(db, ids, with_prelabels=with_prelabels), writer.wanted):
            writer.add(item, files)
            advance(sums.bytes)
        for file in filter(None, [writer.labels, writer.prelabels]):
            file.flush()
            sums.add(Path(file.name))
    return writer.summary


class _Writer:
    """The files of one export, and what has been written into them."""

    def __init__(self, folder: Path, sums: Sums, with_media: bool) -> None:
        self._folder, self._sums, self._with_media = folder, sums, with_media
        self._written: set[str] = set()
        self._under_way: set[str] = set()
        self.labels: TextIO | None = None
        self.prelabels: TextIO | None = None
        self.summary = Summary()

    def wanted(self, item: Item) -> list[Request]:
        """The originals and frame tables of what will be written of an item, each once in an export."""
        said = [] if self.prelabels is None else [*item.prelabels.shown, *item.prelabels.hidden]
        named = dict.fromkeys([document["capture"] for document in item.documents] + [row.capture for row in said])
        files = [file for capture in named for file in self._files(item.media[capture])]
        fresh = {name: key for name, key in files if name not in self._under_way and not (self._folder / name).exists()}
        self._under_way.update(fresh)
        return [{"key": key, "name": name, "sized": False} for name, key in fresh.items()]

    def _files(self, media: Media) -> Iterator[tuple[str, str]]:
        """The name and the key of each file of a capture."""
        if self._with_media:
            yield f"{MEDIA}/{media.sha256}.{media.extension}", media.original
        if media.frames is not None:
            yield f"{MEDIA}/{media.sha256}.frames.json", media.frames

    def add(self, item: Item, files: Sequence[Sequence[ExportedFile]]) -> None:
        """Write an item; `files` are those that it wanted."""
        for (file,) in files:
            self._under_way.discard(file.name)
            self._sums.add(self._folder / file.name, file.sha256)
        summary = self.summary
        summary.withheld += item.withheld
        if item.documents or (self.prelabels is not None and item.media):
            summary.contents.add(item)
        for document in item.documents:
            whose = {
                "task": item.task,
                "type": item.type,
                "revision": item.revision,
                "reviewer": item.reviewer,
                "instruction_version": item.instruction_version,
                "control": item.control,
                "round": item.round,
            }
            _write(self.labels, self._line(document, item, whose))
            summary.documents += 1
            summary.labels += len(document["labels"])
        if self.prelabels is not None:
            both = [(row, True) for row in item.prelabels.shown] + [(row, False) for row in item.prelabels.hidden]
            fresh = [(said, shown) for said, shown in both if said.capture not in self._written]
            self._written.update(said.capture for said, _ in fresh)
            for said, shown in fresh:
                _write(self.prelabels, self._line(said.to_json(), item, {"shown": shown}))
                summary.prelabels += 1

    def _line(self, document: dict[str, Any], item: Item, whose: dict[str, Any]) -> dict[str, Any]:
        return {**document, **item.origin, "media": self._media(item.media[document["capture"]]), **whose}

    def _media(self, media: Media) -> dict[str, Any]:
        """A capture's bytes and where they are; of a video the frame table, too."""
        found = {"sha256": media.sha256}
        if self._with_media:
            found["path"] = f"{MEDIA}/{media.sha256}.{media.extension}"
        if media.frames is not None:
            # The times of a video's frames are in its frame table, not in the container (contracts.md, Time).
            found["frames"] = f"{MEDIA}/{media.sha256}.frames.json"
        return {
            **found,
            "sensor": media.sensor,
            "format": media.format.to_json(),
            "consent_until": media.consent_until,
            **media.facts,
        }


def _write(file: Any, line: dict[str, Any]) -> None:
    body = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
    # Readers that split at every Unicode line end would cut a text in two.
    for sign in "\x85\u2028\u2029":
        body = body.replace(sign, f"\\u{ord(sign):04x}")
    file.write(body + "\n")
