"""How well tracks follow: HOTA, IDF1 and identity switches, from sums that can be added over captures.

Sources: HOTA, Luiten et al., IJCV 2021; IDF1, Ristani et al., Performance Measures and a Data Set for Multi-Target
Multi-Camera Tracking, 2016; identity switches as in CLEAR MOT, Bernardin and Stiefelhagen, 2008. Several captures are
combined by adding their counts, which is how TrackEval, the reference code of HOTA, does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.geometry.areas import Size
from prelabel.geometry.assignment import best_pairs
from prelabel.geometry.overlap import track_similarity
from wire.labels import Track

Array = NDArray[Any]

ALPHAS = np.arange(1, 20) * 0.05  # 0.05 … 0.95
SAME = 0.5  # overlap of IDF1 and of switches
_EPS = float(np.finfo(np.float64).eps)


def _zeros() -> Array:
    return np.zeros(len(ALPHAS))


@dataclass
class TrackSums:
    """Counts over frames. `hota_*` have one number for each overlap of `ALPHAS`; `association` is the sum over matches
    of the share that matched and united tracks have in common."""

    hota_right: Array = field(default_factory=_zeros)
    hota_missed: Array = field(default_factory=_zeros)
    hota_wrong: Array = field(default_factory=_zeros)
    association: Array = field(default_factory=_zeros)
    id_right: int = 0
    truth: int = 0
    made: int = 0
    switches: int = 0
    frames: int = 0

    def add(self, other: TrackSums) -> None:
        self.hota_right += other.hota_right
        self.hota_missed += other.hota_missed
        self.hota_wrong += other.hota_wrong
        self.association += other.association
        self.id_right += other.id_right
        self.truth += other.truth
        self.made += other.made
        self.switches += other.switches
        self.frames += other.frames

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> TrackSums:
        """What `to_row` gave."""
        right, association, id_right, truth, made, switches, frames = row
        right = np.array(right, dtype=np.float64)
        return cls(right, truth - right, made - right, np.array(association), id_right, truth, made, switches, frames)

    def to_row(self) -> list[Any]:
        """The sums as values of JSON: what was missed and wrong follows from the rest."""
        right, association = self.hota_right.astype(int).tolist(), self.association.tolist()
        return [right, association, self.id_right, self.truth, self.made, self.switches, self.frames]

    @property
    def det_a(self) -> float:
        """Share of what either side says is there that both say, mean over overlaps; 0..1."""
        return float(self._detection().mean())

    @property
    def ass_a(self) -> float:
        """How much matched tracks have in common, mean over overlaps; 0..1."""
        return float(self._association().mean())

    @property
    def hota(self) -> float:
        """The geometric mean of the two at each overlap, then the mean over overlaps; 0..1."""
        return float(np.sqrt(self._detection() * self._association()).mean())

    @property
    def idf1(self) -> float:
        """2 IDTP / (truth + made), 0..1; 0 when there is nothing on either side."""
        both = self.truth + self.made
        return 2 * self.id_right / both if both else 0.0

    def _detection(self) -> Array:
        whole: Array = self.hota_right + self.hota_missed + self.hota_wrong
        return np.asarray(self.hota_right / np.maximum(1, whole))

    def _association(self) -> Array:
        return np.asarray(self.association / np.maximum(1, self.hota_right))


def track_sums(
    made: Sequence[Track], truth: Sequence[Track], times_us: Sequence[int] | None = None, size: Size | None = None
) -> TrackSums:
    """Compare the tracks a model made with the true ones of one video; words play no part.

    Args:
        times_us: the frame table; without it only the keyframes of both sides are compared.
        size: (width, height); boxes are cut at its edge.
    """
    if not made and not truth:
        return TrackSums()
    overlap, truth_seen, made_seen = track_similarity(truth, made, times_us, size)
    return sums_of(overlap, truth_seen, made_seen)


def sums_of(overlap: Array, truth_seen: Array, made_seen: Array) -> TrackSums:
    """The sums of one video.

    Args:
        overlap: IoU [frames, truth, made]; 0 where either is not seen.
        truth_seen, made_seen: bool [frames, truth] and [frames, made].
    """
    sums = TrackSums(truth=int(truth_seen.sum()), made=int(made_seen.sum()), frames=len(overlap))
    sums.id_right = _id_right(overlap)
    sums.switches = _switches(overlap)
    lengths = truth_seen.sum(axis=0)[:, np.newaxis], made_seen.sum(axis=0)[np.newaxis, :]
    score = _alignment(overlap, *lengths)[np.newaxis] * overlap
    rows, columns = _matched(score)
    frames, places = np.nonzero(rows)
    theirs = columns[frames, places]
    shares = overlap[frames, places, theirs]
    pair, lanes = places * overlap.shape[2] + theirs, overlap.shape[1] * overlap.shape[2]
    for number, alpha in enumerate(ALPHAS):
        good = shares >= alpha - _EPS
        count = int(good.sum())
        sums.hota_right[number] = count
        matches = np.bincount(pair[good], minlength=lanes).reshape(overlap.shape[1:]).astype(np.float64)
        united = np.maximum(1, lengths[0] + lengths[1] - matches)
        sums.association[number] = float((matches * matches / united).sum())
    sums.hota_missed = sums.truth - sums.hota_right
    sums.hota_wrong = sums.made - sums.hota_right
    return sums


def _alignment(overlap: Array, truth: Array, made: Array) -> Array:
    """How well each pair of tracks goes together over the whole video, [truth, made]: HOTA's global score."""
    rest = overlap.sum(axis=1, keepdims=True) + overlap.sum(axis=2, keepdims=True) - overlap
    soft = np.divide(overlap, rest, out=np.zeros_like(overlap), where=rest > _EPS).sum(axis=0)
    union = truth + made - soft
    score: Array = np.divide(soft, union, out=np.zeros_like(soft), where=union > 0)
    return score


