"""From detections in single frames to tracks: associated forward and backward, mended, smoothed, gaps filled.

Because labels are made after the take, the frames are passed twice: forward as they come, and backward at the end.
Where the two agree they are believed, where they differ the motion on both sides decides (stitching.py). What was
seen well fewer than three times (or at fewer than all looks, where there were one or two), or blinks, is dropped. What
stays is smoothed (smoothing.py), and its gaps are filled by straight lines in time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.geometry.detection import Detection
from prelabel.tracking.association import Pass, corners
from prelabel.tracking.smoothing import smooth
from prelabel.tracking.stitching import Stitched, stitch

Array = NDArray[Any]

# What is seen in less than this share of the looks between its first and its last sighting blinks: no thing does.
BLINK = 0.25
LOST_LOOKS = 3.5
MIN_SHARE = 0.005  # what rounds to one in a hundred
JUMP = 0.5  # IoU of a sighting with where the sightings around it would have it; below, the box jumped


@dataclass(frozen=True)
class PathPoint:
    """A track's box in one frame, float pixels, smoothed. `score` None: not seen there, interpolated across a gap.

    `sighting`: x, y, width, height as the detector gave them; the box overlaps them by IoU 0.8 or more.
    """

    frame: int
    time_us: int
    x: float
    y: float
    width: float
    height: float
    score: float | None
    sighting: tuple[float, float, float, float] | None = None

    @property
    def interpolated(self) -> bool:
        return self.score is None


@dataclass(frozen=True)
class TrackPath:
    """One object through the frames the detector got; begins and ends with a sighting.

    `mismatch`: share 0..1 of the steps from sighting to sighting that the forward and the backward pass did not both
    make, of those that both could. `strong`: the score from which a sighting counts alone.
    """

    label: str
    points: tuple[PathPoint, ...]
    mismatch: float = 0.0
    strong: float = 0.0

    @property
    def hits(self) -> int:
        return sum(not point.interpolated for point in self.points)

    @property
    def score(self) -> float:
        """Mean score of the strong sightings: the weak ones only show where the object is."""
        scores = [point.score for point in self.points if point.score is not None]
        return float(np.mean([score for score in scores if score >= self.strong] or scores))

    @property
    def gaps(self) -> float:
        """Share 0..1 of its looks in which it was not seen."""
        return 1 - self.hits / len(self.points)

    @property
    def jumps(self) -> float:
        """Share 0..1 of its inner sightings that lie apart (IoU below `JUMP`) from the line between their neighbours.

        Counted from what the detector saw, not from the smoothed boxes.
        """
        seen = [point for point in self.points if point.sighting is not None]
        if len(seen) < 3:
            return 0.0
        boxes = np.array([point.sighting for point in seen])
        times = np.array([point.time_us for point in seen], dtype=np.float64)
        part = ((times[1:-1] - times[:-2]) / (times[2:] - times[:-2]))[:, np.newaxis]
        meant = boxes[:-2] + (boxes[2:] - boxes[:-2]) * part
        return float((_overlap(boxes[1:-1], meant) < JUMP).mean())

    @property
    def measured(self) -> dict[str, float]:
        """`gaps`, `jumps` and `mismatch`, as far as they are anything: smoothed keyframes show nothing of them."""
        shares = {"gaps": self.gaps, "jumps": self.jumps, "mismatch": self.mismatch}
        return {name: round(share, 2) for name, share in shares.items() if share >= MIN_SHARE}


class Tracker:
    """Push the detections of each frame the detector got, in order; `finish` gives the tracks.

    Args:
        strong: from which score on a detection of a label is strong and starts a track: the detector's `threshold`.
            Push all that its `floor` lets through, the weak ones continue a track.
        lost_us: how long a track is searched after it was last seen; LOST_LOOKS looks at least.
        least_hits: tracks with fewer strong sightings are dropped, unless there were fewer looks.
    """

    def __init__(self, strong: Callable[[str], float], lost_us: int = 1_500_000, least_hits: int = 3) -> None:
        self._strong = strong
        self._lost_us = lost_us
        self._least_hits = least_hits
        self._frames: list[tuple[int, int]] = []
        self._sightings: list[Detection] = []
        self._look_of: list[int] = []

    def push(self, frame_index: int, time_us: int, detections: Sequence[Detection]) -> None:
        """Take one frame's detections; an empty frame must be pushed too, it marks a gap.

        Raises:
            ValueError: frame or time do not rise.
        """
        if self._frames and (frame_index <= self._frames[-1][0] or time_us <= self._frames[-1][1]):
            raise ValueError("frames and their times rise")
        self._sightings += detections
        self._look_of += [len(self._frames)] * len(detections)
        self._frames.append((frame_index, time_us))

    def finish(self) -> list[TrackPath]:
        """The tracks seen often enough, in order of their first frame."""
        if not self._sightings:
            return []
        times_us = [time_us for _, time_us in self._frames]
        lost_us = self._search_us(times_us)
        forward, backward = Pass(self._strong, lost_us), Pass(self._strong, lost_us)
        seen: list[list[tuple[int, Detection]]] = [[] for _ in times_us]
        for number, look in enumerate(self._look_of):
            seen[look].append((number, self._sightings[number]))
        for time_us, rows in zip(times_us, seen, strict=True):
            forward.update(time_us, rows)
        numbers = reversed(range(len(self._sightings)))
        for look, group in groupby(numbers, key=lambda number: self._look_of[number]):
            backward.update(self._frames[look][1], [(number, self._sightings[number]) for number in sorted(group)])
        tracks = stitch(times_us, self._look_of, self._sightings, forward, backward, lost_us)
        paths = [self._path(track) for track in tracks if self._is_object(track)]
        return sorted(paths, key=lambda path: path.points[0].frame)

    def _search_us(self, times_us: Sequence[int]) -> int:
        """`lost_us`, or the time of a few looks where these are far apart."""
        steps = np.diff(times_us)
        return max(self._lost_us, round(LOST_LOOKS * float(np.median(steps)))) if len(steps) else self._lost_us

    def _is_object(self, track: Stitched) -> bool:
        first, last = self._look_of[track.sightings[0]], self._look_of[track.sightings[-1]]
        hits = [self._sightings[number] for number in track.sightings]
        strong = sum(hit.score >= self._strong(hit.label) for hit in hits)
        return strong >= min(self._least_hits, len(self._frames)) and len(hits) >= BLINK * (last - first + 1)

    def _path(self, track: Stitched) -> TrackPath:
        hits = [self._sightings[number] for number in track.sightings]
        looks = np.array([self._look_of[number] for number in track.sightings])
        times = [self._frames[look][1] for look in looks]
        boxes = smooth(times, np.stack([corners(hit) for hit in hits]), [hit.score for hit in hits])
        every = range(int(looks[0]), int(looks[-1]) + 1)
        filled = np.stack([np.interp([self._frames[look][1] for look in every], times, row) for row in boxes.T])
        seen = dict(zip(looks.tolist(), hits, strict=True))
        points = [self._point(look, box, seen.get(look)) for look, box in zip(every, filled.T.tolist(), strict=True)]
        label = hits[0].label
        return TrackPath(label, tuple(points), track.disputed / max(1, len(hits) - 1), self._strong(label))

    def _point(self, look: int, box: list[float], hit: Detection | None) -> PathPoint:
        frame, time_us = self._frames[look]
        x1, y1, x2, y2 = box
        score = hit.score if hit else None
        sighting = (hit.x, hit.y, hit.width, hit.height) if hit else None
        return PathPoint(frame, time_us, x1, y1, x2 - x1, y2 - y1, score, sighting)


def _overlap(first: Array, second: Array) -> Array:
    """IoU of boxes (x, y, width, height), row by row."""
    low = np.maximum(first[:, :2], second[:, :2])
    high = np.minimum(first[:, :2] + first[:, 2:], second[:, :2] + second[:, 2:])
    inner = np.clip(high - low, 0, None).prod(axis=1)
    union = first[:, 2:].prod(axis=1) + second[:, 2:].prod(axis=1) - inner
    overlap: Array = np.divide(inner, union, out=np.ones_like(inner), where=union > 0)
    return overlap
