"""Whether two labels are the same statement: the one definition of moved, edited and accepted. Pure.

The stored diff of a submit, the mark `edited` and the report on pre-labels use it; the review page has its copy in
collector/web/src/model/diff.ts, and wire/conformance/changes.json holds both to it.

A place is the same within `SAME_PLACE`, turns are counted modulo 360 degrees, a track is the same while it is in the
same place on every frame, however many keyframes say so. Texts are compared in Unicode NFC. A language that a pre-label
did not name is no correction, nor is taking away a tracker's own marks by confirming a frame.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from operator import itemgetter
from typing import Any

import numpy as np

from prelabel.geometry.tracks import INTERPOLATED, TRACKER, boxes_at
from prelabel.quality.texts import spoken
from wire.labels import BaseLabel, Box, Interval, Keypoints, Label, Mask, Polygon, Span, Text, Track

SAME_PLACE = 0.011  # of a pixel, and of a degree: documents keep two decimals
_ABOUT_LABEL = ("score", "source", "edited", "expected")  # members that say who made it and how, not what it says


def same_place(before: Label, after: Label) -> bool:
    """Whether two labels are where and when the other is; False for different kinds."""
    if before.kind != after.kind:
        return False
    if isinstance(before, Track) and isinstance(after, Track):
        return _same_path(before, after)
    first, second = _place(before), _place(after)
    if isinstance(before, Box) and isinstance(after, Box):
        turn = math.remainder((after.rotation or 0.0) - (before.rotation or 0.0), 360)
        if abs(turn) > SAME_PLACE:
            return False
    return len(first) == len(second) and all(
        a == b if not (isinstance(a, float) and isinstance(b, float)) else math.isclose(a, b, abs_tol=SAME_PLACE)
        for a, b in zip(first, second, strict=True)
    )


def same_text(before: Label, after: Label) -> bool:
    """Whether what was said or written is the same."""
    return spoken(before) == spoken(after)


def same_attributes(before: Label, after: Label) -> bool:
    """Whether the attributes are the same, those of a track on every frame, and the language of a text."""
    if _own(before.attributes) != _own(after.attributes):
        return False
    if isinstance(before, Text) and isinstance(after, Text) and before.language not in (None, after.language):
        return False
    if isinstance(before, Track) and isinstance(after, Track):
        frames = sorted({row.frame for row in (*before.keyframes, *after.keyframes)})
        return _in_force(before, frames) == _in_force(after, frames)
    return True


def identical(before: Label, after: Label) -> bool:
    """Whether two labels say the same to the last digit, id included, whoever says it and however surely."""
    statement = _statement(type(before))
    return type(before) is type(after) and statement(vars(before)) == statement(vars(after))


@cache
def _statement(kind: type[BaseLabel]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """The values of those members of a kind of label that say what it says."""
    return itemgetter(*(name for name in kind.model_fields if name not in _ABOUT_LABEL))


def same_label(before: Label, after: Label) -> bool:
    """Whether two labels say the same, whoever says it and however surely."""
    return identical(before, after) or (
        before.label == after.label
        and before.parent == after.parent
        and same_place(before, after)
        and same_text(before, after)
        and same_attributes(before, after)
        and _words(before) == _words(after)
    )


def _words(label: Label) -> list[tuple[str, int, int]] | None:
    words = label.words if isinstance(label, Interval) else None
    return None if words is None else [(word.text, word.start_us, word.end_us) for word in words]


def _place(label: Label) -> list[Any]:
    """Everything that says where and when, as one flat list; the turn of a box is compared apart."""
    match label:
        case Box():
            return [
                float(label.x),
                float(label.y),
                float(label.width),
                float(label.height),
                label.frame,
                label.start_us,
            ]
        case Polygon() | Keypoints():
            return [label.frame, label.start_us, *(float(value) for point in label.points for value in point)]
        case Mask():
            return [label.frame, label.start_us, label.rle.size, label.rle.counts]
        case Interval():
            return [label.start_us, label.end_us, label.channel]
        case Span():
            return [label.start, label.end, label.parent]
        case _:
            return []


def _same_path(before: Track, after: Track) -> bool:
    """Both are linear between the keyframes of either, so these frames, and one in each gap, decide about all."""
    known = {row.frame: row.start_us for row in (*before.keyframes, *after.keyframes)}
    rows = sorted(known.items())
    gaps = [(a[0] + 1, (a[1] + b[1]) // 2) for a, b in pairwise(rows) if b[0] > a[0] + 1]
    moments = sorted({*rows, *gaps})
    frames, times = np.array(moments, dtype=np.int64).T
    (ours, ours_seen), (theirs, theirs_seen) = (boxes_at(track, frames, times) for track in (before, after))
    return bool((ours_seen == theirs_seen).all() and np.abs(ours - theirs).max(initial=0.0) <= SAME_PLACE)


def _own(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name not in (TRACKER, INTERPOLATED)}


def _in_force(track: Track, frames: Sequence[int]) -> list[dict[str, Any]]:
    """The attributes of the keyframes that rule some frames; before the first and after the last one there are none."""
    rows = track.keyframes
    starts = [row.frame for row in rows]
    ruling = [bisect_right(starts, frame) - 1 if frame <= starts[-1] else -1 for frame in frames]
    return [_own(rows[index].attributes) if index >= 0 else {} for index in ruling]
