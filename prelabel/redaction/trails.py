"""Trails: one object through its detections, and where it may be at any moment, detected or not.

Unlike the tracks that become labels nothing is dropped here and nothing is smoothed: a trail of one weak sighting
still masks. Between sightings a box is linear in time; before the first and after the last one it is where it was and
where its speed takes it, and everything between, growing with the doubt.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.geometry.assignment import best_pairs
from prelabel.geometry.detection import Detection
from prelabel.geometry.iou import iou_matrix
from prelabel.redaction import policy

Array = NDArray[Any]
_US = 1_000_000
_MIN_OVERLAP = 0.05
_SPEED_OVER_US = 400_000
# Shorter sides of the box a second: how fast something may go before its speed is known (who walks briskly covers ten
# widths of their face a second, and both ends of a step are grown by it), and how uncertain the speed is then. After
# `_MAX_DOUBT` sides it grows no further.
_UNKNOWN_SPEED, _MAX_DOUBT_UNKNOWN = 5.0, 2.0
_KNOWN_SPEED, _MAX_DOUBT = 0.5, 1.0


@dataclass(eq=False)
class Trail:
    """`boxes` are x1, y1, x2, y2 at the rising `times_us`; `strong`: one sighting reached the detector's own score.

    `owners`: for a face, the number of the person it sat on at each sighting, None for nobody or not certain.
    `faces_us`: for a person, the times at which a certain face was on it.
    """

    number: int
    first_us: int
    times_us: list[int] = field(default_factory=list)
    boxes: list[Array] = field(default_factory=list)
    hits: int = 0
    strong: bool = False
    owners: list[int | None] = field(default_factory=list)
    faces_us: list[int] = field(default_factory=list)

    def add(self, time_us: int, box: Array, strong: bool) -> None:
        self.times_us.append(time_us)
        self.boxes.append(box)
        self.owners.append(None)
        self.hits += 1
        self.strong = self.strong or strong

    def drop_before(self, time_us: int) -> None:
        """Drop sightings that no frame in the ring can need; the last two stay for the speed."""
        drop = min(bisect_left(self.times_us, time_us), max(0, len(self.times_us) - 2))
        del self.times_us[:drop], self.boxes[:drop], self.owners[:drop]
        del self.faces_us[: bisect_left(self.faces_us, time_us)]

    @property
    def last_us(self) -> int:
        return self.times_us[-1]

    def expected(self, time_us: int) -> Array:
        """Where it would be at a later time, grown by the doubt: what a new sighting is compared with."""
        late = time_us - self.last_us
        moved = self.boxes[-1] + self._speed(end=True) * late / _US
        return _grown(moved, _doubt(late, self.hits > 1))

    def reach(self, time_us: int, margin_us: int) -> Array | None:
        """The box that surely holds it at a time, or None when it is out of reach.

        Union of the place its own time gives and of every sighting within `UNION_US`, both for sightings on the two
        sides and for the stretches where it was lost.
        """
        if not self.hits > 1 and not self.strong:
            margin_us = min(margin_us, policy.WEAK_REACH_US)
        first, last = self.times_us[0], self.times_us[-1]
        if time_us < first - margin_us or time_us > last + margin_us:
            return None
        near = [self._at(time_us)]
        low = bisect_left(self.times_us, time_us - policy.UNION_US)
        high = bisect_right(self.times_us, time_us + policy.UNION_US)
        return _union([*near, *self.boxes[low:high]])

    def _at(self, time_us: int) -> Array:
        first, last = self.times_us[0], self.times_us[-1]
        if time_us < first or time_us > last:
            end = time_us > last
            there, away = (self.boxes[-1], time_us - last) if end else (self.boxes[0], time_us - first)
            moved = there + self._speed(end=end) * away / _US
            return _grown(_union([there, moved]), _doubt(abs(away), self.hits > 1), _side(there))
        after = bisect_left(self.times_us, time_us)
        if self.times_us[after] == time_us:
            return self.boxes[after]
        start, stop = self.times_us[after - 1], self.times_us[after]
        part = (time_us - start) / (stop - start)
        between = self.boxes[after - 1] + (self.boxes[after] - self.boxes[after - 1]) * part
        grown = _grown(between, _doubt(min(time_us - start, stop - time_us), True))
        if stop - start <= policy.LOOK_LIMIT_US:
            return grown
        # It was missed for longer: it may have stopped anywhere between the two.
        return _union([grown, self.boxes[after - 1], self.boxes[after]])

    def _speed(self, *, end: bool) -> Array:
        """Pixels per second of the four edges at one end of the trail, as far as two sightings tell."""
        if len(self.times_us) < 2:
            return np.zeros(4)
        if end:
            other = min(len(self.times_us) - 2, bisect_left(self.times_us, self.last_us - _SPEED_OVER_US))
            pair = (other, len(self.times_us) - 1)
        else:
            pair = (0, max(1, bisect_right(self.times_us, self.times_us[0] + _SPEED_OVER_US) - 1))
        first, second = self.boxes[pair[0]], self.boxes[pair[1]]
        speed = (second - first) * _US / (self.times_us[pair[1]] - self.times_us[pair[0]])
        # The whole moves; edges that come together at the picture's border do not make it vanish.
        middle = np.array([speed[0] + speed[2], speed[1] + speed[3]]) / 2
        return np.tile(middle, 2)


class Trails:
    """The trails of one kind. `update` takes the sightings of one moment; moments rise.

    Args:
        score: a sighting from here on is strong.
        lost_us: a trail is continued when it was last seen at most this long ago.
    """

    def __init__(self, score: float, lost_us: int) -> None:
        self._score, self._lost_us = score, lost_us
        self._numbers = count()
        self.trails: list[Trail] = []

    def update(self, time_us: int, found: Sequence[Detection], scale: tuple[float, float]) -> list[Trail]:
        """The trail of each sighting, in its order; new ones are begun. `scale` converts to pixels of the picture."""
        boxes = [_corners(row.scaled(*scale)) for row in found]
        alive = [trail for trail in self.trails if time_us - trail.last_us <= self._lost_us]
        taken: dict[int, Trail] = {}
        if alive and boxes:
            worth = np.stack([_overlap(trail, time_us, boxes) for trail in alive])
            taken = {column: alive[row] for row, column in best_pairs(worth, _MIN_OVERLAP)}
        rows = []
        for number, (row, box) in enumerate(zip(found, boxes, strict=True)):
            trail = taken.get(number)
            if trail is None:
                trail = Trail(next(self._numbers), time_us)
                self.trails.append(trail)
            trail.add(time_us, box, row.score >= self._score)
            rows.append(trail)
        return rows

    def drop_before(self, time_us: int) -> None:
        """Drop what no frame from `time_us` on can need."""
        self.trails = [trail for trail in self.trails if trail.last_us >= time_us]
        for trail in self.trails:
            trail.drop_before(time_us)


def _overlap(trail: Trail, time_us: int, boxes: Sequence[Array]) -> Array:
    """Overlap with the expected place; both are grown alike, so that a fast thing is still found."""
    grow = _doubt(time_us - trail.last_us, trail.hits > 1)
    grown = np.stack([_grown(box, grow) for box in boxes])
    overlap: Array = iou_matrix(trail.expected(time_us)[np.newaxis], grown)[0]
    return overlap


def _doubt(away_us: int, speed_known: bool) -> float:
    """How far an edge may be from where it is expected, in parts of the box's shorter side."""
    seconds = abs(away_us) / _US
    if speed_known:
        return min(_MAX_DOUBT, seconds * _KNOWN_SPEED)
    return min(_MAX_DOUBT_UNKNOWN, seconds * _UNKNOWN_SPEED)


def _grown(box: Array, doubt: float, side: float | None = None) -> Array:
    by = doubt * (_side(box) if side is None else side)
    grown: Array = box + np.array([-by, -by, by, by])
    return grown


def grow(box: Array, factor: float) -> Array:
    """The box about its own middle, `factor` times as large."""
    centre = (box[:2] + box[2:]) / 2
    half = (box[2:] - box[:2]) / 2 * factor
    return np.concatenate([centre - half, centre + half])


def _side(box: Array) -> float:
    return float(max(1.0, min(box[2] - box[0], box[3] - box[1])))


def _union(boxes: Sequence[Array]) -> Array:
    rows = np.stack(boxes)
    return np.concatenate([rows[:, :2].min(axis=0), rows[:, 2:].max(axis=0)])


def _corners(row: Detection) -> Array:
    return np.array([row.x, row.y, row.x + row.width, row.y + row.height])
