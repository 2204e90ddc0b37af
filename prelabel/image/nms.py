"""Overlap of boxes, and keeping the best of those that overlap."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def iou_matrix(first: Array, second: Array) -> Array:
    """Intersection over union of N x 4 and M x 4 boxes (x1, y1, x2, y2) as N x M; 0 for boxes without area."""
    low = np.maximum(first[:, np.newaxis, :2], second[np.newaxis, :, :2])
    high = np.minimum(first[:, np.newaxis, 2:], second[np.newaxis, :, 2:])
    inner = np.clip(high - low, 0, None).prod(axis=2)
    union = _area(first)[:, np.newaxis] + _area(second)[np.newaxis, :] - inner
    overlap: Array = np.divide(inner, union, out=np.zeros_like(inner, dtype=np.float64), where=union > 0)
    return overlap


def keep_best(boxes: Array, scores: Array, classes: Array, iou: float, maximum: int) -> Array:
    """Indexes of the boxes that stay, best first: greedy, within each class, `maximum` at most.

    A box goes if it overlaps a better one of its class by more than `iou`. Boxes are x1, y1, x2, y2 (the width and
    height form that OpenCV's function of the same purpose takes would silently delete neighbours here).
    """
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while order.size and len(kept) < maximum:
        best, rest = int(order[0]), order[1:]
        kept.append(best)
        same = classes[rest] == classes[best]
        over = iou_matrix(boxes[best : best + 1], boxes[rest])[0] > iou
        order = rest[~(same & over)]
    return np.array(kept, dtype=np.intp)


def _area(boxes: Array) -> Array:
    area: Array = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)
    return area
