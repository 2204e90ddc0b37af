"""What two passes over the frames agree on, and where they do not, the most likely joins of the pieces.

Links that both passes made are kept, and so are those from one look to the next that only one pass could make
(weak sightings before a track was strong). Every other link is cut. The pieces are then joined by how well the motion
out of one meets the motion into the next, over all pieces at once: so identities that a single pass swapped are
swapped back, and fragments of one thing become one. Source of the idea: Huang, Wu, Nevatia, Robust object tracking by
hierarchical association of detection responses, ECCV 2008.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.geometry.assignment import best_of_edges
from prelabel.geometry.detection import Detection
from prelabel.tracking.association import ONCE, STRONG_OVERLAP, Pass, corners, grown_overlap
from prelabel.tracking.motion import ACCELERATION, Motion

Array = NDArray[Any]

REACH = 12  # sightings at a piece's end that tell its motion
GATE = 26.1  # squared distance of two states: of 99.9 % of true joins, chi-squared with 8 degrees of freedom
VOTE = 4.0  # what a pass that made a link counts, in the unit of the squared distance
BASE = 100.0  # above all that a good join can cost, so that two joins are worth more than one
_US = 1_000_000


@dataclass(frozen=True)
class Stitched:
    """One track as the numbers of its sightings, rising; `disputed` of its links were not made by both passes."""

    sightings: tuple[int, ...]
    disputed: int


@dataclass(frozen=True)
class _Ends:
    """The state of M pieces at one of their ends: place and speed [M, 4, 2], covariance [M, 4, 2, 2], side [M]."""

    time_us: Array
    state: Array
    covariance: Array
    side: Array

    def at(self, rows: Array, times_us: Array) -> _Ends:
        """The states of some pieces, predicted for other times: Motion.at over many at once."""
        seconds = (times_us - self.time_us[rows]) / _US
        move = np.zeros((len(rows), 1, 2, 2))
        move[..., 0, 0] = move[..., 1, 1] = 1.0
        move[:, 0, 0, 1] = seconds
        long = np.abs(seconds)
        shape = np.empty((len(rows), 1, 2, 2))
        shape[:, 0, 0, 0] = long**3 / 3
        shape[:, 0, 0, 1] = shape[:, 0, 1, 0] = seconds * long / 2
        shape[:, 0, 1, 1] = long
        drift = (ACCELERATION * self.side[rows, np.newaxis])[..., np.newaxis, np.newaxis] ** 2 * shape
        covariance = move @ self.covariance[rows] @ move.transpose(0, 1, 3, 2) + drift
        state = (move @ self.state[rows][..., np.newaxis])[..., 0]
        return _Ends(times_us, state, covariance, self.side[rows])


def stitch(
    times_us: Sequence[int],
    look_of: Sequence[int],
    sightings: Sequence[Detection],
    forward: Pass,
    backward: Pass,
    lost_us: int,
) -> list[Stitched]:
    """The tracks that two passes over the same sightings give together.

    Args:
        times_us: of each look.
        look_of: the look of each sighting, rising.
        forward, backward: the passes, done.
        lost_us: the longest gap.
    """
    count = len(sightings)
    made = [_following(forward.links, count), _following([(b, a) for a, b in backward.links], count)]
    certain, voted, votes = _agreed(made, np.asarray(look_of))
    claimed = np.zeros(count, dtype=bool)
    claimed[list(forward.claimed | backward.claimed)] = True
    after = certain.copy()
    pieces = _chains(after, claimed)
    for one, two in _joins(pieces, times_us, look_of, sightings, (voted, votes), lost_us):
        after[pieces[one][-1]] = pieces[two][0]
    _add_remaining_links(after, made)
    own = [np.isin(np.arange(count), list(one.claimed)) for one in (forward, backward)]
    return [Stitched(tuple(chain), _disputed(chain, made, own)) for chain in _chains(after, claimed)]


def _following(links: list[tuple[int, int]], count: int) -> Array:
    """The sighting after each, -1 for none."""
    after = np.full(count, -1)
    if links:
        before, following = np.array(links).T
        after[before] = following
    return after


def _preceding(after: Array) -> Array:
    before = np.full(len(after), -1)
    linked = np.flatnonzero(after >= 0)
    before[after[linked]] = linked
    return before


def _agreed(made: list[Array], look_of: Array) -> tuple[Array, Array, Array]:
    """(the certain link of each sighting or -1, the others N x 2, how many passes made each of those)."""
    one, two = made
    links = np.unique(
        np.concatenate([np.stack([np.flatnonzero(row >= 0), row[row >= 0]], axis=1) for row in made]), axis=0
    )
    a, b = links.T
    before_one, before_two = _preceding(one), _preceding(two)
    votes = (one[a] == b).astype(int) + (two[a] == b)
    contradicted = np.zeros(len(links), dtype=bool)
    for found, expected in ((one[a], b), (two[a], b), (before_one[b], a), (before_two[b], a)):
        contradicted |= (found != -1) & (found != expected)
    sure = (votes == 2) | (~contradicted & (look_of[b] == look_of[a] + 1))
    certain = np.full(len(one), -1)
    certain[a[sure]] = b[sure]
    return certain, links[~sure], votes[~sure]


def _chains(after: Array, claimed: Array) -> list[list[int]]:
    """The sightings of each chain, in order of the first."""
    starts = np.flatnonzero(claimed & (_preceding(after) < 0))
    following = after.tolist()
    chains: list[list[int]] = []
    for start in starts.tolist():
        chain = [start]
        while following[chain[-1]] >= 0:
            chain.append(following[chain[-1]])
        chains.append(chain)
    return chains


def _joins(
    pieces: list[list[int]],
    times_us: Sequence[int],
    look_of: Sequence[int],
    sightings: Sequence[Detection],
    voted: tuple[Array, Array],
    lost_us: int,
) -> list[tuple[int, int]]:
    """Pairs of pieces, the end of the first and the start of the second, most likely all together."""
    if len(pieces) < 2:
        return []
    times = np.array([times_us[look] for look in look_of])
    first = np.array([piece[0] for piece in pieces])
    last = np.array([piece[-1] for piece in pieces])
    # Pieces are in order of their starts: those that may follow an end are neighbours.
    low = np.searchsorted(times[first], times[last], side="right")
    high = np.searchsorted(times[first], times[last] + lost_us, side="right")
    high = np.maximum(low, high)
    one = np.repeat(np.arange(len(pieces)), high - low)
    two = np.arange(len(one)) - np.repeat(np.cumsum(high - low) - (high - low), high - low) + np.repeat(low, high - low)
    labels = np.array([sightings[number].label for number in first])
    same = labels[one] == labels[two]
    one, two = one[same], two[same]
    if len(one) == 0:
        return []
    ends = _ends([piece[-REACH:] for piece in pieces], times, sightings)
    starts = _ends([piece[:REACH][::-1] for piece in pieces], times, sightings)
    cost, overlap = _distance(ends, starts, one, two)
    long = np.array([len(piece) for piece in pieces])
    away = times[first[two]] - times[last[one]]
    looks = np.asarray(look_of)
    near = (away <= lost_us * ONCE) | (looks[first[two]] == looks[last[one]] + 1)
    votes = _votes(last[one], first[two], voted, len(sightings))
    # What was seen once is waited for less, but a pass that knew its chain may have waited longer.
    long_enough = near | (np.minimum(long[one], long[two]) > 1) | (votes > 0)
    good = (cost[:, 0] <= GATE) & (overlap >= STRONG_OVERLAP) & long_enough
    one, two = one[good], two[good]
    worth = BASE - cost[good].sum(axis=1) + VOTE * votes[good]
    return best_of_edges(one, two, np.maximum(worth, 1.0))


def _ends(runs: list[list[int]], times: Array, sightings: Sequence[Detection]) -> _Ends:
    """Filter each run of sightings up to its last."""
    motions: list[Motion] = []
    for run in runs:
        rows = [(int(times[number]), sightings[number]) for number in run]
        motion = Motion.start(rows[0][0], corners(rows[0][1]), rows[0][1].score)
        for time_us, row in rows[1:]:
            motion = motion.at(time_us).seen(corners(row), row.score)
        motions.append(motion)
    return _Ends(
        np.array([motion.time_us for motion in motions]),
        np.stack([np.stack([motion.place, motion.speed], axis=1) for motion in motions]),
        np.stack([motion.covariance for motion in motions]),
        np.array([motion.side for motion in motions]),
    )


def _distance(ends: _Ends, starts: _Ends, one: Array, two: Array) -> tuple[Array, Array]:
    """([P, 2]: squared distance of the states that meet half way and the log of their doubt, [P]: overlap there)."""
    half = (ends.time_us[one] + starts.time_us[two]) // 2
    out, into = ends.at(one, half), starts.at(two, half)
    doubt = out.covariance + into.covariance
    miss = out.state - into.state
    squared = (miss * np.linalg.solve(doubt, miss[..., np.newaxis])[..., 0]).sum(axis=(1, 2))
    # In units of the side, or a big thing would seem harder to join than a small one.
    side = np.maximum(out.side, into.side)
    logs = np.log(np.linalg.det(doubt / side[:, np.newaxis, np.newaxis, np.newaxis] ** 2)).sum(axis=1)
    spread = np.minimum(np.sqrt(doubt[:, :2, 0, 0]), side[:, np.newaxis])
    return np.stack([squared, logs], axis=1), grown_overlap(_boxes(out.state), _boxes(into.state), spread)


def _boxes(state: Array) -> Array:
    centre, size = state[:, :2, 0], np.maximum(state[:, 2:, 0], 0)
    return np.concatenate([centre - size / 2, centre + size / 2], axis=1)


def _votes(before: Array, after: Array, voted: tuple[Array, Array], count: int) -> Array:
    """How many passes made each link."""
    links, votes = voted
    known = links[:, 0] * count + links[:, 1]
    order = np.argsort(known)
    wanted = before * count + after
    place = np.minimum(np.searchsorted(known, wanted, sorter=order), max(len(known) - 1, 0))
    if len(known) == 0:
        return np.zeros(len(wanted))
    return np.where(known[order][place] == wanted, votes[order][place], 0)


def _add_remaining_links(after: Array, made: list[Array]) -> None:
    """A link that no join contradicts stays as a pass made it, the forward pass first."""
    for row in made:
        before = _preceding(after)
        wanted = np.flatnonzero((row >= 0) & (after < 0))
        free = wanted[before[row[wanted]] < 0]
        after[free] = row[free]


def _disputed(chain: list[int], made: list[Array], own: list[Array]) -> int:
    """Links of a chain that a pass which knew both sightings did not make."""
    a, b = np.array(chain[:-1], dtype=int), np.array(chain[1:], dtype=int)
    both = np.ones(len(a), dtype=bool)
    for row, claimed in zip(made, own, strict=True):
        both &= (row[a] == b) | ~(claimed[a] & claimed[b])
    return int((~both).sum())
