"""Average precision by COCO's protocol, as all papers on detectors and poses report it, in two steps.

`picture_hits` matches the labels of one picture, once; `Detections` adds up pictures and gives the precision of any
part of them. What two labels share is `overlap_table`, as everywhere in the report: turned boxes by their corners,
polygons and masks by area, poses by object keypoint similarity. Source: COCO's reference code
(cocodataset.org/#detection-eval); tests hold both steps to faster-coco-eval.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from prelabel.quality.shapes import AveragePrecision
from wire.labels import Box, Keypoints, Mask, Polygon

Array = NDArray[Any]
Thing = Box | Polygon | Mask | Keypoints
MAX_LABELS, MAX_POSES = 100, 20  # labels of one word and picture that count, the surest ones
_LEVELS = np.linspace(0.5, 0.95, 10).tolist()  # overlaps from which a label is right
_Rows = tuple[list[int], list[int]]  # of the model's labels, of the true ones
_RECALLS = np.linspace(0, 1, 101)


class WordHits(NamedTuple):
    """One word on one picture: how many true labels, and the model's by falling score.

    Bit n of a hit: the label is right at the overlap 0.5 + 0.05 n.
    """

    word: str
    truth: int
    scores: list[float]
    hits: list[int]


def picture_hits(made: Sequence[Thing], truth: Sequence[Thing], shares: Array) -> list[list[WordHits]]:
    """The words of every frame that has labels, as the frames come: first those with true labels.

    Args:
        made, truth: of one kind.
        shares: what each of `made` shares with each of `truth`. A label without a score counts as certain.
    """
    frames: dict[int | None, dict[str, _Rows]] = defaultdict(lambda: defaultdict(lambda: ([], [])))
    for column, label in enumerate(truth):
        frames[label.frame][label.label][1].append(column)
    for row, label in enumerate(made):
        frames[label.frame][label.label][0].append(row)
    scores = [1.0 if label.score is None else label.score for label in made]
    limit = MAX_POSES if made and made[0].kind == "keypoints" else MAX_LABELS
    result = []
    for words in frames.values():
        found = []
        for word, (rows, columns) in words.items():
            surest = sorted(rows, key=lambda row: -scores[row])[:limit]
            hits = _hits(shares[np.ix_(surest, columns)].tolist()) if surest and columns else [0] * len(surest)
            found.append(WordHits(word, len(columns), [scores[row] for row in surest], hits))
        result.append(found)
    return result


def _hits(shares: Sequence[Sequence[float]]) -> list[int]:
    """The hits of labels by falling score: at each level each takes the best true label that is left."""
    good = [[share >= _LEVELS[0] for share in row] for row in shares]
    if all(sum(row) <= 1 for row in good) and all(sum(column) <= 1 for column in zip(*good, strict=True)):
        return [(1 << bisect_right(_LEVELS, max(row))) - 1 for row in shares]  # nothing competes
    hits = [0] * len(shares)
    for number, level in enumerate(_LEVELS):
        taken: set[int] = set()
        for place, row in enumerate(shares):
            free = [(share, column) for column, share in enumerate(row) if share >= level and column not in taken]
            if free:
                taken.add(max(free)[1])  # of equal ones the last
                hits[place] |= 1 << number
    return hits


class _Sorted(NamedTuple):
    """The model's labels by word and then by falling score, [labels] each."""

    words: Array
    groups: Array
    hits: Array


class Detections:
    """The hits of one model and kind, added up; every picture belongs to a group, which its caller numbers."""

    def __init__(self) -> None:
        self._scores, self._hits = array("d"), array("H")
        # Of each run of scores: its word, its group and how many scores it has.
        self._words, self._groups, self._lengths = array("i"), array("i"), array("i")
        self._numbers: dict[str, int] = {}
        self._truth: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self._sorted: _Sorted | None = None

    def add(self, words: Sequence[WordHits], known: Collection[str], group: int) -> None:
        """One picture, the next one: of equal scores those of earlier pictures count first.

        Args:
            known: the words whose true labels count.
        """
        truth = self._truth[group]
        for word, count, scores, hits in words:
            if count and word in known:
                truth[word] += count
            if scores:
                number = self._numbers.setdefault(word, len(self._numbers))
                self._scores.extend(scores)
                self._hits.extend(hits)
                self._words.append(number)
                self._groups.append(group)
                self._lengths.append(len(scores))

    def merge(self, later: Detections, groups: Mapping[int, int]) -> None:
        """Add later pictures, whose groups have other numbers: those here by those there."""
        numbers = {
            number: self._numbers.setdefault(word, len(self._numbers)) for word, number in later._numbers.items()
        }
        self._scores += later._scores
        self._hits += later._hits
        self._words.extend(numbers[number] for number in later._words)
        self._groups.extend(groups[group] for group in later._groups)
        self._lengths += later._lengths
        for group, words in later._truth.items():
            self._truth[groups[group]].update(words)

    def average_precision(self, groups: Collection[int]) -> tuple[AveragePrecision | None, dict[str, AveragePrecision]]:
        """Over all words that have a true label in these groups (each word counts the same), and of each of them.

        None without any true label.
        """
        truth: Counter[str] = Counter()
        for group in groups:
            truth.update(self._truth.get(group, ()))
        if not truth:
            return None, {}
        words = sorted(truth)
        precision = self._precision(groups, words, truth)
        each = {word: _of(precision[:, :, index], truth[word]) for index, word in enumerate(words)}
        return _of(precision, truth.total()), each

    def _precision(self, groups: Collection[int], words: Sequence[str], truth: Mapping[str, int]) -> Array:
        """Precision [overlaps, recalls, words] of COCO's protocol."""
        result = np.zeros((len(_LEVELS), len(_RECALLS), len(words)))
        every = self._by_score()
        is_chosen = np.zeros(int(every.groups.max(initial=-1)) + 1, dtype=bool)
        is_chosen[[group for group in groups if group < len(is_chosen)]] = True
        chosen = is_chosen[every.groups]
        numbers, hits = every.words[chosen], every.hits[chosen]
        for index, word in enumerate(words):
            number = self._numbers.get(word, -1)
            low, high = np.searchsorted(numbers, [number, number + 1])
            if low < high:
                result[:, :, index] = _envelope(hits[low:high], truth[word])
        return result

    def _by_score(self) -> _Sorted:
        """Every score so far, sorted once for all parts that are asked for."""
        if self._sorted is None or len(self._sorted.hits) < len(self._hits):
            lengths = np.array(self._lengths)
            words = np.repeat(np.array(self._words), lengths)
            order = np.lexsort((-np.array(self._scores), words))  # stable: equal scores stay as they came
            groups = np.repeat(np.array(self._groups), lengths)[order]
            self._sorted = _Sorted(words[order], groups, np.array(self._hits)[order])
        return self._sorted


def _envelope(hits: Array, truth: int) -> Array:
    """The best precision at each recall or a higher one, [overlaps, recalls], of labels by falling score."""
    right = (hits[np.newaxis] >> np.arange(len(_LEVELS))[:, np.newaxis] & 1).cumsum(axis=1)
    precision = right / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = right / truth
    result = np.zeros((len(_LEVELS), len(_RECALLS)))
    for level in range(len(_LEVELS)):
        at = np.searchsorted(recall[level], _RECALLS, side="left")
        reached = at < len(hits)
        result[level, reached] = best[level, at[reached]]
    return result


def _of(precision: Array, truth: int) -> AveragePrecision:
    return AveragePrecision(
        ap=round(float(precision.mean()), 6), ap50=round(float(precision[0].mean()), 6), truth=truth
    )
