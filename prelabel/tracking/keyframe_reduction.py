"""The fewest of a track's own boxes between which straight lines in time give all the others back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

WITNESSES = 32
FIRST_REACH = 64


def fewest(exact: Array, rounded: Array, times: Array, iou: float) -> list[int]:
    """Indexes of a shortest chain from the first box to the last, each link good enough: breadth first.

    A greedy walk to the farthest good link is not the shortest chain, because a link may be good where a shorter
    one is not.

    Args:
        exact: the boxes to reproduce, N x (x, y, width, height).
        rounded: the same as keyframes would hold them.
        times: int64, rising, N.
        iou: a link from `start` to `end` is good when the box it makes at each index between overlaps the exact one
            by this much. The link to the next index always is.
    """
    links = _Links(exact, rounded, times, iou)
    last = len(exact) - 1
    before = np.full(len(exact), -1)
    before[0] = 0
    frontier = [0]
    while before[last] < 0:
        following: list[int] = []
        for start in frontier:
            reached = links.reached(start, before < 0)
            before[reached] = start
            following += reached
            if before[last] >= 0:
                break
        # From far points first: the chain that gets there with the most even links tends to be found.
        frontier = sorted(following, reverse=True)
    chain = [last]
    while chain[-1] != 0:
        chain.append(int(before[chain[-1]]))
    return chain[::-1]


class _Links:
    """Which links are good. Two cheap tests that no good link fails come before the whole one.

    The funnel: IoU of `iou` or more keeps each edge within a margin of the exact one, so the slopes that a line from
    `start` may have narrow with every box it passes. The witnesses: boxes that ruled out a link lately.
    """

    def __init__(self, exact: Array, rounded: Array, times: Array, iou: float) -> None:
        self._exact = _edges(exact)
        self._rounded = _edges(rounded)
        self._seconds = (times - times[0]) / 1e6
        self._iou = iou
        # One edge alone off by m of a side w gives at most w / (w + m).
        size = np.abs(self._exact[:, 2:] - self._exact[:, :2])
        self._margin = np.tile(size * (1 - iou) / iou, 2) + 1e-6
        self._witnesses: list[int] = []

    def reached(self, start: int, wanted: Array) -> list[int]:
        """The wanted indexes after `start` that a good link leads to; the last index of all alone if it is one."""
        ends = self._through_the_funnel(start, wanted)
        for witness in self._witnesses:
            ends = self._is_good_at(start, ends, witness)
        good: list[int] = []
        last = len(self._exact) - 1
        while len(ends):
            end, ends = int(ends[-1]), ends[:-1]
            between = np.arange(start + 1, end)
            overlap = self._overlap(start, np.full(len(between), end), between)
            if len(between) == 0 or overlap.min() >= self._iou:
                good.append(end)
                if end == last:
                    break
                continue
            witness = int(between[overlap.argmin()])
            self._witnesses = [witness, *(row for row in self._witnesses if row != witness)][:WITNESSES]
            ends = self._is_good_at(start, ends, witness)
        return good

    def _through_the_funnel(self, start: int, wanted: Array) -> Array:
        """The wanted indexes after `start` whose line lies within the margins of all before them, rising."""
        found = []
        low, high = np.full(4, -np.inf), np.full(4, np.inf)
        first, reach, count = start + 1, FIRST_REACH, len(self._exact)
        while first < count and bool((low <= high).all()):
            part = slice(first, min(first + reach, count))
            away = (self._seconds[part] - self._seconds[start])[:, np.newaxis]
            least = np.maximum.accumulate((self._exact[part] - self._margin[part] - self._rounded[start]) / away)
            most = np.minimum.accumulate((self._exact[part] + self._margin[part] - self._rounded[start]) / away)
            # An end is held to what lies before it, not to itself.
            lows = np.maximum(np.concatenate([low[np.newaxis], least[:-1]]), low)
            highs = np.minimum(np.concatenate([high[np.newaxis], most[:-1]]), high)
            slope = (self._rounded[part] - self._rounded[start]) / away
            found.append(first + np.flatnonzero(((slope >= lows) & (slope <= highs)).all(axis=1) & wanted[part]))
            low, high = np.maximum(low, least[-1]), np.minimum(high, most[-1])
            first, reach = part.stop, 2 * reach
        return np.concatenate(found)

    def _is_good_at(self, start: int, ends: Array, witness: int) -> Array:
        """The ends whose link is good at the witness, or does not pass it."""
        if witness <= start or len(ends) == 0:
            return ends
        passed = np.searchsorted(ends, witness, side="right")
        far = ends[passed:]
        good = self._overlap(start, far, np.full(len(far), witness)) >= self._iou
        return np.concatenate([ends[:passed], far[good]])

    def _overlap(self, start: int, ends: Array, at: Array) -> Array:
        """IoU of the exact boxes `at` with what the links from `start` to `ends` make there (arrays of one length)."""
        part = (self._seconds[at] - self._seconds[start]) / (self._seconds[ends] - self._seconds[start])
        made = self._rounded[start] + (self._rounded[ends] - self._rounded[start]) * part[:, np.newaxis]
        true = self._exact[at]
        low, high = np.maximum(made[:, :2], true[:, :2]), np.minimum(made[:, 2:], true[:, 2:])
        inner = np.clip(high - low, 0, None).prod(axis=1)
        union = (made[:, 2:] - made[:, :2]).prod(axis=1) + (true[:, 2:] - true[:, :2]).prod(axis=1) - inner
        overlap: Array = np.where(union > 0, inner / np.where(union > 0, union, 1.0), 1.0)
        return overlap


def _edges(boxes: Array) -> Array:
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
