"""Areas inside outlines and shared by outlines, exactly. Pure.

The plane is cut into slabs at every corner and every crossing of two edges. Within a slab no edges cross, so lengths
grow linearly and the length at half its height times its height is the area. Inside is what an odd number of edges
lies left of (even-odd rule), as in COCO's masks; so concave and self-crossing outlines count, too.

Every edge is compared with every other, so outlines of more corners than `EXACT_CORNERS` are counted on whole pixels,
as COCO does: with so many corners they are the outlines of pixels anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Size = tuple[int, int]
EXACT_CORNERS = 4000  # of all outlines that are compared
_BLOCK = 1 << 20  # entries of one table: an outline of thousands of corners must not fill the memory


def area(ring: Array, size: Size | None = None) -> float:
    """Square pixels inside an outline (corners [N, 2]), inside a picture of (width, height) alone if given."""
    return _common([ring], size)


def outline_overlaps(first: Sequence[Array], second: Sequence[Array], size: Size | None = None) -> Array:
    """Intersection over union of every outline with every other, N x M, all cut at the picture's edge."""
    ours, theirs = (np.array([area(ring, size) for ring in rings]) for rings in (first, second))
    table = np.zeros((len(first), len(second)))
    low, high = (_ends(rings) for rings in (first, second))
    for row, column in np.argwhere(_touching(low, high)).tolist():
        shared = _common([first[row], second[column]], size)
        union = ours[row] + theirs[column] - shared
        table[row, column] = min(1.0, shared / union) if union > 0 else 0.0
    return table


def _ends(rings: Sequence[Array]) -> Array:
    """(left, top, right, bottom) of each outline, N x 4."""
    return np.array([[*ring.min(axis=0), *ring.max(axis=0)] for ring in rings]).reshape(-1, 4)


def _touching(first: Array, second: Array) -> Array:
    ours, theirs = first[:, np.newaxis], second[np.newaxis]
    touching = (ours[..., :2] < theirs[..., 2:]) & (theirs[..., :2] < ours[..., 2:])
    return np.asarray(touching.all(axis=-1))


def _common(rings: Sequence[Array], size: Size | None) -> float:
    """The area inside all of the outlines (and the picture)."""
    rings = [np.asarray(ring, dtype=np.float64).reshape(-1, 2) for ring in rings]
    if sum(map(len, rings)) > EXACT_CORNERS:
        return _pixels(rings, size)
    # Around the first corner: far from the origin small areas would drown in rounding.
    origin = rings[0][0]
    start = np.concatenate(rings) - origin
    end = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings]) - origin
    owner = np.concatenate([np.full(len(ring), index) for index, ring in enumerate(rings)])
    sloped = start[:, 1] != end[:, 1]
    start, end, owner = start[sloped], end[sloped], owner[sloped]
    if not len(start):
        return 0.0
    bounds = np.array([[-np.inf, -np.inf], [np.inf, np.inf]])
    if size is not None:
        bounds = np.array([[0.0, 0.0], size]) - origin
    levels = np.concatenate([start[:, 1], end[:, 1], *_crossings(start, end), _sides(start, end, bounds[:, 0])])
    levels = np.unique(np.clip(levels, *bounds[:, 1]))
    return _swept(start, end, owner, levels, bounds[:, 0], len(rings))


def _pixels(rings: Sequence[Array], size: Size | None) -> float:
    """Whole pixels inside all of the outlines (and the picture)."""
    from faster_coco_eval.core import mask

    if size is None:
        low = np.floor(np.min([ring.min(axis=0) for ring in rings], axis=0))
        width, height = (np.ceil(np.max([ring.max(axis=0) for ring in rings], axis=0)) - low).astype(int).tolist()
    else:
        low, (width, height) = np.zeros(2), size
    runs = [mask.frPyObjects([(ring - low).ravel().tolist()], height, width)[0] for ring in rings]
    return float(mask.area(mask.merge(runs, True)))


def _crossings(start: Array, end: Array) -> list[Array]:
    """The heights at which two edges cross."""
    along = end - start
    found = []
    rows = max(1, _BLOCK // len(start))
    for at in range(0, len(start), rows):
        part = slice(at, at + rows)
        apart = start[np.newaxis] - start[part, np.newaxis]
        ours, theirs = along[part, np.newaxis], along[np.newaxis]
        turn = ours[..., 0] * theirs[..., 1] - ours[..., 1] * theirs[..., 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            here = (apart[..., 0] * theirs[..., 1] - apart[..., 1] * theirs[..., 0]) / turn
            there = (apart[..., 0] * ours[..., 1] - apart[..., 1] * ours[..., 0]) / turn
        # Each pair once; parallel edges (no turn) have no one point in common.
        once = np.arange(len(start))[np.newaxis] > np.arange(len(start))[part, np.newaxis]
        row, column = np.nonzero(once & (here > 0) & (here < 1) & (there > 0) & (there < 1))
        found.append(start[part][row, 1] + here[row, column] * along[part][row, 1])
    return found


def _sides(start: Array, end: Array, sides: Array) -> Array:
    """The heights at which edges leave the picture to the left or right."""
    along = end - start
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (sides[np.newaxis] - start[:, :1]) / along[:, :1]
    row, column = np.nonzero((share > 0) & (share < 1))
    heights: Array = start[row, 1] + share[row, column] * along[row, 1]
    return heights


def _swept(start: Array, end: Array, owner: Array, levels: Array, sides: Array, rings: int) -> float:
    low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
    slope = (end[:, 0] - start[:, 0]) / (end[:, 1] - start[:, 1])
    far = max(float(start[:, 0].max()), float(end[:, 0].max()))
    middles, heights = (levels[1:] + levels[:-1]) / 2, np.diff(levels)
    total = 0.0
    rows = max(1, _BLOCK // len(start))
    for at in range(0, len(middles), rows):
        middle = middles[at : at + rows, np.newaxis]
        crossed = (low <= middle) & (middle < high)
        x = np.where(crossed, start[:, 0] + (middle - start[:, 1]) * slope, far)
        x = np.clip(x, *sides)
        order = np.argsort(x, axis=1, kind="stable")
        x, crossed = np.take_along_axis(x, order, axis=1), np.take_along_axis(crossed, order, axis=1)
        owners = owner[order]
        inside = np.ones(x.shape, dtype=bool)
        for ring in range(rings):
            inside &= (crossed & (owners == ring)).cumsum(axis=1) % 2 == 1
        lengths = (np.diff(x, axis=1) * inside[:, :-1]).sum(axis=1)
        total += float((lengths * heights[at : at + rows]).sum())
    return total
