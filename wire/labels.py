"""Labels: statements about a capture, and the document that carries those of one source.

Geometry is float pixels of the stored image, origin top-left; times are integer microseconds of media time;
intervals are half-open. Meanings: contracts.md, sections Geometry and tracks, Text.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
    field_serializer,
    model_validator,
)

from wire.base import Count, Document, Id, JsonObject, Microseconds, Number, Sha256, Utc, WireModel, is_empty, is_none
from wire.canonical import document_hash
from wire.errors import BadDocument

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
    """Who made a label: a model package (name and sha256 of the model file), a person, or a script step.

    One model file behaves differently under other thresholds: `package` is the sha256 of the package's canonical
    manifest, `settings` that of the settings with which the model ran (`LabelsDocument.settings`). Both are given for
    models only, and are missing where they were not recorded (labels made before documents of schema 2).
    """

    kind: Literal["model", "person", "script"]
    name: str
    version: str | None = None
    sha256: Sha256 | None = None
    package: Sha256 | None = Field(default=None, exclude_if=is_none)  # a reader of schema 1 refuses it, and settings
    settings: Sha256 | None = Field(default=None, exclude_if=is_none)

    @model_validator(mode="after")
    def _model_has_hash(self) -> Self:
        if self.kind == "model" and self.sha256 is None:
            raise ValueError("a model names its sha256")
        if self.kind != "model" and self.is_configured:
            raise ValueError("only a model has a package and settings")
        return self

    @property
    def is_configured(self) -> bool:
        """Whether it names the settings of the model."""
        return self.package is not None or self.settings is not None

    def ran_as(self, other: Source) -> bool:
        """Whether both are one model file under the same settings."""
        mine, theirs = (self.sha256, self.package, self.settings), (other.sha256, other.package, other.settings)
        return mine == theirs


class BaseLabel(WireModel):
    """What every kind has. On the wire optional members that are null are left out; `score` is always there."""

    id: Id
    label: str = Field(min_length=1, max_length=200)
    score: Score | None = None
    source: Source | None = Field(default=None, exclude_if=is_none)
    edited: StrictBool = Field(default=False, exclude_if=is_empty)
    parent: Id | None = Field(default=None, exclude_if=is_none)
    attributes: JsonObject = Field(default_factory=dict, exclude_if=is_empty)


class OnFrame(BaseLabel):
    frame: Count | None = Field(default=None, exclude_if=is_none)
    start_us: Microseconds | None = Field(default=None, exclude_if=is_none)


class Box(OnFrame):
    kind: Literal["box"] = "box"
    x: Number
    y: Number
    width: Size
    height: Size
    rotation: Number | None = Field(default=None, exclude_if=is_none)


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
    text: str | None = Field(default=None, exclude_if=is_none)
    expected: str | None = Field(default=None, exclude_if=is_none)
    channel: Count | None = Field(default=None, exclude_if=is_none)
    words: list[Word] | None = Field(default=None, exclude_if=is_none)

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
    language: str | None = Field(default=None, exclude_if=is_none)


class Choice(BaseLabel):
    kind: Literal["choice"] = "choice"


Label = Annotated[
    Box | Polygon | Keypoints | Mask | Track | Interval | Span | Text | Choice, Field(discriminator="kind")
]


class Inference(WireModel):
    """When a model began with a capture, by the clock of its machine, and how long it computed, waiting left out."""

    began_at: Utc
    computed_ms: Count


class LabelsDocument(Document):
    """All labels of one source about one capture. An empty list means: looked at, nothing there.

    `settings` (schema 2) has the settings of the models that made the labels, by the hash under which sources name
    them; `inference` (schema 3) says when a model made the document, null where that was not recorded. The lowest
    schema with a place for all members is written, so that older readers go on reading. A document may state a lower
    number than it needs: a page that was loaded before an upgrade sends labels back with the sources they came with.
    """

    SCHEMA: ClassVar[int] = 3

    capture: Id
    source: Source
    labels: list[Label]
    settings: dict[Sha256, JsonObject] = Field(default_factory=dict, exclude_if=is_empty)
    inference: Inference | None = Field(default=None, exclude_if=is_none)

    @field_serializer("schema_number")
    def _write_lowest_schema(self, number: int) -> int:
        return max(number, self._lowest_schema())

    def _lowest_schema(self) -> int:
        if self.inference is not None:
            return 3
        if self.settings or self.source.is_configured:
            return 2
        return 2 if any(label.source is not None and label.source.is_configured for label in self.labels) else 1

    def by_person(self, name: str, labels: Sequence[Label] | None = None) -> Self:
        """The document as a person's own, with these labels or those it has, and nothing of the model that made it."""
        members: dict[str, Any] = {"source": Source(kind="person", name=name), "settings": {}, "inference": None}
        return self.model_copy(update=members if labels is None else {**members, "labels": list(labels)})

    def check_settings(self) -> None:
        """Whether every settings object is the one its hash names. Asked once, where a document comes in.

        Raises:
            BadDocument: one is not, or is not JSON that has a hash.
        """
        for sha256, settings in self.settings.items():
            try:
                found = document_hash(settings)
            except ValueError as error:
                raise BadDocument(f"The settings {sha256[:12]} have no canonical JSON: {error}.") from error
            if found != sha256:
                raise BadDocument(f"The settings {sha256[:12]} have the hash {found[:12]}.")

    @model_validator(mode="after")
    def _states_its_schema(self) -> Self:
        lowest = self._lowest_schema()
        if self.schema_number < lowest:
            object.__setattr__(self, "schema_number", lowest)  # frozen only from the end of validation on
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.inference is not None and self.source.kind != "model":
            raise ValueError("only a model has an inference")
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
