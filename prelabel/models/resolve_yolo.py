"""Which of the YOLO heads a file has: by its metadata and its shapes, never by a model's name.

`anchor` rows [1, N, 5 + classes + extra]; `anchor-free` channels [1, 4 + classes + extra, N]; `end2end` rows
[1, N, 6 + extra]. Extra values: 32 mask coefficients or as many as there are prototypes, keypoints, an angle.
YOLO 26 and 10 are exported with either of the last two, so a name would decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from prelabel.models.exporter_metadata import ExporterMetadata
from prelabel.models.onnx_file import Declared, ModelRefused

HEADS = ("anchor", "anchor-free", "end2end")
_LINES = {
    "head": 'head = "anchor" (or "anchor-free", "end2end")',
    "task": 'task = "detect" (or "segment", "pose", "obb")',
    "keypoints": "keypoints = [17, 3] (how many, and 2 or 3 numbers each)",
}


@dataclass
class ResolvedYolo:
    """The `[decode]` table as far as it is decided, and the lines that would decide the rest."""

    table: dict[str, Any]
    missing: dict[str, str] = field(default_factory=dict)

    def lacks(self, name: str) -> ResolvedYolo:
        self.missing[name] = _LINES[name]
        return self


def resolve_yolo(
    given: Mapping[str, Any],
    said: ExporterMetadata,
    classes: int | None,
    predictions: Declared | None,
    prototypes: Declared | None,
    place: str,
) -> ResolvedYolo:
    """`[decode]` of a YOLO.

    Args:
        given: what manifest and metadata state together.
        classes: how many names there are, None when that is not known.
        predictions, prototypes: the tensors as the file declares them.

    Raises:
        ModelRefused: the shapes contradict what is stated.
    """
    table = dict(given)
    decided = ResolvedYolo(table)
    if "task" not in table:
        table["task"] = "segment" if prototypes is not None else "detect"
    if table["task"] == "pose" and not _is_keypoints(table.get("keypoints")):
        return decided if "keypoints" in table else decided.lacks("keypoints")  # a wrong one is the schema's to refuse
    fitting = _fitting(_extra(table, prototypes), classes, predictions)
    if "head" in table:
        if table["head"] in HEADS and table["head"] not in fitting:
            raise _contradiction(f"{place} says head {table['head']}", table, classes, predictions)
        return decided
    if not fitting:
        raise _contradiction(f"{place} says family yolo", table, classes, predictions)
    if said.end2end:
        if "end2end" not in fitting:
            raise _contradiction(f"The metadata of the model of {place} say end2end", table, classes, predictions)
        fitting = ["end2end"]
    elif said.modern:
        # YOLO 8 and later have no objectness; an older export does not state whether it merges, its shape does.
        ruled_out = ("anchor",) if said.end2end is None else ("anchor", "end2end")
        fitting = [head for head in fitting if head not in ruled_out]
        if not fitting:
            raise _contradiction(f"The metadata of the model of {place} say a raw head", table, classes, predictions)
    if len(fitting) != 1:
        return decided.lacks("head")
    table["head"] = fitting[0]
    return decided


def _fitting(extra: int, classes: int | None, predictions: Declared | None) -> list[str]:
    """The heads whose shape is the declared one; a size that is not declared fits anything."""
    if predictions is None or predictions.shape is None:
        return list(HEADS)
    if len(predictions.shape) != 3:
        return []
    _, rows, columns = predictions.shape
    sizes: dict[str, tuple[int | None, int | None]] = {
        "anchor": (columns, None if classes is None else 5 + classes + extra),
        "anchor-free": (rows, None if classes is None else 4 + classes + extra),
        "end2end": (columns, 6 + extra),
    }
    return [head for head, (there, needed) in sizes.items() if None in (there, needed) or there == needed]


def _extra(table: Mapping[str, Any], prototypes: Declared | None) -> int:
    if table["task"] == "segment":
        declared = prototypes.shape[1] if prototypes is not None and prototypes.shape and prototypes.shape[1:] else None
        return declared or 32
    if table["task"] == "pose":
        count, values = table["keypoints"]
        return int(count * values)
    return 1 if table["task"] == "obb" else 0


def _is_keypoints(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(one, int) for one in value)


def _contradiction(
    words: str, table: Mapping[str, Any], classes: int | None, predictions: Declared | None
) -> ModelRefused:
    task = table["task"]
    count = "" if classes is None else f" for {classes} names"
    return ModelRefused(
        f"{words} and task {task}{count}, the file gives predictions of shape {predictions}.",
        hint="anchor gives [1, N, 5 + names], anchor-free [1, 4 + names, N], end2end [1, N, 6], "
        "each with what the task adds (docs/models.md).",
    )