def _matched(score: Array) -> tuple[Array, Array]:
    """The best assignment in each frame: which rows are matched [F, N], and to which column [F, N]."""
    frames, rows, columns = score.shape
    if not rows or not columns:
        return np.zeros((frames, rows), dtype=bool), np.zeros((frames, rows), dtype=np.intp)
    best = score.argmax(axis=2)
    matched = score.max(axis=2) > 0
    # Where the best columns of all rows differ, taking them is the best assignment; only the rest has to be searched.
    at, row = np.nonzero(matched)
    taken = np.bincount(at * columns + best[at, row], minlength=frames * columns).reshape(frames, columns)
    for frame in np.flatnonzero((taken > 1).any(axis=1)).tolist():
        matched[frame] = False
        for mine, theirs in best_pairs(score[frame], _EPS):
            matched[frame, mine], best[frame, mine] = True, theirs
    return matched, best


def _id_right(overlap: Array) -> int:
    """IDTP: frames on which tracks paired once for the whole video overlap, with the best such pairing."""
    together = (overlap >= SAME - _EPS).sum(axis=0).astype(np.float64)
    return int(sum(together[row, column] for row, column in best_pairs(together, 1)))


def _switches(overlap: Array) -> int:
    """How often a true track is matched to another track than the last time it was matched.

    A match goes on from one frame to the next before a better overlap is looked for.
    """
    _frames, truth, made = overlap.shape
    if not truth or not made:
        return 0
    good = np.where(overlap >= SAME - _EPS, overlap, 0.0)
    ids = np.where(good.max(axis=2) > 0, good.argmax(axis=2), -1)
    crowded = ((good > 0).sum(axis=1) > 1).any(axis=1) | ((good > 0).sum(axis=2) > 1).any(axis=1)
    for frame in np.flatnonzero(crowded).tolist():
        before = ids[frame - 1] if frame else np.full(truth, -1)
        goes_on = before[:, np.newaxis] == np.arange(made)[np.newaxis, :]
        score = np.where(good[frame] > 0, good[frame] + 1000.0 * goes_on, 0.0)
        best, matched = score.argmax(axis=1), score.max(axis=1) > 0
        if len(set(best[matched].tolist())) == int(matched.sum()):
            ids[frame] = np.where(matched, best, -1)
            continue
        ids[frame] = -1
        for row, column in best_pairs(score, _EPS):
            ids[frame, row] = column
    count = 0
    for row in range(truth):
        line = ids[:, row]
        line = line[line >= 0]
        count += int((line[1:] != line[:-1]).sum())
    return count
