"""Where a track is on one frame, or on many at once. Pure.

The meaning is that of contracts.md, Geometry and tracks; wire/conformance/tracks.json holds it for both languages.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prelabel.geometry.areas import Size
from wire.labels import Keyframe, Track

Array = NDArray[Any]
INTERPOLATED = "interpolated"  # the attribute of keyframes whose frames nobody saw the thing on
TRACKER = "tracker"  # the attribute of tracks with what their tracker measured, `TrackPath.measured`


class UprightBox(NamedTuple):
    """An upright box in float pixels of the stored image."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        return self.width * self.height

    def clipped(self, width: float, height: float) -> UprightBox | None:
        """The part inside a picture of that size; None when nothing of it is."""
        left, top = max(0.0, self.x), max(0.0, self.y)
        right, bottom = min(width, self.x + self.width), min(height, self.y + self.height)
        return UprightBox(left, top, right - left, bottom - top) if right > left and bottom > top else None


def box_at(track: Track, frame: int, time_us: int) -> UprightBox | None:
    """The box of a track on a frame whose media time is `time_us`; None where the track is not in the picture.

    Linear in time between two visible keyframes; held between a visible and a hidden one; absent from a hidden
    keyframe on until the next visible one; absent before the first keyframe and after the frame of the last.
    """
    rows = track.keyframes
    index = bisect_right(rows, frame, key=_frame_of) - 1
    if index < 0 or frame > rows[-1].frame or not rows[index].visible:
        return None
    here = rows[index]
    start = UprightBox(here.x, here.y, here.width, here.height)
    if frame == here.frame or not rows[index + 1].visible:
        return start
    there = rows[index + 1]
    share = (time_us - here.start_us) / (there.start_us - here.start_us)
    return UprightBox(
        here.x + share * (there.x - here.x),
        here.y + share * (there.y - here.y),
        here.width + share * (there.width - here.width),
        here.height + share * (there.height - here.height),
    )


def compared_moments(tracks: Sequence[Track], times_us: Sequence[int] | None) -> tuple[Array, Array]:
    """The frames (int64 [F]) and their times at which tracks are compared, from the first keyframe to the last.

    Keyframes past the end of the frame table (a torn take) are left out.
    """
    if times_us is None:
        known = {row.frame: row.start_us for track in tracks for row in track.keyframes}
        frames = np.array(sorted(known), dtype=np.int64)
        return frames, np.array([known[frame] for frame in frames.tolist()], dtype=np.int64)
    first = min((track.keyframes[0].frame for track in tracks), default=0)
    last = max((track.keyframes[-1].frame for track in tracks), default=-1)
    frames = np.arange(first, min(last + 1, len(times_us)), dtype=np.int64)
    return frames, np.asarray(times_us, dtype=np.int64)[frames]


def boxes_at(track: Track, frames: Array, times_us: Array, size: Size | None = None) -> tuple[Array, Array]:
    """Boxes (x1, y1, x2, y2; [F, 4]) of a track on frames, and a mask [F] of where it is seen.

    Linear in time between two visible keyframes, held from a visible to a hidden one, absent from a hidden one to the
    next visible one, before the first keyframe and after the last.
    """
    rows = track.keyframes
    at = np.array([row.frame for row in rows], dtype=np.int64)
    start = np.array([row.start_us for row in rows], dtype=np.int64)
    seen = np.array([row.visible for row in rows])
    boxes = np.array([(row.x, row.y, row.x + row.width, row.y + row.height) for row in rows], dtype=np.float64)
    inside = (frames >= at[0]) & (frames <= at[-1])
    inside &= seen[np.maximum(np.searchsorted(at, frames, side="right") - 1, 0)]
    # A hidden keyframe is where the object was last seen: linear from there to there is to hold.
    boxes = boxes[np.maximum.accumulate(np.where(seen, np.arange(len(rows)), 0))]
    made = cut_boxes(np.stack([np.interp(times_us, start, column) for column in boxes.T], axis=1), size)
    made[~inside] = 0.0
    return made, inside


def cut_boxes(boxes: Array, size: Size | None) -> Array:
    """Boxes (x1, y1, x2, y2; [F, 4]) cut at the edge of a picture of (width, height); as they are when None."""
    if size is None:
        return boxes
    width, height = size
    return np.clip(boxes, 0, np.array([width, height, width, height], dtype=np.float64))


def attributes_at(track: Track, frame: int) -> dict[str, object]:
    """The track's attributes with those of the keyframe that rules the frame: they hold from it on.

    Tracker diagnostics are not attributes of the object.
    """
    index = bisect_right(track.keyframes, frame, key=_frame_of) - 1
    own = {name: value for name, value in track.attributes.items() if name != TRACKER}
    return {**own, **(track.keyframes[index].attributes if index >= 0 else {})}


def _frame_of(row: Keyframe) -> int:
    return row.frame


def hull(points: list[float]) -> UprightBox:
    """The upright box around x1, y1, x2, y2, …"""
    xs, ys = points[0::2], points[1::2]
    return UprightBox(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
