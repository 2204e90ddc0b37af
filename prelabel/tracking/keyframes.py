"""A track as its keyframes: as few as linear interpolation in time needs (defined in geometry/tracks.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.geometry.detection import DECIMALS
from prelabel.geometry.tracks import INTERPOLATED
from prelabel.tracking.keyframe_reduction import fewest
from prelabel.tracking.tracker import PathPoint, TrackPath
from wire.labels import Keyframe

Array = NDArray[Any]

MIN_GAP_US = 200_000  # between two sightings with two missed looks or more between them
ONE_LOOK_GAP_US = 1_000_000  # … with a single one
STRETCH = 2_000  # points: the search is quadratic, and a keyframe more in a minute costs nobody anything


def reduce(path: TrackPath, times_us: Sequence[int], iou: float = 0.9) -> list[Keyframe]:
    """The fewest keyframes whose interpolation overlaps the path by `iou` or more at each of its frames.

    Keyframes are taken from the path's own points, rounded to 1/100 pixel; in a path of more than `STRETCH` points
    every such one is a keyframe, and between them they are the fewest. The last one is hidden and lies on the
    frame after the last sighting, when the video has such a frame. A gap is marked when two looks or more in a row
    missed the thing and `MIN_GAP_US` or more lie between the sightings, or a single look and `ONE_LOOK_GAP_US`: the
    keyframe on the first frame after the one sighting carries `attributes.interpolated`, the keyframe on the other
    sighting does not, so that exactly the frames nobody saw it on are marked. Points past the frame table (a torn
    take) are left out; without any point left the list is empty.

    Args:
        times_us: the frame table of the capture.
    """
    points = [point for point in path.points if point.frame < len(times_us)]
    while points and points[-1].interpolated:
        points.pop()
    if not points:
        return []
    line = _Line.of(points, times_us)
    rows = [
        _keyframe(int(line.frames[index]), times_us, line.rounded[index], marked=bool(line.unseen[index]))
        for index in _chain(line, iou)
    ]
    after = points[-1].frame + 1
    if after < len(times_us):
        rows.append(_keyframe(after, times_us, line.rounded[-1], visible=False))
    return rows


@dataclass(frozen=True, eq=False)
class _Line:
    """The points of a path as arrays of one length, the first frame of each marked gap among them.

    `unseen`: lies in a marked gap. `turns`: where keyframes must be, because a mark begins or ends.
    """

    frames: Array
    times: Array
    exact: Array
    rounded: Array
    unseen: Array
    turns: list[int]

    @classmethod
    def of(cls, points: Sequence[PathPoint], times_us: Sequence[int]) -> _Line:
        frames = np.array([point.frame for point in points], dtype=np.int64)
        exact = np.array([(point.x, point.y, point.width, point.height) for point in points], dtype=np.float64)
        table = np.asarray(times_us, dtype=np.int64)
        seen = np.flatnonzero([not point.interpolated for point in points])
        before, behind = seen[:-1], seen[1:]
        patience = np.where(behind - before > 2, MIN_GAP_US, ONE_LOOK_GAP_US)
        long = (behind - before > 1) & (table[frames[behind]] - table[frames[before]] >= patience)
        first, end = frames[before[long]] + 1, frames[behind[long]]
        # The detector did not get every frame: the first one of a gap may lie between two of its frames.
        every = np.union1d(frames, first)
        times = table[every]
        boxes = np.stack([np.interp(times, table[frames], row) for row in exact.T], axis=1)
        boxes[np.searchsorted(every, frames)] = exact
        gap = np.searchsorted(first, every, side="right") - 1
        unseen = (gap >= 0) & (every < end[gap]) if len(first) else np.zeros(len(every), dtype=bool)
        turns = np.searchsorted(every, np.union1d(first, end)).tolist()
        return cls(every, times, boxes, np.round(boxes, DECIMALS), unseen, turns)


def _chain(line: _Line, iou: float) -> list[int]:
    """The indexes of the keyframes: the fewest from turn to turn, and from each `STRETCH` to the next."""
    ends = sorted({*range(0, len(line.frames), STRETCH), *line.turns, len(line.frames) - 1})
    chain = [0]
    for start, end in pairwise(ends):
        part = slice(start, end + 1)
        links = fewest(line.exact[part], line.rounded[part], line.times[part], iou)
        chain += [start + index for index in links[1:]]
    return chain


def _keyframe(
    frame: int, times_us: Sequence[int], box: Array, *, visible: bool = True, marked: bool = False
) -> Keyframe:
    x, y, width, height = box.tolist()
    return Keyframe(
        frame=frame,
        start_us=times_us[frame],
        x=x,
        y=y,
        width=max(0.0, width),
        height=max(0.0, height),
        visible=visible,
        attributes={INTERPOLATED: True} if marked else {},
    )
