"""A capture: one recorded medium of one take from one sensor, its manifest, frame table and clock map."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    Field,
    StrictBool,
    StringConstraints,
    model_validator,
)

from wire.base import Count, Document, Id, Microseconds, Number, Ordinal, Sha256, Utc, WireModel, is_none

Medium = Literal["video", "audio", "image", "text"]
PART_PATTERN = r"^(media|frames|redaction|labels:[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63})$"
PartName = Annotated[str, StringConstraints(pattern=PART_PATTERN)]
_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
MEDIA_TYPE_PATTERN = rf"^{_TOKEN}/{_TOKEN}( *; *{_TOKEN}=({_TOKEN}|\"[ -!#-\[\]-~]*\"))*$"
MediaType = Annotated[str, StringConstraints(max_length=255, pattern=MEDIA_TYPE_PATTERN)]
MAX_SIZE = 2**31 - 1
MAX_FACT = 200  # characters
SETTING_NAME_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
Size = Annotated[int, Field(strict=True, gt=0, le=MAX_SIZE)]
Rate = Annotated[Number, Field(gt=0)]
Fact = Annotated[str, StringConstraints(min_length=1, max_length=MAX_FACT)]
SettingName = Annotated[str, StringConstraints(pattern=SETTING_NAME_PATTERN)]
Setting = StrictBool | Annotated[int, Field(strict=True, gt=-(2**53), lt=2**53)] | Number | Fact
SensorSettings = Annotated[
    dict[SettingName, Setting | Annotated[list[Setting], Field(max_length=16)]], Field(max_length=64)
]


class CaptureFormat(WireModel):
    """What the bytes are. Sizes in pixels of the stored image, rates in frames or samples per second."""

    container: Literal["matroska", "flac", "jpeg", "plain"]
    codec: str
    media_type: MediaType
    width: Size | None = None
    height: Size | None = None
    frame_rate: Rate | None = None
    sample_rate: Size | None = None
    channels: Size | None = None


class Part(WireModel):
    """One upload of a capture, by the hash and size of the bytes as sent."""

    name: PartName
    sealed_sha256: Sha256
    sealed_bytes: Count


class Counts(WireModel):
    """What went wrong while recording, never hidden."""

    frames_dropped: Count = 0
    audio_overruns: Count = 0
    clock_steps: Count = 0


class Redacted(WireModel):
    """What was masked before the first byte was written; the part `redaction` (a MaskRecord) has where and when.

    `faces`: how many regions of the picture were masked, `speech_us`: how long the sound was muted. Both null: the
    device was stopped while it recorded, the medium is masked and the count of it is lost.
    """

    faces: Count | None = None
    speech_us: Count | None = None


class DeviceFacts(WireModel):
    """What the device was when it recorded; None: the machine does not report it. No serial numbers, no names of hosts.

    `board` is what the machine calls itself, `firmware` the version of what starts it, `boot` which start of the
    device's monotonic clock the times are on: those of two starts cannot be compared.
    """

    agent_version: Fact
    board: Fact | None = None
    firmware: Fact | None = None
    kernel: Fact | None = None
    os: Fact | None = None
    boot: Id | None = None


class Wall(WireModel):
    """Wall time of the first sample with the device's clock offset estimate (None: not known)."""

    at: Utc
    offset_us: Microseconds | None = None
    uncertainty_us: Count | None = None


class CaptureManifest(Document):
    """Closes a capture and names every part of it.

    `sha256` and `bytes` speak of the original the muxer wrote (null when torn, until the collector opened it);
    `parts` speak of the bytes as sent. Until sealing comes the two are equal. `clock_map` maps media time to the
    device's monotonic clock, both in microseconds, piecewise linear. `redaction` (schema 2) is null when nothing was
    to be masked; schema 1 is written then, so that an older collector goes on reading. `device_facts` and
    `sensor_settings` (schema 3) are null where they were not recorded: what the device was, and the settings that its
    sensor reported (exposure, gain, format, …) when the take was opened.
    """

    SCHEMA: ClassVar[int] = 3

    capture: Id
    take: Id
    session: Id
    study: Id
    step: Id
    attempt: Ordinal
    device: Id
    sensor: str
    medium: Medium
    format: CaptureFormat
    consent: Id
    complete: StrictBool
    sha256: Sha256 | None
    bytes: Count | None
    duration_us: Count | None
    frames: Count | None = None
    opened_us: Microseconds
    wall: Wall
    clock_map: list[tuple[Microseconds, Microseconds]] = Field(min_length=1)
    counts: Counts = Counts()
    redaction: Redacted | None = Field(default=None, exclude_if=is_none)
    device_facts: DeviceFacts | None = Field(default=None, exclude_if=is_none)
    sensor_settings: SensorSettings | None = Field(default=None, exclude_if=is_none)
    parts: list[Part] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        has_facts = self.device_facts is not None or self.sensor_settings is not None
        set_schema(self, 3 if has_facts else 1 if self.redaction is None else 2)
        names = [part.name for part in self.parts]
        if len(set(names)) != len(names):
            raise ValueError("a part is named twice")
        if "media" not in names:
            raise ValueError("the part media is missing")
        if self.medium == "video" and "frames" not in names:
            raise ValueError("a video capture needs the part frames")
        counted = self.redaction is not None and self.redaction != Redacted()
        if counted != ("redaction" in names):
            raise ValueError("redaction counts what the part redaction lists, and only that")
        if self.complete == (self.sha256 is None):
            raise ValueError("sha256 is null for a torn capture and only for a torn one")
        check_rising([row[0] for row in self.clock_map], "clock_map")
        return self

    def part(self, name: str) -> Part | None:
        return next((part for part in self.parts if part.name == name), None)


class FrameTable(Document):
    """The truth about video time: the microsecond of every frame from the first, first 0, strictly rising."""

    capture: Id
    times_us: list[Microseconds]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.times_us and self.times_us[0] != 0:
            raise ValueError("the first frame is at 0")
        check_rising(self.times_us, "times_us")
        return self


def set_schema(document: Document, lowest: int) -> None:
    """Called while a document is validated, with the lowest schema that has a place for all its members.

    A document that names no schema gets this one, so that every reader that can understand it does.

    Raises:
        ValueError: it names a lower one.
    """
    if "schema_number" not in document.model_fields_set:
        object.__setattr__(document, "schema_number", lowest)  # frozen only from the end of validation on
    elif document.schema_number < lowest:
        raise ValueError(f"a member needs schema {lowest}, the document has {document.schema_number}")


def check_rising(values: Sequence[int], name: str) -> None:
    if any(later <= earlier for earlier, later in itertools.pairwise(values)):
        raise ValueError(f"{name} does not rise strictly")


def sample_time_us(sample: int, nominal_rate: int) -> int:
    """Media time of audio sample `sample`: round(n * 1,000,000 / rate), half to even (contracts.md, Time)."""
    quotient, rest = divmod(sample * 1_000_000, nominal_rate)
    twice = 2 * rest
    if twice > nominal_rate or (twice == nominal_rate and quotient % 2):
        quotient += 1
    return quotient


def device_time_us(clock_map: Sequence[tuple[int, int]], media_us: int) -> int:
    """Device time of a media time: piecewise linear, the end pieces continued; one point means rate one."""
    if len(clock_map) == 1:
        return clock_map[0][1] + media_us - clock_map[0][0]
    index = min(max(1, bisect_right([row[0] for row in clock_map], media_us)), len(clock_map) - 1)
    (m0, d0), (m1, d1) = clock_map[index - 1], clock_map[index]
    return round(d0 + (media_us - m0) * (d1 - d0) / (m1 - m0))
