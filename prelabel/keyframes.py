"""A track as its keyframes: as few as linear interpolation in time needs, and what they mean at each frame.

The meaning is that of contracts.md, Geometry and tracks; wire/conformance/tracks.json holds it for both languages.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prelabel.tracks import TrackPath
from wire.labels import Keyframe

Array = NDArray[Any]

DECIMALS = 2  # of a pixel: finer says nothing and makes documents long


class Place(NamedTuple):
    """A box in float pixels."""

    x: float
    y: float
    width: float
    height: float


def evaluate(keyframes: Sequence[Keyframe], frame: int, times_us: Sequence[int]) -> Place | None:
    """The box a track shows on a frame, or None.

    Linear in time between two visible keyframes, held from a visible to a hidden one, absent from a hidden one to the
    next visible one, before the first and after the last keyframe.

    Args:
        keyframes: of one track, rising.
        times_us: the frame table; the time of frame n is times_us[n].
    """
    index = bisect_right([row.frame for row in keyframes], frame) - 1
    if index < 0 or not 0 <= frame < len(times_us):
        return None
    left = keyframes[index]
    if not left.visible or (index + 1 == len(keyframes) and frame > left.frame):
        return None
    here = Place(left.x, left.y, left.width, left.height)
    if index + 1 == len(keyframes) or not keyframes[index + 1].visible:
        return here
    right = keyframes[index + 1]
    start, end = times_us[left.frame], times_us[right.frame]
    part = (times_us[frame] - start) / (end - start)
    there = (right.x, right.y, right.width, right.height)
    return Place(*(a + (b - a) * part for a, b in zip(here, there, strict=True)))


def reduce(path: TrackPath, times_us: Sequence[int], iou: float = 0.9) -> list[Keyframe]:
    """The fewest keyframes whose interpolation overlaps the path by `iou` or more at each of its frames.

    Keyframes are taken from the path's own points, rounded to 1/100 pixel. The last one is hidden and lies on the
    frame after the last sighting, when the video has such a frame. Points past the frame table (a torn take) are
    left out; without any point left the list is empty.

    Args:
        times_us: the frame table of the capture.
    """
    points = [point for point in path.points if point.frame < len(times_us)]
    while points and points[-1].interpolated:
        points.pop()
    if not points:
        return []
    exact = np.array([(point.x, point.y, point.width, point.height) for point in points], dtype=np.float64)
    rounded = np.round(exact, DECIMALS)
    times = np.array([times_us[point.frame] for point in points], dtype=np.int64)
    rows = [
        _keyframe(points[index].frame, times_us, rounded[index], visible=True)
        for index in _fewest(exact, rounded, times, iou)
    ]
    after = points[-1].frame + 1
    if after < len(times_us):
        rows.append(_keyframe(after, times_us, rounded[-1], visible=False))
    return rows


def _keyframe(frame: int, times_us: Sequence[int], box: Array, *, visible: bool) -> Keyframe:
    x, y, width, height = box.tolist()
    return Keyframe(
        frame=frame, start_us=times_us[frame], x=x, y=y, width=max(0.0, width), height=max(0.0, height), visible=visible
    )


def _fewest(exact: Array, rounded: Array, times: Array, iou: float) -> list[int]:
    """Indexes of a shortest chain from the first point to the last, each link good enough: breadth first.

    A greedy walk to the farthest good link is not the shortest chain, because a link may be good where a shorter
    one is not.
    """
    last = len(exact) - 1
    before = {0: 0}
    frontier = [0]
    while last not in before:
        following: list[int] = []
        for start in frontier:
            ends = [end for end in range(last, start, -1) if end not in before]
            for end in _reachable(exact, rounded, times, start, ends, iou):
                before[end] = start
                following.append(end)
            if last in before:
                break
        # From far points first: the chain that gets there with the most even links tends to be found.
        frontier = sorted(following, reverse=True)
    chain = [last]
    while chain[-1] != 0:
        chain.append(before[chain[-1]])
    return chain[::-1]


def _reachable(exact: Array, rounded: Array, times: Array, start: int, ends: list[int], iou: float) -> list[int]:
    """The ends whose link from `start` is good at every point between; the next point always is."""
    if not ends:
        return []
    far = np.array(ends)
    # One point in the middle rules out most links at once, before each is looked at whole.
    middle = (start + far) // 2
    likely = (_link_overlap(exact, rounded, times, start, far, middle) >= iou) | (far == start + 1)
    good: list[int] = []
    for end in far[likely].tolist():
        between = np.arange(start + 1, end)
        if bool((_link_overlap(exact, rounded, times, start, np.full(len(between), end), between) >= iou).all()):
            good.append(end)
    return good


def _link_overlap(exact: Array, rounded: Array, times: Array, start: int, ends: Array, at: Array) -> Array:
    """IoU of the path's boxes at `at` with the interpolation from `start` to `ends` (arrays of one length)."""
    part = (times[at] - times[start]) / (times[ends] - times[start])
    made = rounded[start] + (rounded[ends] - rounded[start]) * part[:, np.newaxis]
    true = exact[at]
    low = np.maximum(made[:, :2], true[:, :2])
    high = np.minimum(made[:, :2] + made[:, 2:], true[:, :2] + true[:, 2:])
    inner = np.clip(high - low, 0, None).prod(axis=1)
    union = made[:, 2:].prod(axis=1) + true[:, 2:].prod(axis=1) - inner
    overlap: Array = np.where(union > 0, inner / np.where(union > 0, union, 1.0), 1.0)
    return overlap
