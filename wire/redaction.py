"""What was masked in a capture: counts and geometry, never a pixel and never a sample of it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from wire.base import Count, Document, Id, Microseconds, Sha256, WireModel
from wire.capture import MAX_SIZE, Medium, Redacted, check_rising

Why = Literal["face", "person", "speech", "undecided"]
Pixel = Annotated[int, Field(strict=True, ge=-MAX_SIZE, le=MAX_SIZE)]
Place = tuple[Microseconds, Pixel, Pixel, Count, Count]


class MaskModel(WireModel):
    """A model that decided what to mask, by the hash of its file."""

    name: str
    version: str
    sha256: Sha256


class MaskedRegion(WireModel):
    """One thing that was masked in [start_us, end_us) of media time.

    face       a face
    person     somebody whose face was not seen: the whole person, or the head where the face was seen before or after
    speech     sound, in all channels; no keyframes
    undecided  the whole picture (not looked at, too dark, or more seen than can be separated), or all sound there

    `keyframes` are rows [us, x, y, width, height] in whole pixels of the stored picture; between two rows the mask is
    linear in time, exact to eight pixels, and the last one holds to the end.
    """

    start_us: Microseconds
    end_us: Microseconds
    why: Why
    keyframes: list[Place] = []

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end_us <= self.start_us:
            raise ValueError("a region ends after it starts")
        check_rising([row[0] for row in self.keyframes], "keyframes")
        return self


class MaskRecord(Document):
    """What a redaction did to one capture or file, after the masks were in: `margin_us` is how far around each moment
    it looked. `frames` were written, `frames_masked` of them had a mask; `samples_muted` counts instants of sound, not
    channels. `capture` is null for a file.
    """

    capture: Id | None = None
    method: Literal["solid", "mosaic"]
    sound: Literal["zeros", "noise"]
    models: list[MaskModel]
    margin_us: Count
    regions: list[MaskedRegion] = []
    frames: Count = 0
    frames_masked: Count = 0
    samples_muted: Count = 0

    def of(self, capture: str) -> MaskRecord:
        """The same, naming the capture it is about."""
        return self.model_copy(update={"capture": capture})

    def counted(self, medium: Medium) -> Redacted:
        """The counts that the manifest has of it."""
        if medium == "audio":
            return Redacted(faces=0, speech_us=sum(region.end_us - region.start_us for region in self.regions))
        return Redacted(faces=len(self.regions), speech_us=0)
