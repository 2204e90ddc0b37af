"""A number is a JSON number: a string or a boolean in its place is refused, a whole number for a float is fine."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

import wire
from collector.review.routes import ActivityRequest, NextRequest
from collector.review.submit import ActivityReported, Submit
from device_agent.spool.header import CaptureHeader
from tests.support.documents import golden, manifest
from wire.base import WireModel
from wire.capture import CaptureManifest
from wire.errors import BadDocument
from wire.labels import LabelsDocument
from wire.redaction import MaskRecord
from wire.script import Plan

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


FORMAT = {"container": "matroska", "codec": "ffv1", "media_type": "video/x-matroska", "width": 160, "height": 120,
          "frame_rate": 25, "sample_rate": 16_000, "channels": 1}  # fmt: skip
MASKED = {
    "method": "solid",
    "sound": "zeros",
    "models": [],
    "margin_us": 5,
    "regions": [{"start_us": 1, "end_us": 9, "why": "face", "keyframes": [[1, -2, 3, 4, 5]]}],
}
OTHERS: list[tuple[type[Any], dict[str, Any], list[tuple[str | int, ...]]]] = [
    (
        CaptureManifest,
        manifest(format=FORMAT),
        [("complete",), *(("format", name) for name, value in FORMAT.items() if not isinstance(value, str))],
    ),
    (MaskRecord, MASKED, [("regions", 0, "keyframes", 0, index) for index in range(5)]),
    (
        Plan,
        json.loads(golden("Plan-2")),
        [("steps", 0, "seconds"), ("steps", 0, "countdown_seconds"), ("redaction", "margin_seconds")],
    ),
]
PLACES_ELSEWHERE = [(kind, body, path) for kind, body, paths in OTHERS for path in paths]


@pytest.mark.parametrize(("kind", "document", "path"), PLACES_ELSEWHERE, ids=lambda part: str(part)[:40])
def test_other_documents_are_as_strict(kind: type[Any], document: dict[str, Any], path: tuple[str | int, ...]) -> None:
    right = held(document, path)
    kind.read(document)
    for value in (str(right), "1", "true", 1 if isinstance(right, bool) else True):
        with pytest.raises(BadDocument):
            kind.read(changed(document, path, value))


def test_a_rate_may_be_whole_or_broken() -> None:
    for rate in (25, 29.97):
        assert CaptureManifest.read(manifest(format=FORMAT | {"frame_rate": rate})).format.frame_rate == rate


def all_models() -> list[type[BaseModel]]:
    """Every value of wire documents, and what pages and devices send beside them."""
    for module in pkgutil.iter_modules(wire.__path__):
        importlib.import_module(f"wire.{module.name}")
    waiting: list[type[BaseModel]] = [WireModel]
    found: list[type[BaseModel]] = [NextRequest, ActivityRequest, ActivityReported, Submit, CaptureHeader]
    while waiting:
        model = waiting.pop()
        waiting += model.__subclasses__()
        found += [model] if model.__module__.startswith("wire.") else []
    return found


def lax_numbers(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if schema.get("type") in ("int", "float", "bool") and not schema.get("strict"):
            yield str(schema["type"])
        for name, inner in schema.items():
            if name not in ("serialization", "metadata"):
                yield from lax_numbers(inner)
    elif isinstance(schema, list | tuple):
        for inner in schema:
            yield from lax_numbers(inner)


@pytest.mark.parametrize("model", all_models(), ids=lambda model: str(model.__name__))
def test_no_number_and_no_boolean_of_a_document_is_lax(model: type[BaseModel]) -> None:
    assert not list(lax_numbers(model.__pydantic_core_schema__))


def test_the_search_finds_a_lax_number() -> None:
    class Lax(WireModel):
        pair: tuple[str, int] | None = None

    assert list(lax_numbers(Lax.__pydantic_core_schema__)) == ["int"]
