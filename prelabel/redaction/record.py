"""Records what is masked while it is masked, in as few keyframes as possible."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from prelabel.redaction.paint import Rect
from prelabel.redaction.policy import margin_us
from wire.labels import Source
from wire.redaction import MaskedRegion, MaskModel, MaskRecord, Why
from wire.script import Redaction

TOLERANCE_PX = 8.0
_Point = tuple[int, Rect]


@dataclass
class _Open:
    """An active region: the keyframes that are final, and the points since the last of them."""

    why: Why
    keyframes: list[_Point]
    since: list[_Point] = field(default_factory=list)

    def add(self, point: _Point) -> None:
        if self.since and not _on_line(self.keyframes[-1], self.since, point):
            self.keyframes.append(self.since[-1])
            self.since = []
        self.since.append(point)

    def region(self, end_us: int) -> MaskedRegion:
        rows = [*self.keyframes, *self.since[-1:]]
        return MaskedRegion(
            start_us=rows[0][0], end_us=end_us, why=self.why, keyframes=[(time_us, *rect) for time_us, rect in rows]
        )


class MaskLog:
    """The account of one redaction; times are media time, rising."""

    def __init__(self, policy: Redaction, sources: Iterable[Source]) -> None:
        self._policy = policy
        self._models = [MaskModel(name=row.name, version=row.version or "", sha256=row.sha256 or "") for row in sources]
        self._closed: list[MaskedRegion] = []
        self._open: dict[tuple[str, int], _Open] = {}
        self._last_us: int | None = None
        self._interval_us = 1
        self._frames = self._frames_masked = self._samples_muted = 0

    def frame(self, time_us: int, masks: Sequence[tuple[tuple[str, int], Why, Rect]]) -> None:
        """One frame that leaves, with what was masked in it: key of the thing, why, where."""
        if self._last_us is not None and time_us > self._last_us:
            self._interval_us = time_us - self._last_us
        elif self._last_us is not None:
            time_us = self._last_us + 1  # a frame whose clock stood still; recorders leave it out
        self._last_us = time_us
        self._frames += 1
        self._frames_masked += bool(masks)
        here = {key for key, _, _ in masks}
        for key in [key for key in self._open if key not in here]:
            self._closed.append(self._open.pop(key).region(time_us))
        for key, why, rect in masks:
            running = self._open.get(key)
            if running is None:
                self._open[key] = _Open(why, [(time_us, rect)])
            else:
                running.add((time_us, rect))

    def sound(self, start_us: int, end_us: int, samples: int, why: Why) -> None:
        """A stretch of sound that was muted; one that touches the interval before extends it."""
        self._samples_muted += samples
        if end_us <= start_us:
            return
        before = self._closed[-1] if self._closed else None
        if before is not None and before.why == why and before.end_us >= start_us:
            start_us = before.start_us
            self._closed.pop()
        self._closed.append(MaskedRegion(start_us=start_us, end_us=end_us, why=why))

    def record(self) -> MaskRecord:
        """What was masked so far; active regions end after the last frame."""
        end_us = (self._last_us or 0) + self._interval_us
        regions = [*self._closed, *(row.region(end_us) for row in self._open.values())]
        return MaskRecord(
            method=self._policy.method,
            sound=self._policy.sound,
            models=self._models,
            margin_us=margin_us(self._policy),
            regions=sorted(regions, key=lambda row: (row.start_us, row.end_us)),
            frames=self._frames,
            frames_masked=self._frames_masked,
            samples_muted=self._samples_muted,
        )


def joined(first: MaskRecord, *others: MaskRecord) -> MaskRecord:
    """One account of the pictures and the sound of one file."""
    rows = [first, *others]
    models = {model.sha256: model for row in rows for model in row.models}
    regions = sorted((region for row in rows for region in row.regions), key=lambda row: (row.start_us, row.end_us))
    return first.model_copy(
        update={
            "models": list(models.values()),
            "regions": regions,
            "frames": sum(row.frames for row in rows),
            "frames_masked": sum(row.frames_masked for row in rows),
            "samples_muted": sum(row.samples_muted for row in rows),
        }
    )


def _on_line(start: _Point, between: Sequence[_Point], end: _Point) -> bool:
    """Whether the points between lie within the tolerance of the line from start to end."""
    times = np.array([row[0] for row in between], dtype=np.float64)
    places = np.array([row[1] for row in between], dtype=np.float64)
    first, last = np.array(start[1], dtype=np.float64), np.array(end[1], dtype=np.float64)
    part = (times - start[0]) / (end[0] - start[0])
    made = first + (last - first) * part[:, np.newaxis]
    return bool((np.abs(made - places) <= TOLERANCE_PX).all())
