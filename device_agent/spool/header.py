"""What is known of a capture before its first byte, and what the uplink sees of one that waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from wire.base import Count, Document, Id, Microseconds, Ordinal, is_none, shared_members
from wire.capture import (
    CaptureFormat,
    CaptureManifest,
    Counts,
    DeviceFacts,
    Medium,
    Part,
    Redacted,
    SensorSettings,
    Wall,
    set_schema,
)

CaptureState = Literal["open", "unfinished", "closed", "confirmed", "dropped", "aside", "unknown"]


class CaptureHeader(Document):
    """On the disk before the first media byte, so that a torn capture still knows where it belongs.

    `opened_us` is the device's monotonic clock when the take opened. `sequence` is given by the spool: the order of
    opening, which is the order of sending. `masked` (schema 2): what reaches the disk went through a mask.
    `device_facts` and `sensor_settings` (schema 3) are those of the manifest.
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
    opened_us: Microseconds
    wall: Wall
    sequence: Count = 0
    masked: Literal[True] | None = Field(default=None, exclude_if=is_none)
    device_facts: DeviceFacts | None = Field(default=None, exclude_if=is_none)
    sensor_settings: SensorSettings | None = Field(default=None, exclude_if=is_none)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        has_facts = self.device_facts is not None or self.sensor_settings is not None
        set_schema(self, 3 if has_facts else 1 if self.masked is None else 2)
        return self

    def manifest(
        self, *, parts: list[Part], clock_map: list[tuple[int, int]], complete: bool, sha256: str | None,
        size: int | None, duration_us: int | None, frames: int | None, counts: Counts,
        redaction: Redacted | None = None,
    ) -> CaptureManifest:  # fmt: skip
        """The manifest that closes this capture. `sha256` and `size` are of the original, null when torn."""
        return CaptureManifest(
            **shared_members(vars(self), CaptureManifest), parts=parts, clock_map=clock_map, complete=complete,
            sha256=sha256, bytes=size, duration_us=duration_us, frames=frames, counts=counts, redaction=redaction,
        )  # fmt: skip


@dataclass(frozen=True)
class PendingCapture:
    """A capture without a receipt. `manifest` is the exact bytes to send, None while it records."""

    header: CaptureHeader
    manifest: bytes | None
    parts: tuple[str, ...]  # those with something to send, media first
    bytes: int  # durable bytes of those parts

    @property
    def capture(self) -> str:
        return self.header.capture
