"""Where a track is on a frame. Pure; contracts.md, Geometry and tracks."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from wire.labels import Keyframe, Track

INTERPOLATED = "interpolated"  # the attribute of keyframes whose frames nobody saw the thing on
TRACKER = "tracker"  # the attribute of tracks with what their tracker measured, `TrackPath.measured`


@dataclass(frozen=True)
class Place:
    """An upright box in float pixels of the stored image."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        return self.width * self.height

    def clipped(self, width: float, height: float) -> Place | None:
        """The part inside a picture of that size; None when nothing of it is."""
        left, top = max(0.0, self.x), max(0.0, self.y)
        right, bottom = min(width, self.x + self.width), min(height, self.y + self.height)
        return Place(left, top, right - left, bottom - top) if right > left and bottom > top else None


def place_at(track: Track, frame: int, time_us: int) -> Place | None:
    """The box of a track on a frame whose media time is `time_us`; None where the track is not in the picture.

    Linear in time between two visible keyframes; held between a visible and a hidden one; absent from a hidden
    keyframe on until the next visible one; absent before the first keyframe and after the frame of the last.
    """
    rows = track.keyframes
    index = bisect_right(rows, frame, key=_frame_of) - 1
    if index < 0 or frame > rows[-1].frame or not rows[index].visible:
        return None
    here = rows[index]
    start = Place(here.x, here.y, here.width, here.height)
    if frame == here.frame or not rows[index + 1].visible:
        return start
    there = rows[index + 1]
    share = (time_us - here.start_us) / (there.start_us - here.start_us)
    return Place(
        here.x + share * (there.x - here.x),
        here.y + share * (there.y - here.y),
        here.width + share * (there.width - here.width),
        here.height + share * (there.height - here.height),
    )


def attributes_at(track: Track, frame: int) -> dict[str, object]:
    """The track's attributes with those of the keyframe that rules the frame: they hold from it on.

    What a tracker measured of its own work is none of the thing's.
    """
    index = bisect_right(track.keyframes, frame, key=_frame_of) - 1
    own = {name: value for name, value in track.attributes.items() if name != TRACKER}
    return {**own, **(track.keyframes[index].attributes if index >= 0 else {})}


def _frame_of(row: Keyframe) -> int:
    return row.frame


def hull(points: list[float]) -> Place:
    """The upright box around x1, y1, x2, y2, …"""
    xs, ys = points[0::2], points[1::2]
    return Place(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
