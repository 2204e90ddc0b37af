"""A number is a JSON number: a string or a boolean in its place is refused, a whole number for a float is fine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wire.errors import BadDocument
from wire.labels import LabelsDocument

BOX = {"kind": "box", "x": 3, "y": 4.5, "width": 6, "height": 7, "rotation": 8, "score": 1, "frame": 2, "start_us": 9}
POLYGON = {"kind": "polygon", "points": [[1, 2.5], [3, 4], [5, 6]]}
KEYPOINTS = {"kind": "keypoints", "points": [[1, 2, 1], [3, 4, 0]]}
MASK = {"kind": "mask", "rle": {"size": [4, 6], "counts": "04"}}
KEYFRAME = {"frame": 1, "start_us": 20, "x": 1, "y": 2, "width": 3, "height": 4, "visible": True}
TRACK = {"kind": "track", "keyframes": [KEYFRAME]}
WORD = {"text": "so", "start_us": 10, "end_us": 20, "score": 0}
INTERVAL = {"kind": "interval", "start_us": 10, "end_us": 30, "channel": 1, "words": [WORD]}
CHOICE = {"kind": "choice", "edited": True}
SHAPES: list[tuple[dict[str, Any], list[tuple[str | int, ...]]]] = [
    (BOX, [(name,) for name in BOX if name != "kind"]),
    (POLYGON, [("points", 0, 0), ("points", 2, 1)]),
    (KEYPOINTS, [("points", 0, 0), ("points", 1, 1), ("points", 0, 2), ("points", 1, 2)]),
    (MASK, [("rle", "size", 0), ("rle", "size", 1)]),
    (TRACK, [("keyframes", 0, name) for name in KEYFRAME if name != "visible"]),
    (INTERVAL, [("start_us",), ("end_us",), ("channel",), *(("words", 0, name) for name in WORD if name != "text")]),
]
PLACES = [(shape, path) for shape, paths in SHAPES for path in paths]


def body(label: dict[str, Any], **members: Any) -> bytes:
    source = {"kind": "person", "name": "ana"}
    labels = [{"id": "one", "label": "cup"} | label]
    return json.dumps({"schema": 1, "capture": "cap-1", "source": source, "labels": labels} | members).encode()


def changed(label: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(label))
    inner: Any = copy
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return copy


def held(label: dict[str, Any], path: tuple[str | int, ...]) -> Any:
    inner: Any = label
    for step in path:
        inner = inner[step]
    return inner


@pytest.mark.parametrize("label", [*(shape for shape, _ in SHAPES), CHOICE], ids=lambda label: str(label["kind"]))
def test_whole_numbers_are_fine(label: dict[str, Any]) -> None:
    assert len(LabelsDocument.read(body(label)).labels) == 1


@pytest.mark.parametrize(("label", "path"), PLACES, ids=lambda part: str(part)[:40])
def test_strings_and_booleans_are_not_numbers(label: dict[str, Any], path: tuple[str | int, ...]) -> None:
    for value in (str(held(label, path)), f" {held(label, path)}.0", True, False):
        with pytest.raises(BadDocument):
            LabelsDocument.read(body(changed(label, path, value)))


@pytest.mark.parametrize("value", ["true", "yes", 1, 0])
def test_a_boolean_is_a_boolean(value: object) -> None:
    for label in (changed(CHOICE, ("edited",), value), changed(TRACK, ("keyframes", 0, "visible"), value)):
        with pytest.raises(BadDocument):
            LabelsDocument.read(body(label))


@pytest.mark.parametrize("schema", ["1", "99", True])
def test_the_schema_is_a_number_too(schema: object) -> None:
    with pytest.raises(BadDocument):
        LabelsDocument.read(body(CHOICE, schema=schema))
