"""Labels: statements about a capture, and the document that carries those of one source.

Geometry is float pixels of the stored image, origin top-left; times are integer microseconds of media time;
intervals are half-open. Meanings: contracts.md, sections Geometry and tracks, Text.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    StrictBool,
    model_serializer,
    model_validator,
)

from wire.base import Count, Document, Id, JsonObject, Microseconds, Number, Sha256, WireModel

TaskType = Literal["boxes", "tracks", "speech", "text"]
Size = Annotated[Number, Field(ge=0)]
Score = Annotated[Number, Field(ge=0, le=1)]


def _check_number(value: Any) -> Any:
    """A literal compares by value, and `True == 1`."""
    if isinstance(value, bool):
        raise ValueError("a boolean is not a number")
    return value


Visibility = Annotated[Literal[0, 1, 2], BeforeValidator(_check_number)]
Extent = Annotated[int, Field(strict=True)]


class Source(WireModel):
    """Who says so: a model package (name and sha256 of the model file), a person, or a script step."""

    kind: Literal["model", "person", "script"]
    name: str
    version: str | None = None
    sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _model_has_hash(self) -> Self:
        if self.kind == "model" and self.sha256 is None:
            raise ValueError("a model names its sha256")
        return self


class BaseLabel(WireModel):
    """What every kind has. On the wire optional members that say nothing are left out; `score` is always there."""

    id: Id
    label: str = Field(min_length=1, max_length=200)
    score: Score | None = None
    source: Source | None = None
    edited: StrictBool = False
    parent: Id | None = None
    attributes: JsonObject = Field(default_factory=dict)

    @model_serializer(mode="wrap")
    def _leave_out_silent_members(self, handler: SerializerFunctionWrapHandler) -> Any:
        members = handler(self)
        return {
            name: value
            for name, value in members.items()
            if name == "score" or not (value is None or value is False or value == {})
        }


class OnFrame(BaseLabel):
    frame: Count | None = None
    start_us: Microseconds | None = None


class Box(OnFrame):
    kind: Literal["box"] = "box"
    x: Number
    y: Number
    width: Size
    height: Size
    rotation: Number | None = None


class Polygon(OnFrame):
    kind: Literal["polygon", "polyline"]
    points: list[tuple[Number, Number]] = Field(min_length=2)


class Keypoints(OnFrame):
    kind: Literal["keypoints"] = "keypoints"
    points: list[tuple[Number, Number, Visibility]] = Field(min_length=1)


class Rle(WireModel):
    size: tuple[Extent, Extent]
    counts: str


class Mask(OnFrame):
    kind: Literal["mask"] = "mask"
    rle: Rle


class Keyframe(WireModel):
    """One place of a track. `start_us` is the time of `frame` in the frame table, which rules."""

    frame: Count
    start_us: Microseconds
    x: Number
    y: Number
    width: Size
    height: Size
    visible: StrictBool = True
    attributes: JsonObject = Field(default_factory=dict)


class Track(BaseLabel):
    kind: Literal["track"] = "track"
    keyframes: list[Keyframe] = Field(min_length=1)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        rows = self.keyframes
        if any(b.frame <= a.frame or b.start_us <= a.start_us for a, b in itertools.pairwise(rows)):
            raise ValueError("keyframes do not rise strictly")
        return self


class Word(WireModel):
    text: str
    start_us: Microseconds
    end_us: Microseconds
    score: Score | None = None


class Interval(BaseLabel):
    """A half-open stretch of time. `text` is what was said, written by a person, or by a recogniser where that is
    allowed; `expected` is the script's part.
    """

    kind: Literal["interval"] = "interval"
    start_us: Microseconds
    end_us: Microseconds
    text: str | None = None
    expected: str | None = None
    channel: Count | None = None
    words: list[Word] | None = None

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end_us <= self.start_us:
            raise ValueError("an interval ends after it starts")
        return self


class Span(BaseLabel):
    """Code points [start, end) of the `text` label named by `parent`."""

    kind: Literal["span"] = "span"
    start: Count
    end: Count

    @model_validator(mode="after")
    def _points_somewhere(self) -> Self:
        if self.parent is None:
            raise ValueError("a span names its parent")
        if self.end <= self.start:
            raise ValueError("a span ends after it starts")
        return self


class Text(BaseLabel):
    kind: Literal["text"] = "text"
    text: str
    language: str | None = None


class Choice(BaseLabel):
    kind: Literal["choice"] = "choice"


Label = Annotated[
    Box | Polygon | Keypoints | Mask | Track | Interval | Span | Text | Choice, Field(discriminator="kind")
]


class LabelsDocument(Document):
    """All labels of one source about one capture. An empty list means: looked at, nothing there."""

    capture: Id
    source: Source
    labels: list[Label]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [label.id for label in self.labels]
        if len(set(ids)) != len(ids):
            raise ValueError("two labels have the same id")
        texts = {label.id: label.text for label in self.labels if isinstance(label, Text)}
        for label in self.labels:
            if isinstance(label, Span):
                parent = texts.get(label.parent or "")
                if parent is None:
                    raise ValueError(f"span {label.id} has no text {label.parent}")
                if label.end > len(parent):
                    raise ValueError(f"span {label.id} ends past its text")
        return self
