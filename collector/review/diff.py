"""What a person changed: the labels they were shown and those they submitted. Pure.

A label goes with the one that kept its id; what is left over goes by the best overlap, so a label that was deleted and
drawn again is the same thing (prelabel/quality/matching.py, as in the report on pre-labels). A label of the first list
is kept, changed (moved, relabelled, text edited, attributes: several at once are possible) or deleted; a label of the
second list that goes with none is added. What counts as a change is decided by prelabel/quality/sameness.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from pydantic import Field

from prelabel.geometry.areas import Size
from prelabel.geometry.overlap import overlap_table
from prelabel.quality import edits
from prelabel.quality.matching import by_id, by_overlap
from prelabel.quality.sameness import same_attributes, same_label, same_place, same_text
from prelabel.quality.texts import spoken
from wire.base import Count, WireModel, is_none
from wire.labels import BaseLabel, Box, Interval, Keypoints, Label, Polygon, Span, Track

MAX_LEFT_OVER = 40_000  # pairs that are compared by overlap: a still has a few hundred, a submit may have anything
MAX_DISTANCE_CELLS = 400_000_000  # of what differs in two texts, lengths multiplied: a tenth of a second
Change = Literal["moved", "relabelled", "deleted", "added", "text_edit", "attributes"]


class ChangeRow(WireModel):
    """One change of one label. The members that fit its kind are there, the others are left out.

    `was` is the pre-label's id where a label was deleted and drawn again. `iou` is 0..1: shared through united area,
    length or, of tracks, area summed over all frames on which either is seen; `oks` is the keypoint similarity of
    poses. The deltas are microseconds (intervals), code points (spans) or float pixels (boxes: x, y, width, height);
    `distance` is the number of single-character edits between two texts, left out where both are very long.
    """

    id: str
    change: Change
    kind: str
    label: str
    was: str | None = Field(default=None, exclude_if=is_none)
    before: str | None = Field(default=None, exclude_if=is_none)
    after: str | None = Field(default=None, exclude_if=is_none)
    iou: float | None = Field(default=None, exclude_if=is_none)
    oks: float | None = Field(default=None, exclude_if=is_none)
    start_delta: int | None = Field(default=None, exclude_if=is_none)
    end_delta: int | None = Field(default=None, exclude_if=is_none)
    delta: list[float] | None = Field(default=None, exclude_if=is_none)
    keyframes: list[int] | None = Field(default=None, exclude_if=is_none)
    distance: int | None = Field(default=None, exclude_if=is_none)


class Diff(WireModel):
    """Counts of labels by what happened to them, and every change. kept + changed + deleted = labels before."""

    kept: Count = 0
    moved: Count = 0
    relabelled: Count = 0
    deleted: Count = 0
    added: Count = 0
    text_edits: Count = 0
    attributes: Count = 0
    changes: list[ChangeRow] = Field(default_factory=list)


def diff_labels(
    before: Iterable[Label], after: Iterable[Label], times_us: Sequence[int] | None = None, size: Size | None = None
) -> Diff:
    """Compare two lists of labels whose ids are unique within each list.

    Args:
        times_us: the frame table of a video; without it tracks are measured at their keyframes.
        size: (width, height) of the picture, at whose edge places are cut before they are measured.
    """
    old, new = list(before), list(after)
    pairs = _pairs(old, new, times_us, size)
    changes: list[ChangeRow] = []
    kept = 0
    for row, label in enumerate(old):
        if row not in pairs:
            changes.append(ChangeRow(id=label.id, change="deleted", kind=label.kind, label=label.label))
            continue
        rows = compare(label, new[pairs[row]], times_us, size)
        kept += not rows
        changes += rows
    taken = set(pairs.values())
    changes += [
        ChangeRow(id=label.id, change="added", kind=label.kind, label=label.label)
        for column, label in enumerate(new)
        if column not in taken
    ]

    def count(change: Change) -> int:
        return sum(row.change == change for row in changes)

    return Diff(
        kept=kept,
        moved=count("moved"),
        relabelled=count("relabelled"),
        deleted=count("deleted"),
        added=count("added"),
        text_edits=count("text_edit"),
        attributes=count("attributes"),
        changes=changes,
    )


def compare(old: Label, new: Label, times_us: Sequence[int] | None = None, size: Size | None = None) -> list[ChangeRow]:
    """The changes from one label to the one that it became; an empty list means kept."""
    rows: list[ChangeRow] = []

    def add(change: Change, **facts: Any) -> None:
        was = None if old.id == new.id else old.id
        rows.append(ChangeRow(id=new.id, change=change, kind=new.kind, label=new.label, was=was, **facts))

    if same_label(old, new):
        return rows
    if old.label != new.label:
        add("relabelled", before=old.label, after=new.label)
    if not same_place(old, new):
        add("moved", **_movement(old, new, times_us, size))
    if not same_text(old, new):
        before, after = spoken(old), spoken(new)
        add("text_edit", before=before, after=after, distance=edit_distance(before or "", after or ""))
    if not rows or not same_attributes(old, new):
        add("attributes")
    return rows


def _pairs(
    old: Sequence[Label], new: Sequence[Label], times_us: Sequence[int] | None, size: Size | None
) -> dict[int, int]:
    """Index before to index after: by id, and what is left over by overlap unless it is too much."""
    pairs = by_id(old, new)
    taken = set(pairs.values())
    rows = [row for row in range(len(old)) if row not in pairs]
    columns = [column for column in range(len(new)) if column not in taken]
    if rows and columns and len(rows) * len(columns) <= MAX_LEFT_OVER:
        gone, come = [old[row] for row in rows], [new[column] for column in columns]
        table = overlap_table(gone, come, times_us, size)
        again = by_overlap(gone, come, table, range(len(gone)), range(len(come)))
        pairs.update({rows[row]: columns[column] for row, column in again.items()})
    return pairs


def _movement(old: Label, new: Label, times_us: Sequence[int] | None, size: Size | None) -> dict[str, Any]:
    """How far a label moved in space or time."""
    share = round(float(overlap_table([old], [new], times_us, size)[0, 0]), 6)
    measure = _MEASURES.get(type(old))
    return {"oks" if isinstance(old, Keypoints) else "iou": share, **(measure(old, new) if measure else {})}


def edit_distance(first: str, second: str) -> int | None:
    """Levenshtein distance in code points; None where what differs is so long that counting would stop the service."""
    before, after = edits.parted(first, second)
    if len(before) * len(after) > MAX_DISTANCE_CELLS:
        return None
    return edits.edit_distance(before, after)


def _box_move(old: Box, new: Box) -> dict[str, Any]:
    pairs = ((old.x, new.x), (old.y, new.y), (old.width, new.width), (old.height, new.height))
    return {"delta": [round(after - before, 3) for before, after in pairs]}


def _track_move(old: Track, new: Track) -> dict[str, Any]:
    return {"keyframes": [len(old.keyframes), len(new.keyframes)]}


def _interval_move(old: Interval, new: Interval) -> dict[str, Any]:
    return {"start_delta": new.start_us - old.start_us, "end_delta": new.end_us - old.end_us}


def _span_move(old: Span, new: Span) -> dict[str, Any]:
    return {"start_delta": new.start - old.start, "end_delta": new.end - old.end}


def _points_move(old: Polygon | Keypoints, new: Polygon | Keypoints) -> dict[str, Any]:
    return {"keyframes": [len(old.points), len(new.points)]}


_MEASURES: dict[type[BaseLabel], Callable[[Any, Any], dict[str, Any]]] = {
    Box: _box_move,
    Track: _track_move,
    Interval: _interval_move,
    Span: _span_move,
    Polygon: _points_move,
    Keypoints: _points_move,
}
