"""Words assigned to regions of speech: which words were spoken from when to when. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prelabel.audio.ctc import PAUSE_US, SpokenWord
from prelabel.audio.segments import SpeechRegion

REACH_US = 500_000  # a word this near to speech belongs to it


@dataclass(frozen=True)
class Utterance:
    """Speech in [start_us, end_us). Without words nothing was written there; then `score` is the region's."""

    start_us: int
    end_us: int
    score: float
    words: tuple[SpokenWord, ...] = ()


def utterances(words: Sequence[SpokenWord], regions: Sequence[SpeechRegion] | None) -> list[Utterance]:
    """Words, by time, as utterances, by time and without overlap.

    With regions each word goes to the one nearest to its middle; the region grows to hold its words. Words far from
    every region, and all of them without regions, make utterances of their own wherever a pause or a region lies
    between them. A region without words stays, without words.
    """
    edges = np.array([(row.start_us, row.end_us) for row in regions or ()], dtype=np.int64).reshape(-1, 2)
    middles = [(word.start_us + word.end_us) / 2 for word in words]
    homes = [_home(middle, edges) for middle in middles]
    result = []
    for number, region in enumerate(regions or ()):
        own = tuple(word for word, home in zip(words, homes, strict=True) if home == number)
        if own:
            start, end = min(region.start_us, own[0].start_us), max(region.end_us, own[-1].end_us)
            result.append(_utterance(own, start, end, number, number + 1, edges))
        else:
            result.append(Utterance(region.start_us, region.end_us, region.score))
    strays = [(word, middle) for word, middle, home in zip(words, middles, homes, strict=True) if home < 0]
    for own, passed in _grouped(strays, edges):
        result.append(_utterance(own, own[0].start_us, own[-1].end_us, passed, passed, edges))
    return sorted(result, key=lambda row: row.start_us)


def _home(middle: float, edges: NDArray[np.int64]) -> int:
    """The region a word belongs to, -1 when none is near."""
    if not len(edges):
        return -1
    distance = np.maximum(np.maximum(edges[:, 0] - middle, middle - edges[:, 1]), 0)
    nearest = int(distance.argmin())
    return nearest if distance[nearest] <= REACH_US else -1


def _grouped(
    strays: Sequence[tuple[SpokenWord, float]], edges: NDArray[np.int64]
) -> list[tuple[tuple[SpokenWord, ...], int]]:
    """Words of one utterance each, with how many regions lie before it."""
    groups: list[tuple[list[SpokenWord], int]] = []
    for word, middle in strays:
        passed = int(np.searchsorted(edges[:, 0], middle, side="right"))
        if groups and groups[-1][1] == passed and word.start_us - groups[-1][0][-1].end_us <= PAUSE_US:
            groups[-1][0].append(word)
        else:
            groups.append(([word], passed))
    return [(tuple(own), passed) for own, passed in groups]


def _utterance(
    own: tuple[SpokenWord, ...], start: int, end: int, before: int, after: int, edges: NDArray[np.int64]
) -> Utterance:
    """An utterance that stays off the `before - 1`th and the `after`th region."""
    start = max(start, int(edges[before - 1, 1])) if before else start
    end = min(end, int(edges[after, 0])) if after < len(edges) else end
    score = float(np.mean([word.score for word in own]))
    return Utterance(start, end, score, tuple(within(word, start, end) for word in own))


def within(word: SpokenWord, start_us: int, end_us: int) -> SpokenWord:
    """The word cut to [start_us, end_us), a microsecond long at least."""
    start = min(max(word.start_us, start_us), end_us - 1)
    return SpokenWord(word.text, start, max(start + 1, min(word.end_us, end_us)), word.score)
