"""Overlap of boxes, and keeping the best of those that overlap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Overlap = Callable[[Array, Array], Array]
# So many candidates at a time: the overlaps of a crowd stay a small matrix, those of a few objects are one step.
_BLOCK = 64
_TINY = float(np.finfo(np.float64).tiny)  # divides nothing by nothing to nothing
_FLAT = 1e-12  # square pixels squared: a box without an area has no distribution


def iou_matrix(first: Array, second: Array) -> Array:
    """Intersection over union of N x 4 and M x 4 boxes (x1, y1, x2, y2) as N x M; 0 for boxes without area."""
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    left, top, right, bottom = first.T[:, :, np.newaxis]
    left_2, top_2, right_2, bottom_2 = second.T
    inner = np.minimum(right, right_2)
    inner -= np.maximum(left, left_2)
    np.maximum(inner, 0, out=inner)
    high = np.minimum(bottom, bottom_2)
    high -= np.maximum(top, top_2)
    inner *= np.maximum(high, 0, out=high)
    union = _area(first)[:, np.newaxis] + _area(second)
    union -= inner
    overlap: Array = inner / np.maximum(union, _TINY, out=union)
    return overlap


def probable_iou_matrix(first: Array, second: Array) -> Array:
    """Overlap of turned boxes N x 5 and M x 5 (centre x, centre y, width, height, radians) as N x M, 0..1.

    Each box is taken as a normal distribution of its own covariance; the overlap is one minus their Hellinger
    distance. Source: Llerena et al., "Gaussian Bounding Boxes and Probabilistic Intersection-over-Union for Object
    Detection", arXiv 2106.06072; it is the overlap ultralytics' thresholds are tuned for.
    """
    xx1, yy1, xy1 = (values[:, np.newaxis] for values in _covariance(first))
    xx2, yy2, xy2 = _covariance(second)
    dx = first[:, 0, np.newaxis] - second[:, 0]
    dy = first[:, 1, np.newaxis] - second[:, 1]
    xx, yy, xy = (xx1 + xx2) / 2, (yy1 + yy2) / 2, (xy1 + xy2) / 2
    spread = np.maximum(xx * yy - xy * xy, _FLAT)
    own = np.maximum(xx1 * yy1 - xy1 * xy1, _FLAT) * np.maximum(xx2 * yy2 - xy2 * xy2, _FLAT)
    apart = (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / spread / 8
    bhattacharyya = np.maximum(apart + 0.5 * np.log(spread / np.sqrt(own)), 0)
    overlap: Array = 1 - np.sqrt(-np.expm1(-bhattacharyya))
    return overlap


def suppress_overlaps(
    boxes: Array, scores: Array, classes: Array, iou: float, maximum: int, overlap: Overlap = iou_matrix
) -> Array:
    """Indexes of the boxes that stay, best first: greedy, within each class, `maximum` at most.

    A box goes if it overlaps a better one of its class by more than `iou`. Boxes are x1, y1, x2, y2 (the width and
    height form that OpenCV's function of the same purpose takes would silently delete neighbours here), or whatever
    `overlap` takes.
    """
    order = np.argsort(-scores, kind="stable")
    boxes, classes = boxes[order], classes[order]
    kept = np.empty(0, dtype=np.intp)
    for start in range(0, len(order), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(order)))
        if len(kept):
            block = block[~_beats(boxes, classes, kept, block, iou, overlap).any(axis=0)]
        if not len(block):
            continue
        kept = np.concatenate([kept, block[_greedy(_beats(boxes, classes, block, block, iou, overlap))]])
        if len(kept) >= maximum:
            break
    return order[kept[:maximum]]


def _beats(boxes: Array, classes: Array, better: Array, worse: Array, iou: float, overlap: Overlap) -> Array:
    over = overlap(boxes[better], boxes[worse]) > iou
    over &= classes[better, np.newaxis] == classes[worse]
    return over


def _greedy(beats: Array) -> list[int]:
    """Places that stay of a block, best first, where `beats[i, j]` means that i replaces j."""
    alive = np.ones(len(beats), dtype=bool)
    stay = []
    while alive[best := int(alive.argmax())]:
        stay.append(best)
        alive[best] = False
        alive &= ~beats[best]
    return stay


def _area(boxes: Array) -> Array:
    area: Array = np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)
    return area


def _covariance(boxes: Array) -> tuple[Array, Array, Array]:
    """Of evenly filled rectangles: width squared / 12 along the width, height squared / 12 across it, turned."""
    along, across = boxes[:, 2] ** 2 / 12, boxes[:, 3] ** 2 / 12
    cos, sin = np.cos(boxes[:, 4]), np.sin(boxes[:, 4])
    return along * cos**2 + across * sin**2, along * sin**2 + across * cos**2, (along - across) * cos * sin
