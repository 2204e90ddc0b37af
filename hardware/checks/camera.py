"""A camera on the bench: its rate, how evenly and how late its frames come, and how many it loses."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from device_agent.sensors import Camera, Frame, monotonic_us, open_camera
from hardware.checks.base import Check, CheckOutcome, Limit, Measurement, ReportProgress, measured
from wire.errors import GleanerError

RATE_TOLERANCE = 0.03
# A quarter of a frame's time: a frame that is later than half of one is nearer to its neighbour's moment.
JITTER_PART = 0.25
# A camera's own pipeline holds one to three frames; more means that something cannot keep up.
LATENESS_FRAMES = 4
# Exposure and gain settle in the first frames of a real camera; they are not measured.
WARM_UP_SECONDS = 0.5
FIRST_FRAME_SECONDS = 5.0
LUMA_STEP = 8  # of the small picture: 3,600 pixels show whether it is dark or frozen
MAX_ALIKE = 50.0  # in percent; a camera at half its rate repeats every second frame
DARK_LUMA = 24.0  # video black is 16
MEASURES = (("rate", "frames/s"), ("jitter", "ms"), ("longest gap", "ms"), ("lateness", "ms"), ("dropped", "frames"))

NEEDS = (
    ("width", "pixels"), ("height", "pixels"), ("frames by the clock", "frames/s"), ("light", "of 255"),
    ("frames alike", "%"),
)  # fmt: skip


class PictureUnclear(GleanerError):
    code = "picture-unclear"
    status = 422
    exit_code = 2
    hint = "Write it as 1280x720@25, or any."


class CameraNotGiven(GleanerError):
    code = "camera-not-given"
    status = 422
    exit_code = 2
    hint = "Name one, for instance --camera simulated or --camera opencv:0."


@dataclass(frozen=True)
class Arrival:
    """A frame as it came: its exposure's number and moment, and the moment it was delivered (device microseconds)."""

    index: int
    stamp_us: int
    arrived_us: int


