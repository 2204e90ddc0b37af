"""From detections in single frames to tracks: the method of ByteTrack, for frames at any distance.

Detections at or above a score are assigned to the predicted places of the tracks, then the weaker ones to the tracks
left over; only strong ones start a track. What was seen fewer than three times is flicker and is dropped. Because the
labels are made after the take, each track is then followed backward too, to where it was only seen weakly.
Source: Zhang et al., ByteTrack, ECCV 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.assign import best_pairs
from prelabel.boxes import Detection
from prelabel.image.nms import iou_matrix
from prelabel.motion import Motion

Array = NDArray[Any]

STRONG_OVERLAP = 0.2
WEAK_OVERLAP = 0.5


@dataclass(frozen=True)
class PathPoint:
    """A track's box in one frame, float pixels. `score` None: not seen there, interpolated across a gap."""

    frame: int
    time_us: int
    x: float
    y: float
    width: float
    height: float
    score: float | None

    @property
    def interpolated(self) -> bool:
        return self.score is None


@dataclass(frozen=True)
class TrackPath:
    """One thing through the frames that were looked at; begins and ends with a sighting."""

    label: str
    points: tuple[PathPoint, ...]

    @property
    def hits(self) -> int:
        return sum(not point.interpolated for point in self.points)

    @property
    def score(self) -> float:
        """Mean score of the sightings."""
        return float(np.mean([point.score for point in self.points if point.score is not None]))


@dataclass(eq=False)
class _Running:
    label: str
    motion: Motion
    hits: list[tuple[int, Detection]] = field(default_factory=list)  # index of the push, detection


class Tracker:
    """Push the detections of each frame that was looked at, in order; `finish` gives the tracks.

    Args:
        score: detections from here on are strong and start tracks: the detector's `score`. Push all that its
            `floor` lets through, the weak ones hold a track that goes on.
        lost_us: how long a track is looked for after it was last seen.
        least_hits: tracks with fewer sightings are dropped.
    """

    def __init__(self, score: float = 0.35, lost_us: int = 1_500_000, least_hits: int = 3) -> None:
        self._score = score
        self._lost_us = lost_us
        self._least_hits = least_hits
        self._frames: list[tuple[int, int]] = []
        self._unclaimed: list[list[Detection]] = []
        self._running: list[_Running] = []
        self._ended: list[_Running] = []

    def push(self, frame_index: int, time_us: int, detections: Sequence[Detection]) -> None:
        """Take one frame's detections; an empty frame must be pushed too, it tells of a gap.

        Raises:
            ValueError: frame or time do not rise.
        """
        if self._frames and (frame_index <= self._frames[-1][0] or time_us <= self._frames[-1][1]):
            raise ValueError("frames and their times rise")
        number = len(self._frames)
        self._frames.append((frame_index, time_us))
        alive = [track for track in self._running if time_us - track.motion.time_us <= self._lost_us]
        self._ended += [track for track in self._running if track not in alive]
        self._running = alive
        strong = [row for row in detections if row.score >= self._score]
        weak = [row for row in detections if row.score < self._score]
        left, strong = self._match(number, alive, strong, STRONG_OVERLAP)
        _, weak = self._match(number, left, weak, WEAK_OVERLAP)
        for row in strong:
            self._running.append(_Running(row.label, Motion.start(time_us, _corners(row)), [(number, row)]))
        self._unclaimed.append(weak)

    def finish(self) -> list[TrackPath]:
        """The tracks seen often enough, in order of their first frame."""
        tracks = [track for track in self._ended + self._running if len(track.hits) >= self._least_hits]
        tracks.sort(key=lambda track: (track.hits[0][0], -len(track.hits)))
        for track in tracks:
            self._follow_back(track)
        paths = [TrackPath(track.label, tuple(self._points(track))) for track in tracks]
        return sorted(paths, key=lambda path: path.points[0].frame)

    def _match(
        self, number: int, tracks: list[_Running], detections: list[Detection], overlap: float
    ) -> tuple[list[_Running], list[Detection]]:
        """Give detections to tracks; what is left of both comes back."""
        time_us = self._frames[number][1]
        predicted = [track.motion.at(time_us) for track in tracks]
        pairs = best_pairs(_similarity(predicted, [track.label for track in tracks], detections), overlap)
        for row, column in pairs:
            hit = detections[column]
            tracks[row].motion = predicted[row].seen(_corners(hit), hit.score)
            tracks[row].hits.append((number, hit))
        rows, columns = {row for row, _ in pairs}, {column for _, column in pairs}
        return (
            [track for row, track in enumerate(tracks) if row not in rows],
            [hit for column, hit in enumerate(detections) if column not in columns],
        )

    def _follow_back(self, track: _Running) -> None:
        """Prepend weak sightings from before the track was strong enough to start."""
        motion: Motion | None = None
        for number, hit in reversed(track.hits):
            time_us = self._frames[number][1]
            box = _corners(hit)
            motion = Motion.start(time_us, box) if motion is None else motion.at(time_us).seen(box, hit.score)
        assert motion is not None, "a track has hits"
        for number in range(track.hits[0][0] - 1, -1, -1):
            time_us = self._frames[number][1]
            if motion.time_us - time_us > self._lost_us:
                return
            predicted = motion.at(time_us)
            free = self._unclaimed[number]
            pairs = best_pairs(_similarity([predicted], [track.label], free), WEAK_OVERLAP)
            if pairs:
                hit = free.pop(pairs[0][1])
                track.hits.insert(0, (number, hit))
                motion = predicted.seen(_corners(hit), hit.score)

    def _points(self, track: _Running) -> list[PathPoint]:
        seen = dict(track.hits)
        numbers = sorted(seen)
        rows: list[PathPoint] = []
        for number in range(numbers[0], numbers[-1] + 1):
            frame, time_us = self._frames[number]
            hit = seen.get(number)
            if hit is not None:
                rows.append(PathPoint(frame, time_us, hit.x, hit.y, hit.width, hit.height, hit.score))
                continue
            before = max(other for other in numbers if other < number)
            after = min(other for other in numbers if other > number)
            rows.append(self._between(number, before, after, seen))
        return rows

    def _between(self, number: int, before: int, after: int, seen: dict[int, Detection]) -> PathPoint:
        frame, time_us = self._frames[number]
        start_us, end_us = self._frames[before][1], self._frames[after][1]
        part = (time_us - start_us) / (end_us - start_us)
        first, last = _values(seen[before]), _values(seen[after])
        x, y, width, height = (a + (b - a) * part for a, b in zip(first, last, strict=True))
        return PathPoint(frame, time_us, x, y, width, height, None)


def _similarity(predicted: list[Motion], labels: list[str], detections: Sequence[Detection]) -> Array:
    """Overlap of tracks with detections of the same label, tracks x detections.

    Both boxes are grown by the doubt about the predicted place: at full frame rate this is plain IoU, and somebody
    who walks more than his own width between two looks is still found.
    """
    if not predicted or not detections:
        return np.zeros((len(predicted), len(detections)))
    boxes = np.stack([_corners(row) for row in detections])
    rows = []
    for motion, label in zip(predicted, labels, strict=True):
        grow = np.concatenate([-motion.doubt, motion.doubt])
        same = np.array([row.label == label for row in detections])
        rows.append(np.where(same, iou_matrix((motion.box + grow)[np.newaxis], boxes + grow)[0], 0.0))
    return np.stack(rows)


def _values(row: Detection) -> tuple[float, float, float, float]:
    return row.x, row.y, row.width, row.height


def _corners(row: Detection) -> Array:
    return np.array([row.x, row.y, row.x + row.width, row.y + row.height])
