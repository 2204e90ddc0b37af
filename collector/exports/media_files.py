"""The media of an export, made while its rows are written: items go through in their order, with their files."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.bulk.dispatch import Dispatcher
from collector.bulk.engine import BulkEngine
from collector.exports.media_work import WORK, ExportedFile
from collector.exports.problems import FolderNotWritable, MediaDamaged, MediaNotExported
from collector.exports.truth import Item
from collector.store.blobs import BlobDamaged, BlobMissing, DiskFull, StorageUnusable
from collector.store.open_blobs import BlobsLocation
from wire.errors import GleanerError

BATCH = 16  # files in one go; the pictures of a video go alone
MAX_OPEN = 64  # groups that wait for the files of an earlier one, in memory
WAIT_SECONDS = 0.5  # an interruption takes effect within this time
NO_LIMIT = 0.0  # of time: the pictures of hours of video are one item
_KNOWN: dict[str, type[GleanerError]] = {
    error.code: error
    for error in (MediaDamaged, FolderNotWritable, BlobMissing, BlobDamaged, DiskFull, StorageUnusable)
}
Request = dict[str, Any]


@dataclass
class _Group:
    """Items whose requests go together; `counts`: how many each has."""

    items: list[Item]
    counts: list[int]
    number: int | None = None
    files: list[list[ExportedFile]] | None = None


class MediaFiles:
    """Args: engine: what makes the files; folder: of the export."""

    def __init__(self, engine: BulkEngine, blobs: BlobsLocation, folder: Path) -> None:
        common = {"folder": str(folder), "blobs": blobs.to_json()}
        self._dispatcher = Dispatcher(engine, WORK, common, item_seconds=NO_LIMIT)
        self._open: deque[_Group] = deque()

    def of(
        self, items: Iterable[Item], wanted: Callable[[Item], list[Request]]
    ) -> Iterator[tuple[Item, list[list[ExportedFile]]]]:
        """Each item, in order, with the files of each of its requests (`export_media`), which are there by then.

        Raises:
            MediaDamaged, FolderNotWritable, MediaNotExported, and what reading blobs raises.
        """
        group, requests = _Group([], []), list[Request]()
        for item in items:
            more = wanted(item)
            group.items.append(item)
            group.counts.append(len(more))
            requests += more
            if len(group.items) >= BATCH or any("table" in request for request in more):
                yield from self._send(group, requests)
                group, requests = _Group([], []), []
        yield from self._send(group, requests)
        while self._open:
            yield from self._next()

    def _send(self, group: _Group, requests: list[Request]) -> Iterator[tuple[Item, list[list[ExportedFile]]]]:
        if requests:
            group.number = self._dispatcher.submit(requests)
        else:
            group.files = []
        self._open.append(group)
        while self._open and self._is_due:
            yield from self._next()

    @property
    def _is_due(self) -> bool:
        """Whether the oldest group goes out before more is read: where it needs nothing more, or enough is open."""
        return self._open[0].files is not None or not self._dispatcher.wants_more or len(self._open) > MAX_OPEN

    def _next(self) -> Iterator[tuple[Item, list[list[ExportedFile]]]]:
        """The items of the oldest group, when their files are there."""
        group = self._open.popleft()
        while group.files is None:
            for number, outcomes in self._dispatcher.results(WAIT_SECONDS):
                files = [_files(outcome) for outcome in outcomes]
                next(one for one in (group, *self._open) if one.number == number).files = files
        at = 0
        for item, count in zip(group.items, group.counts, strict=True):
            yield item, group.files[at : at + count]
            at += count


def _files(outcome: dict[str, Any]) -> list[ExportedFile]:
    error = outcome.get("error")
    if error is not None:
        raise _KNOWN.get(error["code"], MediaNotExported)(error["message"], hint=error["hint"] or None)
    return [ExportedFile(**row) for row in outcome["result"]["files"]]
