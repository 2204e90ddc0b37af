"""How much two labels share, 0..1, for every kind.

Boxes: intersection over union (turned boxes by their corners). Polygons and masks: by area. Keypoints: object keypoint
similarity (poses.py). Polylines: by the upright box around them. Tracks: intersection over union summed over the
frames on which either is seen (as Yang et al., Video Instance Segmentation, ICCV 2019). Intervals and spans: by length.
Texts: 1 when equal, else 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.geometry.areas import Size, outline_overlaps
from prelabel.geometry.iou import iou_matrix
from prelabel.geometry.poses import pose_overlaps
from prelabel.geometry.tracks import boxes_at, compared_moments, cut_boxes
from prelabel.geometry.validity import box_outline, geometry_fault
from wire.labels import Box, Label, Mask, Polygon, Track

Array = NDArray[Any]
BLOCK = 4096  # frames compared at once: an hour of ten people would not fit in memory as a whole


def overlap_table(
    first: Sequence[Label], second: Sequence[Label], times_us: Sequence[int] | None = None, size: Size | None = None
) -> Array:
    """What each label of the first list shares with each of the second, N x M; 0 for different kinds or frames.

    Args:
        times_us: the frame table, for tracks; without it they are compared at the keyframes of both lists.
        size: (width, height) of the picture; boxes, turned or not, and polygons are cut at its edge first.

    The second list is the truth where a measure takes sides (keypoints).
    """
    table = np.zeros((len(first), len(second)))
    for kind in sorted({label.kind for label in first} & {label.kind for label in second}):
        rows = [index for index, label in enumerate(first) if label.kind == kind]
        columns = [index for index, label in enumerate(second) if label.kind == kind]
        ours, theirs = [first[index] for index in rows], [second[index] for index in columns]
        if kind == "track":
            part = track_overlaps(_tracks(ours), _tracks(theirs), times_us, size)
        elif kind in ("box", "polygon"):
            part = (_boxes if kind == "box" else _polygons)(ours, theirs, size)
        else:
            part = _MEASURES[kind](ours, theirs)
        table[np.ix_(rows, columns)] = part
    return table


def track_similarity(
    first: Sequence[Track], second: Sequence[Track], times_us: Sequence[int] | None, size: Size | None
) -> tuple[Array, Array, Array]:
    """IoU on every frame [F, N, M], and where each track of the two lists is seen, [F, N] and [F, M]."""
    frames, times = compared_moments([*first, *second], times_us)
    ours, ours_seen = _stacked(first, frames, times, size)
    theirs, theirs_seen = _stacked(second, frames, times, size)
    iou = np.zeros((len(frames), len(first), len(second)))
    for at in range(0, len(frames), BLOCK):
        part = slice(at, at + BLOCK)
        inner, area_a, area_b = _shared(ours[part], theirs[part])
        union = area_a[:, :, np.newaxis] + area_b[:, np.newaxis, :] - inner
        np.divide(inner, union, out=iou[part], where=union > 0)
    return iou, ours_seen, theirs_seen


def track_overlaps(
    first: Sequence[Track], second: Sequence[Track], times_us: Sequence[int] | None, size: Size | None = None
) -> Array:
    """Shared area over united area, both summed over frames, N x M."""
    frames, times = compared_moments([*first, *second], times_us)
    ours, _ = _stacked(first, frames, times, size)
    theirs, _ = _stacked(second, frames, times, size)
    shared = np.zeros((len(first), len(second)))
    for at in range(0, len(frames), BLOCK):
        inner, _, _ = _shared(ours[at : at + BLOCK], theirs[at : at + BLOCK])
        shared += inner.sum(axis=0)
    union = _area(ours).sum(axis=0)[:, np.newaxis] + _area(theirs).sum(axis=0)[np.newaxis, :] - shared
    table: Array = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return table


def length_overlaps(first: Array, second: Array) -> Array:
    """Intersection over union of half-open stretches (start, end), N x 2 and M x 2, as N x M."""
    low = np.maximum(first[:, np.newaxis, 0], second[np.newaxis, :, 0])
    high = np.minimum(first[:, np.newaxis, 1], second[np.newaxis, :, 1])
    shared = np.clip(high - low, 0, None).astype(np.float64)
    union = (first[:, 1] - first[:, 0])[:, np.newaxis] + (second[:, 1] - second[:, 0])[np.newaxis, :] - shared
    table: Array = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return table


def _tracks(labels: Sequence[Label]) -> list[Track]:
    return [label for label in labels if isinstance(label, Track)]


def _stacked(tracks: Sequence[Track], frames: Array, times: Array, size: Size | None) -> tuple[Array, Array]:
    if not tracks:
        return np.zeros((len(frames), 0, 4)), np.zeros((len(frames), 0), dtype=bool)
    found = [boxes_at(track, frames, times, size) for track in tracks]
    return np.stack([boxes for boxes, _ in found], axis=1), np.stack([seen for _, seen in found], axis=1)


def _shared(first: Array, second: Array) -> tuple[Array, Array, Array]:
    """Shared areas [F, N, M] and own areas [F, N], [F, M] of boxes [F, N, 4] and [F, M, 4]."""
    # Coordinate by coordinate: numpy is slow over an axis of length two.
    width = _common(first[..., 0], first[..., 2], second[..., 0], second[..., 2])
    height = _common(first[..., 1], first[..., 3], second[..., 1], second[..., 3])
    return width * height, _area(first), _area(second)


def _common(low: Array, high: Array, other_low: Array, other_high: Array) -> Array:
    """Shared lengths [F, N, M] of stretches given by their ends, [F, N] and [F, M]."""
    ends = np.minimum(high[:, :, np.newaxis], other_high[:, np.newaxis, :])
    length: Array = np.maximum(ends - np.maximum(low[:, :, np.newaxis], other_low[:, np.newaxis, :]), 0)
    return length


def _area(boxes: Array) -> Array:
    area: Array = np.maximum(boxes[..., 2] - boxes[..., 0], 0) * np.maximum(boxes[..., 3] - boxes[..., 1], 0)
    return area


def _boxes(first: Sequence[Any], second: Sequence[Any], size: Size | None) -> Array:
    ours, theirs = _corners(first), _corners(second)
    table = iou_matrix(cut_boxes(ours, size), cut_boxes(theirs, size))
    turned = _turned(first)[:, np.newaxis] | _turned(second)[np.newaxis, :]
    if turned.any():
        table = np.where(turned, outline_overlaps(_outlines(first), _outlines(second), size), table)
    return np.where(_same_frame(first, second), table, 0.0)


def _outlines(boxes: Sequence[Box]) -> list[Array]:
    return [np.array(box_outline(box)) for box in boxes]


def _corners(boxes: Sequence[Box]) -> Array:
    rows = [(box.x, box.y, box.x + box.width, box.y + box.height) for box in boxes]
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def _turned(boxes: Sequence[Box]) -> Array:
    return np.array([bool(box.rotation) for box in boxes])


def _same_frame(first: Sequence[Any], second: Sequence[Any]) -> Array:
    ours = np.array([-1 if row.frame is None else row.frame for row in first])
    theirs = np.array([-1 if row.frame is None else row.frame for row in second])
    same: Array = ours[:, np.newaxis] == theirs[np.newaxis, :]
    return same


def _masks(first: Sequence[Any], second: Sequence[Any]) -> Array:
    from faster_coco_eval.core import mask

    def runs(label: Mask) -> dict[str, Any]:
        return {"size": list(label.rle.size), "counts": label.rle.counts.encode()}

    # Masks of pictures of different size are of different pictures; the library would read past their end.
    # One that cannot be read shares nothing; the library would end the whole report.
    readable = {id(label): geometry_fault(label, None) is None for label in (*first, *second)}

    def share(a: Mask, b: Mask) -> float:
        if tuple(a.rle.size) != tuple(b.rle.size) or not (readable[id(a)] and readable[id(b)]):
            return 0.0
        return float(mask.iou([runs(a)], [runs(b)], [0])[0][0])

    table = np.array([[share(a, b) for b in second] for a in first]).reshape(len(first), len(second))
    return np.where(_same_frame(first, second), table, 0.0)


def _polygons(first: Sequence[Any], second: Sequence[Any], size: Size | None) -> Array:
    ours, theirs = ([np.array(label.points) for label in labels] for labels in (first, second))
    return np.where(_same_frame(first, second), outline_overlaps(ours, theirs, size), 0.0)


def _poses(first: Sequence[Any], second: Sequence[Any]) -> Array:
    return np.where(_same_frame(first, second), pose_overlaps(first, second), 0.0)


def _hulls(first: Sequence[Any], second: Sequence[Any]) -> Array:
    """A line has no area, so the box around the points reaches half a pixel further on each side."""

    def hull(label: Polygon) -> tuple[float, float, float, float]:
        xs, ys = zip(*label.points, strict=True)
        return min(xs) - 0.5, min(ys) - 0.5, max(xs) + 0.5, max(ys) + 0.5

    table = iou_matrix(np.array([hull(label) for label in first]), np.array([hull(label) for label in second]))
    return np.where(_same_frame(first, second), table, 0.0)


def _intervals(first: Sequence[Any], second: Sequence[Any]) -> Array:
    ours = np.array([(row.start_us, row.end_us) for row in first], dtype=np.int64)
    theirs = np.array([(row.start_us, row.end_us) for row in second], dtype=np.int64)
    table = length_overlaps(ours, theirs)
    apart = [[None not in (a.channel, b.channel) and a.channel != b.channel for b in second] for a in first]
    return np.where(np.array(apart), 0.0, table)


def _spans(first: Sequence[Any], second: Sequence[Any]) -> Array:
    ours = np.array([(row.start, row.end) for row in first], dtype=np.int64)
    theirs = np.array([(row.start, row.end) for row in second], dtype=np.int64)
    same = np.array([[a.parent == b.parent for b in second] for a in first])
    return np.where(same, length_overlaps(ours, theirs), 0.0)


def _texts(first: Sequence[Any], second: Sequence[Any]) -> Array:
    return np.array([[float(a.text.split() == b.text.split()) for b in second] for a in first])


def _choices(first: Sequence[Any], second: Sequence[Any]) -> Array:
    return np.array([[float(a.label == b.label) for b in second] for a in first])


_MEASURES: dict[str, Callable[[Sequence[Any], Sequence[Any]], Array]] = {
    "polyline": _hulls,
    "keypoints": _poses,
    "mask": _masks,
    "interval": _intervals,
    "span": _spans,
    "text": _texts,
    "choice": _choices,
}
