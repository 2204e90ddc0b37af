"""What a model package says of its model: `model.toml`, written by people, so unknown fields are refused."""

from __future__ import annotations

import tomllib
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from wire.base import Sha256, WireModel
from wire.errors import GleanerError

Family = Literal["yolox", "yunet", "centerface", "vad"]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Milliseconds = Annotated[int, Field(ge=0, le=60_000)]
Pixels = Annotated[int, Field(ge=1, le=8192)]

# The tensors each family works with, by role; `inputs` and `outputs` of a manifest name them in the file.
INPUT_ROLES: dict[Family, frozenset[str]] = {
    "yolox": frozenset({"image"}),
    "yunet": frozenset({"image"}),
    "centerface": frozenset({"image"}),
    "vad": frozenset({"audio", "state", "sample_rate"}),
}
OUTPUT_ROLES: dict[Family, frozenset[str]] = {
    "yolox": frozenset({"predictions"}),
    "yunet": frozenset(f"{kind}_{stride}" for kind in ("cls", "obj", "bbox") for stride in (8, 16, 32)),
    "centerface": frozenset({"heatmap", "scale", "offset"}),
    "vad": frozenset({"probability", "state"}),
}


class ManifestInvalid(GleanerError):
    """A `model.toml` does not have its shape."""

    code = "model-manifest-invalid"
    status = 422
    hint = "Compare it with the example in docs/models.md."


class ImageInput(WireModel):
    """How a picture is brought to the model.

    `size` is (height, width) in pixels of a model with one fixed size; it may be left out when the file says it.
    A model of any size takes the picture scaled down to `max_side` at most, its sides brought to `multiple`.
    """

    size: tuple[Pixels, Pixels] | None = None
    multiple: Annotated[int, Field(ge=1, le=256)] = 32
    max_side: Pixels = 640


class Thresholds(WireModel):
    """`score`: a detection counts; `floor`: the least score a tracker may still use; `iou`: overlap that merges."""

    score: Fraction = 0.3
    floor: Fraction = 0.1
    iou: Fraction = 0.45
    maximum: Annotated[int, Field(ge=1, le=1000)] = 100


class Speech(WireModel):
    """Where speech starts and ends; the defaults are those of silero-vad's own `get_speech_timestamps`."""

    on: Fraction = 0.5
    off: Fraction = 0.35
    min_speech_ms: Milliseconds = 250
    min_silence_ms: Milliseconds = 100
    pad_ms: Milliseconds = 30


class Manifest(WireModel):
    """The whole `model.toml`. `names` are the words of the classes, in the order of the model's channels."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    version: str = Field(min_length=1, max_length=64)
    family: Family
    licence: str = Field(min_length=1)
    attribution: str = ""
    sha256: Sha256
    names: list[str] = Field(min_length=1)
    inputs: dict[str, str]
    outputs: dict[str, str]
    input: ImageInput = ImageInput()
    thresholds: Thresholds = Thresholds()
    speech: Speech = Speech()

    @model_validator(mode="after")
    def _names_its_tensors(self) -> Manifest:
        for table, given, wanted in (
            ("inputs", self.inputs, INPUT_ROLES[self.family]),
            ("outputs", self.outputs, OUTPUT_ROLES[self.family]),
        ):
            if set(given) != wanted:
                expected = ", ".join(sorted(wanted))
                raise ValueError(f"family {self.family} needs exactly these under [{table}]: {expected}")
        if len(set(self.names)) != len(self.names):
            raise ValueError("names has a word twice")
        if self.speech.off > self.speech.on:
            raise ValueError("speech.off is above speech.on")
        return self


def read_manifest(text: str, place: str) -> Manifest:
    """Parse a `model.toml`. `place` names it in messages.

    Raises:
        ManifestInvalid: it is not TOML, or a field is missing, unknown or out of range.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestInvalid(f"{place} is not TOML: {error}.") from error
    return manifest_of(table, place)


def manifest_of(table: dict[str, Any], place: str) -> Manifest:
    """A manifest from a parsed TOML table; raises ManifestInvalid as `read_manifest` does."""
    try:
        return Manifest.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "its tables"
        raise ManifestInvalid(f"{place} is not valid at {where}: {first['msg']}.") from error
