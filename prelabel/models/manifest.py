"""What a model package states about its model: `model.toml`, written by people, so unknown fields are refused."""

from __future__ import annotations

import tomllib
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator

from prelabel.models.families import FAMILIES, AudioInput, Decode, Family, FamilyRules, Fraction, Milliseconds
from wire.base import Sha256, WireModel
from wire.errors import GleanerError
from wire.labels import Label

Pixels = Annotated[int, Field(ge=1, le=8192)]
_LABEL: TypeAdapter[Label] = TypeAdapter(Label)
Channels = Annotated[list[float], Field(min_length=1, max_length=3)]


class ManifestInvalid(GleanerError):
    """A `model.toml` does not have its shape."""

    code = "model-manifest-invalid"
    status = 422
    hint = "Compare it with the example in docs/models.md."


class LicenceMissing(GleanerError):
    """Neither the manifest nor the file states the licence of a model."""

    code = "model-licence-missing"
    status = 422
    hint = 'Add a line such as licence = "Apache-2.0" to its model.toml.'


class ImageInput(WireModel):
    """How a picture is prepared for the model; what is not set here is the family's default.

    `size` is (height, width) in pixels of a model with one fixed size; it may be left out when the file states it.
    A model of any size takes the picture scaled down to `max_side` at most, its sides rounded to `multiple`; with
    `upscale` smaller pictures are scaled up to `max_side` too.
    A byte becomes (byte * scale - mean) / std, one mean and std for all channels or one each, in order of `colour`.
    `antialias`: shrink by area averages, as PIL and torch do, instead of plain bilinear.
    """

    size: tuple[Pixels, Pixels] | None = None
    multiple: Annotated[int, Field(ge=1, le=256)] = 32
    max_side: Pixels = 640
    upscale: bool = False
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    dtype: Literal["float32", "float16", "uint8"] = "float32"
    colour: Literal["RGB", "BGR", "GRAY"] = "BGR"
    fit: Literal["letterbox-centre", "letterbox-top-left", "stretch", "crop-centre"] = "stretch"
    pad: Annotated[int, Field(ge=0, le=255)] = 0
    antialias: bool = False
    scale: Annotated[float, Field(gt=0, le=1)] = 1.0
    mean: Channels = [0.0]
    std: Channels = [1.0]


class Thresholds(WireModel):
    """`score`: a detection counts; `floor`: the least score a tracker may still use; `iou`: overlap that merges.

    `scores`: of single names, instead of `score`. `agnostic`: a box is merged into a better one of any name.
    """

    score: Fraction = 0.3
    scores: dict[str, Fraction] = {}
    floor: Fraction = 0.1
    iou: Fraction = 0.45
    agnostic: bool = False
    maximum: Annotated[int, Field(ge=1, le=1000)] = 100

    def of(self, name: str) -> float:
        """The score from which something of this name counts."""
        return self.scores.get(name, self.score)


class Speech(WireModel):
    """Where speech starts and ends; the defaults are those of silero-vad's own `get_speech_timestamps`."""

    on: Fraction = 0.5
    off: Fraction = 0.35
    min_speech_ms: Milliseconds = 250
    min_silence_ms: Milliseconds = 100
    pad_ms: Milliseconds = 30