@dataclass
class _Bench:
    """What the camera's thread writes down; lists only grow, so the reader needs no lock."""

    arrivals: list[Arrival] = field(default_factory=list)
    light: list[float] = field(default_factory=list)  # mean of a frame's luma, 0 to 255
    alike: int = 0  # frames that are the one before, pixel by pixel
    _last: np.ndarray | None = None
    changed: threading.Event = field(default_factory=threading.Event)
    lost: list[GleanerError] = field(default_factory=list)

    def deliver(self, frame: Frame) -> None:
        self.arrivals.append(Arrival(frame.index, frame.stamp_us, monotonic_us()))
        luma = frame.lores[: frame.lores.shape[0] * 2 // 3 : LUMA_STEP, ::LUMA_STEP].copy()
        self.alike += self._last is not None and bool(np.array_equal(luma, self._last))
        self._last = luma
        self.light.append(float(luma.mean()))
        self.changed.set()

    def failed(self, error: GleanerError) -> None:
        self.lost.append(error)
        self.changed.set()


@dataclass(frozen=True)
class Wanted:
    """What a study needs of a camera, whatever the camera reports about itself."""

    width: int
    height: int
    rate: float

    @classmethod
    def read(cls, text: str) -> Wanted:
        """`1280x720@25`. Raises PictureUnclear."""
        found = re.fullmatch(r"(\d{1,5})x(\d{1,5})@(\d{1,3}(?:\.\d{1,3})?)", text)
        if found is None or not all(float(part) for part in found.groups()):
            raise PictureUnclear(f"{text!r} is no size and rate.")
        return cls(int(found[1]), int(found[2]), float(found[3]))


def camera_check(spec: str, seconds: float = 5.0, wanted: Wanted | None = None) -> Check:
    """Measure the camera `spec` (as `gleaner agent run --camera`) over `seconds` of frames.

    `wanted`: also hold size, rate and light against what is needed; None: only against what the camera promises.
    """
    measures = (*MEASURES, *(NEEDS if wanted is not None else ()))
    return Check("camera", f"Camera {spec}", measures, lambda report: _measure(spec, seconds, wanted, report))


def _measure(spec: str, seconds: float, wanted: Wanted | None, report: ReportProgress) -> CheckOutcome:
    camera = open_camera(spec)
    if camera is None:
        raise CameraNotGiven("There is no camera to be checked.")
    bench = _Bench()
    camera.start(bench.deliver, bench.failed)
    try:
        dropped_before = _watch(bench, camera, seconds, report)
    finally:
        camera.stop()
    detail = str(bench.lost[0]) if bench.lost else None
    if detail is None and not bench.arrivals:
        detail = f"No frame came within {FIRST_FRAME_SECONDS:g} seconds."
    arrivals = after_warm_up(bench.arrivals)
    rows = evaluate(arrivals, camera.frame_rate, camera.dropped - dropped_before, detail)
    if wanted is not None:
        rows = (*rows, *evaluate_needs(bench, (camera.width, camera.height), wanted))
    facts = {
        "camera": camera.name,
        "width": camera.width,
        "height": camera.height,
        "nominal_rate": camera.frame_rate,
        "frames": len(arrivals),
    }
    return CheckOutcome(rows, facts)


def evaluate_needs(bench: _Bench, size: tuple[int, int], wanted: Wanted) -> tuple[Measurement, ...]:
    """What a study needs, compared with the frames that came, and not with what the camera reports about itself.

    frames by the clock   frames that arrived a second, by this machine's clock and no stamp of the camera's
    light                 median of the frames' mean luma: a lens cap is about 16
    frames alike          share of frames that are the one before, pixel by pixel: no sensor gives one twice
    """
    came = bench.arrivals
    spent_us = came[-1].arrived_us - came[0].arrived_us if len(came) > 1 else 0
    values = (
        float(size[0]),
        float(size[1]),
        (len(came) - 1) * 1_000_000 / spent_us if spent_us else 0.0,
        float(np.median(bench.light)) if bench.light else np.nan,
        100.0 * bench.alike / (len(came) - 1) if len(came) > 1 else np.nan,
    )
    allowed = (
        Limit(least=wanted.width),
        Limit(least=wanted.height),
        Limit(least=round(wanted.rate * (1 - RATE_TOLERANCE), 2)),
        Limit(least=DARK_LUMA),
        Limit(most=MAX_ALIKE),
    )
    return tuple(
        measured(name, round(value, 2), unit, limit)
        for (name, unit), value, limit in zip(NEEDS, values, allowed, strict=True)
    )


def _watch(bench: _Bench, camera: Camera, seconds: float, report: ReportProgress) -> int:
    """Wait for the first frame and then for `seconds`; returns what was dropped before the measurement began."""
    bench.changed.wait(FIRST_FRAME_SECONDS)
    whole = WARM_UP_SECONDS + seconds
    began = time.monotonic()
    dropped_before = None
    while not bench.lost and bench.arrivals and (spent := time.monotonic() - began) < whole:
        if dropped_before is None and spent >= WARM_UP_SECONDS:
            dropped_before = camera.dropped
        report(spent / whole, f"camera: {len(bench.arrivals)} frames")
        time.sleep(0.05)
    return camera.dropped if dropped_before is None else dropped_before


def after_warm_up(arrivals: Sequence[Arrival]) -> list[Arrival]:
    if not arrivals:
        return []
    start = arrivals[0].stamp_us + round(WARM_UP_SECONDS * 1_000_000)
    return [row for row in arrivals if row.stamp_us >= start]


def limits(nominal_rate: float) -> tuple[Limit, ...]:
    """The limits of MEASURES, in their order, for a camera that promises `nominal_rate` frames a second."""
    period_ms = 1000 / nominal_rate
    return (
        Limit(round(nominal_rate * (1 - RATE_TOLERANCE), 2), round(nominal_rate * (1 + RATE_TOLERANCE), 2)),
        Limit(most=round(JITTER_PART * period_ms, 2)),
        Limit(most=round(2.5 * period_ms, 2)),
        Limit(most=round(LATENESS_FRAMES * period_ms, 2)),
        Limit(most=0),
    )


def evaluate(
    arrivals: Sequence[Arrival], nominal_rate: float, dropped: int, detail: str | None = None
) -> tuple[Measurement, ...]:
    """Measurements of the frames that came, in the order of MEASURES.

    rate         exposures delivered a second, from the first stamp to the last
    jitter       99th percentile of how far the time between neighbouring exposures is from the nominal one
    longest gap  the longest time between two frames that came
    lateness     99th percentile of the time from a frame's exposure to its delivery
    dropped      the camera's own count or the gaps in the exposure numbers, whichever is more

    Fewer than two frames are a rate of 0, and what needs an interval is an ERROR.
    """
    allowed = limits(nominal_rate)
    if len(arrivals) < 2:
        nothing = "There is no interval to be measured."
        values: list[float] = [0.0, np.nan, np.nan, np.nan, float(dropped)]
        details = [detail, nothing, nothing, nothing, None]
    else:
        gaps_ms = np.diff([row.stamp_us for row in arrivals]) / 1000
        exposures = np.diff([row.index for row in arrivals])
        # A lost frame is counted as lost; the evenness of the others is judged by exposure.
        uneven = np.abs(gaps_ms / np.maximum(exposures, 1) - 1000 / nominal_rate)
        late_ms = [(row.arrived_us - row.stamp_us) / 1000 for row in arrivals]
        missing = int(np.sum(np.maximum(exposures - 1, 0)))
        values = [
            1000 * len(gaps_ms) / float(gaps_ms.sum()),
            float(np.percentile(uneven, 99)),
            float(gaps_ms.max()),
            float(np.percentile(late_ms, 99)),
            float(max(dropped, missing)),
        ]
        details = [detail, None, None, None, None]
    return tuple(
        measured(name, value, unit, limit, why)
        for (name, unit), value, limit, why in zip(MEASURES, values, allowed, details, strict=True)
    )
