"""What a person changed: two lists of labels compared by label id. Pure.

A label of the first list is kept, changed (moved, relabelled, text edited, attributes: several at once are
possible) or deleted; a label of the second list that the first does not know is added. Scores, sources and the
`edited` mark are no part of what a label says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from collector.review.geometry import Place, interval_iou, iou, track_iou
from prelabel.quality.overlap import overlap_table
from wire.base import Count, WireModel
from wire.labels import BaseLabel, Box, Interval, Keypoints, Label, Polygon, Span, Text, Track

Change = Literal["moved", "relabelled", "deleted", "added", "text_edit", "attributes"]
NOT_SAID = {"score", "source", "edited", "expected"}


class ChangeRow(WireModel):
    """One change of one label. The members that fit its kind are there, the others are left out.

    `iou` is 0..1 (boxes, intervals; of a track the mean over all keyframes); the deltas are microseconds (intervals),
    code points (spans) or float pixels (boxes: x, y, width, height); `distance` is the number of single-character
    edits between two texts.
    """

    id: str
    change: Change
    kind: str
    label: str
    before: str | None = None
    after: str | None = None
    iou: float | None = None
    start_delta: int | None = None
    end_delta: int | None = None
    delta: list[float] | None = None
    keyframes: list[int] | None = None
    distance: int | None = None

    @model_serializer(mode="wrap")
    def _leave_out_what_does_not_fit(self, handler: SerializerFunctionWrapHandler) -> Any:
        return {name: value for name, value in handler(self).items() if value is not None}


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


def diff_labels(before: Iterable[Label], after: Iterable[Label]) -> Diff:
    """Compare two lists of labels whose ids are unique within each list."""
    old = {label.id: label for label in before}
    new = {label.id: label for label in after}
    changes: list[ChangeRow] = []
    kept = 0
    for name, label in old.items():
        if name not in new:
            changes.append(ChangeRow(id=name, change="deleted", kind=label.kind, label=label.label))
            continue
        rows = compare(label, new[name])
        kept += not rows
        changes += rows
    changes += [
        ChangeRow(id=name, change="added", kind=label.kind, label=label.label)
        for name, label in new.items()
        if name not in old
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


def says_the_same(first: Label, second: Label) -> bool:
    """Whether two labels make the same statement, whoever makes it and however surely."""
    return said(first) == said(second)


def said(label: Label) -> dict[str, Any]:
    """The statement of a label without its score, its source, its mark and what the script expected."""
    whole = label.model_dump(mode="python", exclude=NOT_SAID)
    if isinstance(label, Box):
        whole["rotation"] = label.rotation or 0.0
    return whole


def compare(old: Label, new: Label) -> list[ChangeRow]:
    """The changes from one label to another of the same id; an empty list means kept."""
    if says_the_same(old, new):
        return []
    rows: list[ChangeRow] = []

    def add(change: Change, **facts: Any) -> None:
        rows.append(ChangeRow(id=new.id, change=change, kind=new.kind, label=new.label, **facts))

    if old.label != new.label:
        add("relabelled", before=old.label, after=new.label)
    moved = movement(old, new)
    if moved is not None:
        add("moved", **moved)
    if text_of(old) != text_of(new):
        before, after = text_of(old), text_of(new)
        add("text_edit", before=before, after=after, distance=edit_distance(before or "", after or ""))
    if not rows or attributes_of(old) != attributes_of(new):
        add("attributes")
    return rows


def movement(old: Label, new: Label) -> dict[str, Any] | None:
    """How far a label moved in space or time, None when it did not. A change of kind is a move without measures."""
    if type(old) is not type(new) or old.kind != new.kind:
        return {}
    if place_of(old) == place_of(new):
        return None
    measure = _MEASURES.get(type(old))
    return measure(old, new) if measure else {}


def place_of(label: Label) -> dict[str, Any]:
    """Everything that says where and when, nothing else."""
    whole = label.model_dump(
        mode="python", exclude=NOT_SAID | {"id", "kind", "label", "attributes", "text", "language"}
    )
    for row in whole.get("keyframes", ()):
        row.pop("attributes", None)
    whole.pop("words", None)
    if "rotation" in whole:
        whole["rotation"] = whole["rotation"] or 0.0
    return whole


def text_of(label: Label) -> str | None:
    if isinstance(label, Interval):
        spoken = label.text if label.words is None else " ".join(word.text for word in label.words)
        return label.text if label.text is not None else spoken
    return label.text if isinstance(label, Text) else None


def attributes_of(label: Label) -> Any:
    rows = label.keyframes if isinstance(label, Track) else ()
    language = label.language if isinstance(label, Text) else None
    return label.attributes, {row.frame: row.attributes for row in rows if row.attributes}, language


def edit_distance(first: str, second: str) -> int:
    """Levenshtein distance in code points of what lies between the common start and end of two texts.

    What lies between is cut at 1,000 characters, so that no pasted book stops the service.
    """
    start = _shared_start(first, second)
    first, second = first[start:], second[start:]
    end = _shared_start(first[::-1], second[::-1])
    first, second = first[: len(first) - end][:1000], second[: len(second) - end][:1000]
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def _shared_start(first: str, second: str) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(first), len(second)))


def _box_move(old: Any, new: Any) -> dict[str, Any]:
    first = Place(old.x, old.y, old.width, old.height)
    second = Place(new.x, new.y, new.width, new.height)
    delta = [second.x - first.x, second.y - first.y, second.width - first.width, second.height - first.height]
    turned = bool(old.rotation or new.rotation)
    share = float(overlap_table([old], [new])[0, 0]) if turned else iou(first, second)
    return {"iou": round(share, 6), "delta": [round(value, 3) for value in delta]}


def _track_move(old: Any, new: Any) -> dict[str, Any]:
    return {"iou": round(track_iou(old, new), 6), "keyframes": [len(old.keyframes), len(new.keyframes)]}


def _interval_move(old: Any, new: Any) -> dict[str, Any]:
    share = interval_iou((old.start_us, old.end_us), (new.start_us, new.end_us))
    return {
        "iou": round(share, 6),
        "start_delta": new.start_us - old.start_us,
        "end_delta": new.end_us - old.end_us,
    }


def _span_move(old: Any, new: Any) -> dict[str, Any]:
    return {
        "iou": round(interval_iou((old.start, old.end), (new.start, new.end)), 6),
        "start_delta": new.start - old.start,
        "end_delta": new.end - old.end,
    }


def _points_move(old: Any, new: Any) -> dict[str, Any]:
    return {"keyframes": [len(old.points), len(new.points)]}


_MEASURES: dict[type[BaseLabel], Callable[[Any, Any], dict[str, Any]]] = {
    Box: _box_move,
    Track: _track_move,
    Interval: _interval_move,
    Span: _span_move,
    Polygon: _points_move,
    Keypoints: _points_move,
}