class Golden(WireModel):
    """A sample whose answer is known; it runs when the model is installed.

    `sample` is the name of one (checks/samples.py), a picture of the catalogue, or a small file itself as `base64:…`;
    `expect` has what the model must find there, as labels of a labels document, without ids.
    """

    sample: str = Field(min_length=1)
    expect: list[dict[str, Any]]

    def labels(self) -> list[Label]:
        """`expect` as labels `g1`, `g2`, …"""
        return [_LABEL.validate_python({**row, "id": f"g{number}"}) for number, row in enumerate(self.expect, start=1)]

    @field_validator("expect")
    @classmethod
    def _are_labels(cls, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for number, row in enumerate(rows, start=1):
            try:
                _LABEL.validate_python({**row, "id": f"g{number}"})
            except ValidationError as error:
                where, why = _first(error, "it")
                raise ValueError(f"label {number} is not valid at {where}: {why}") from error
        return rows


class Manifest(WireModel):
    """The whole `model.toml`. `names` are the words of the classes, in the order of the model's channels.

    `budget`: milliseconds one unit of work may take, by the beginning of a board's name ("Raspberry Pi 4").
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    version: str = Field(min_length=1, max_length=64)
    family: Family
    licence: str = Field(min_length=1)
    attribution: str = ""
    sha256: Sha256
    names: list[str] = []
    inputs: dict[str, str]
    outputs: dict[str, str]
    input: ImageInput = ImageInput()
    audio: AudioInput = AudioInput()
    decode: Decode | None = None
    thresholds: Thresholds = Thresholds()
    speech: Speech = Speech()
    budget: dict[str, Annotated[float, Field(gt=0)]] = {}
    golden: Golden | None = None

    @property
    def rules(self) -> FamilyRules:
        return FAMILIES[self.family]

    def canonical(self) -> dict[str, Any]:
        """What decides how the model labels, as JSON: without the golden sample and the time budget.

        Fields that have their default are left out, so that a field that is added later changes no package's hash.
        """
        return self.model_dump(mode="json", exclude_defaults=True, exclude={"golden", "budget"})

    @model_validator(mode="before")
    @classmethod
    def _as_its_family_means_it(cls, table: Any) -> Any:
        """What `[input]` leaves out is the family's way; `[decode]` is read in the family's shape."""
        rules = FAMILIES.get(str(table.get("family"))) if isinstance(table, dict) else None
        if rules is None:
            return table
        given = table.get("input", {})
        unsaid = [name for name in rules.must_say if isinstance(given, dict) and name not in given]
        if unsaid:
            raise ValueError(f"family {table['family']} needs {', '.join(unsaid)} under [input]: nothing else says it")
        filled = {**table, "input": {**rules.picture, **given}} if isinstance(given, dict) else dict(table)
        decode = table.get("decode")
        if rules.decode is None and decode is not None:
            raise ValueError(f"family {table['family']} has no [decode]")
        if rules.decode is not None and not isinstance(decode, WireModel):
            try:
                filled["decode"] = rules.decode.model_validate({} if decode is None else decode)
            except ValidationError as error:
                where, why = _first(error, "[decode]")
                raise ValueError(f"[decode] {where}: {why}") from error
        return filled

    @model_validator(mode="after")
    def _names_its_tensors(self) -> Manifest:
        rules = self.rules
        for table, given, wanted, more in (
            ("inputs", self.inputs, rules.inputs, rules.more_inputs),
            ("outputs", self.outputs, rules.outputs, rules.more_outputs),
        ):
            if not wanted <= set(given) <= wanted | more:
                expected = ", ".join(sorted(wanted)) + (f"; perhaps {', '.join(sorted(more))}" if more else "")
                raise ValueError(f"family {self.family} needs exactly these under [{table}]: {expected}")
        if rules.names and not self.names:
            raise ValueError("names is empty")
        if len(set(self.names)) != len(self.names):
            raise ValueError("names has a word twice")
        if self.thresholds.scores and not rules.thresholds:
            raise ValueError(f"family {self.family} has no thresholds of single names")
        for word in self.thresholds.scores:
            if word not in self.names:
                raise ValueError(f"thresholds.scores names {word!r}, which is not one of its names")
        if self.speech.off > self.speech.on:
            raise ValueError("speech.off is above speech.on")
        return self


_WHOLE = "its tables"


def read_table(text: str, place: str) -> dict[str, Any]:
    """A `model.toml` as a table, before anything is made of it. `place` names it in messages.

    Raises:
        ManifestInvalid: it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestInvalid(f"{place} is not TOML: {error}.") from error


def manifest_of(table: dict[str, Any], place: str) -> Manifest:
    """A manifest from a complete table.

    Raises:
        ManifestInvalid: a field is missing, unknown or out of range.
        LicenceMissing: there is no licence.
    """
    if not table.get("licence"):
        raise LicenceMissing(f"{place} does not say under which licence {table.get('name', 'the model')} may be used.")
    try:
        return Manifest.model_validate(table)
    except ValidationError as error:
        where, why = _first(error, _WHOLE)
        at = "" if where == _WHOLE else f" at {where}"
        raise ManifestInvalid(f"{place} is not valid{at}: {why}.") from error


def _first(error: ValidationError, whole: str) -> tuple[str, str]:
    """Where the first problem is, and what it is."""
    first = error.errors(include_url=False, include_input=False)[0]
    return ".".join(str(part) for part in first["loc"]) or whole, first["msg"].removeprefix("Value error, ")
