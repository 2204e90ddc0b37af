"""What a recorder knows of its medium once it is closed, and the error of one that cannot continue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from wire.errors import GleanerError

ClockMap = list[tuple[int, int]]


class RecorderFailed(GleanerError):
    """The encoder or muxer refused what it was given."""

    code: ClassVar[str] = "recorder-failed"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = True
    hint = "The attempt is kept as torn; run the step again."


@dataclass(frozen=True)
class Recorded:
    """Sizes and times of a closed medium.

    `sha256` and `bytes` are of what the muxer wrote. `clock_map` is [(media_us, device_us)] with media times that
    rise strictly. `times_us` is the frame table of a video, first 0. `clock_steps` counts frames that were refused
    because their stamp did not rise.
    """

    sha256: str
    bytes: int
    duration_us: int | None
    clock_map: ClockMap
    frames: int | None = None
    times_us: list[int] = field(default_factory=list)
    clock_steps: int = 0
