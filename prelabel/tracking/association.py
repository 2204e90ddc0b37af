"""One pass over the frames that finds which sighting follows which: the association of ByteTrack, in either direction.

Detections at or above a score are assigned to the predicted places of the chains, then the weaker ones to the chains
left over; only strong ones start a chain. Source: Zhang et al., ByteTrack, ECCV 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.geometry.assignment import best_of_edges
from prelabel.geometry.detection import Detection
from prelabel.tracking.motion import Motion

Array = NDArray[Any]

STRONG_OVERLAP = 0.2
WEAK_OVERLAP = 0.5
ONCE = 1 / 3  # of the time an object is searched, where it was seen only once
Sighting = tuple[int, Detection]  # its number among all that were pushed, and what was seen


@dataclass(eq=False)
class _Chain:
    label: str
    motion: Motion
    last: int
    hits: int = 1
    missed: int = 0

    def is_searched(self, time_us: int, lost_us: int) -> bool:
        """What was seen once may be a flicker, which would draw far sightings to itself if it were waited for."""
        away = abs(time_us - self.motion.time_us)
        return away <= lost_us and (self.hits > 1 or self.missed == 0 or away <= lost_us * ONCE)


class Pass:
    """Give it the sightings of each frame in the order of its direction; `links` has the result.

    Args:
        strong: from which score on a sighting of a label is strong.
        lost_us: how long a chain is searched after its last sighting.
    """

    def __init__(self, strong: Callable[[str], float], lost_us: int) -> None:
        self.links: list[tuple[int, int]] = []  # of two sightings one after the other, in the order of the pass
        self.claimed: set[int] = set()
        self._strong = strong
        self._lost_us = lost_us
        self._chains: list[_Chain] = []

    def update(self, time_us: int, sightings: Sequence[Sighting]) -> None:
        self._chains = [chain for chain in self._chains if chain.is_searched(time_us, self._lost_us)]
        strong = [row for row in sightings if row[1].score >= self._strong(row[1].label)]
        weak = [row for row in sightings if row[1].score < self._strong(row[1].label)]
        for chain in self._chains:
            chain.missed += 1
        left, strong = self._match(time_us, self._chains, strong, STRONG_OVERLAP)
        self._match(time_us, left, weak, WEAK_OVERLAP)
        for number, hit in strong:
            self._chains.append(_Chain(hit.label, Motion.start(time_us, corners(hit), hit.score), number))
            self.claimed.add(number)

    def _match(
        self, time_us: int, chains: list[_Chain], sightings: list[Sighting], overlap: float
    ) -> tuple[list[_Chain], list[Sighting]]:
        """Give sightings to chains; what is left of both comes back."""
        if not chains or not sightings:
            return chains, sightings
        predicted = [chain.motion.at(time_us) for chain in chains]
        pairs = _pairs(predicted, [chain.label for chain in chains], sightings, overlap)
        for row, column in pairs:
            number, hit = sightings[column]
            chains[row].motion = predicted[row].seen(corners(hit), hit.score)
            self.links.append((chains[row].last, number))
            self.claimed.add(number)
            chains[row].last = number
            chains[row].hits += 1
            chains[row].missed = 0
        rows, columns = {row for row, _ in pairs}, {column for _, column in pairs}
        return (
            [chain for row, chain in enumerate(chains) if row not in rows],
            [hit for column, hit in enumerate(sightings) if column not in columns],
        )


def corners(row: Detection) -> Array:
    """x1, y1, x2, y2."""
    return np.array([row.x, row.y, row.x + row.width, row.y + row.height])


def grown_overlap(first: Array, second: Array, doubt: Array) -> Array:
    """IoU of boxes (x1, y1, x2, y2) that are both grown by the doubt (x, y) about where they are, over any shape.

    At full frame rate this is plain IoU, and somebody who walks more than his own width between two looks is still
    found.
    """
    grow = np.concatenate([-doubt, doubt], axis=-1)
    one, two = first + grow, second + grow
    inner = np.clip(np.minimum(one[..., 2:], two[..., 2:]) - np.maximum(one[..., :2], two[..., :2]), 0, None)
    shared = inner.prod(axis=-1)
    union = (one[..., 2:] - one[..., :2]).prod(axis=-1) + (two[..., 2:] - two[..., :2]).prod(axis=-1) - shared
    overlap: Array = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlap


def _pairs(
    predicted: list[Motion], labels: list[str], sightings: Sequence[Sighting], least: float
) -> list[tuple[int, int]]:
    """Which chain goes with which sighting of the same label: those that overlap most, all together."""
    places = np.stack([motion.box for motion in predicted])[:, np.newaxis]
    doubts = np.stack([motion.doubt for motion in predicted])[:, np.newaxis]
    boxes = np.stack([corners(hit) for _, hit in sightings])[np.newaxis]
    same = np.array(labels)[:, np.newaxis] == np.array([hit.label for _, hit in sightings])[np.newaxis]
    overlap = grown_overlap(places, boxes, doubts)
    rows, columns = np.nonzero(same & (overlap >= least))
    # Grown boxes overlap the more the less is known; a chain that knows where its thing is comes first.
    sides = np.array([motion.side for motion in predicted])
    known = 1 / (1 + doubts[:, 0].max(axis=1) / sides)
    return best_of_edges(rows, columns, overlap[rows, columns] * known[rows])
