"""How well stretches of time are found: how far their ends are off, and the diarisation error rate.

The error rate is that of NIST's Rich Transcription evaluations (RT-09 evaluation plan, md-eval): time missed, time
falsely found and time given to somebody else, over the time that is truly there. Where two words are said at once the
time counts twice; overlapping stretches of one word (and channel) are one. Words are compared as they are: they come
from the study's label schema, so no mapping of speakers is searched. A collar takes that much time on each side of
every true boundary out of the sum; where stretches of one word overlap or touch there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wire.labels import Interval

Array = NDArray[Any]

COLLAR_US = 250_000


@dataclass
class TimeSums:
    """Microseconds, added over captures. `truth` counts the time of every word that is there."""

    missed: int = 0
    false_alarm: int = 0
    confused: int = 0
    truth: int = 0

    def add(self, other: TimeSums) -> None:
        self.missed += other.missed
        self.false_alarm += other.false_alarm
        self.confused += other.confused
        self.truth += other.truth

    def to_row(self) -> list[int]:
        """The members in their order."""
        return [self.missed, self.false_alarm, self.confused, self.truth]

    @property
    def error_rate(self) -> float | None:
        """0 is perfect, more than 1 is possible; None when nothing is truly there."""
        wrong = self.missed + self.false_alarm + self.confused
        return wrong / self.truth if self.truth else None


def time_sums(made: Sequence[Interval], truth: Sequence[Interval], collar_us: int = 0) -> TimeSums:
    """The sums of one recording.

    Two stretches of one word (and channel) that overlap on the same side count once: nobody speaks twice at a time.

    Args:
        collar_us: taken out on each side of every true boundary, 0 for none.
    """
    words = sorted({_voice(row) for row in (*made, *truth)})
    if not words:
        return TimeSums()
    index = {word: number for number, word in enumerate(words)}
    ends = np.array(_ends(truth), dtype=np.int64)
    no_score = np.stack([ends - collar_us, ends + collar_us], axis=1) if collar_us else np.zeros((0, 2), np.int64)
    edges = np.unique(np.concatenate([_edges(made), _edges(truth), no_score.ravel()]))
    lengths = np.diff(edges)
    theirs = _present(made, index, edges)
    ours = _present(truth, index, edges)
    if collar_us:
        lengths = np.where(_covered(no_score, edges), 0, lengths)
    both = (ours & theirs).sum(axis=0)
    n_truth, n_made = ours.sum(axis=0), theirs.sum(axis=0)
    return TimeSums(
        missed=int((np.maximum(0, n_truth - n_made) * lengths).sum()),
        false_alarm=int((np.maximum(0, n_made - n_truth) * lengths).sum()),
        confused=int(((np.minimum(n_truth, n_made) - both) * lengths).sum()),
        truth=int((n_truth * lengths).sum()),
    )


def _ends(rows: Sequence[Interval]) -> list[int]:
    """Where each word (and channel) begins and ends to be there."""
    ends: list[int] = []
    newest: dict[tuple[str, int], int] = {}  # index of the end of the newest stretch of each
    for row in sorted(rows, key=lambda row: row.start_us):
        at = newest.get(_voice(row))
        if at is not None and row.start_us <= ends[at]:
            ends[at] = max(ends[at], row.end_us)
        else:
            ends += [row.start_us, row.end_us]
            newest[_voice(row)] = len(ends) - 1
    return ends


def _voice(row: Interval) -> tuple[str, int]:
    return row.label, -1 if row.channel is None else row.channel


def _edges(rows: Sequence[Interval]) -> Array:
    return np.array([edge for row in rows for edge in (row.start_us, row.end_us)], dtype=np.int64)


def _present(rows: Sequence[Interval], index: dict[tuple[str, int], int], edges: Array) -> Array:
    """Which words are there between neighbouring edges, bool [words, edges - 1]."""
    count = np.zeros((len(index), len(edges)), dtype=np.int64)
    voices = np.array([index[_voice(row)] for row in rows], dtype=np.intp)
    np.add.at(count, (voices, np.searchsorted(edges, [row.start_us for row in rows])), 1)
    np.add.at(count, (voices, np.searchsorted(edges, [row.end_us for row in rows])), -1)
    present: Array = count.cumsum(axis=1)[:, :-1] > 0
    return present


def _covered(stretches: Array, edges: Array) -> Array:
    count = np.zeros(len(edges), dtype=np.int64)
    np.add.at(count, np.searchsorted(edges, stretches[:, 0]), 1)
    np.add.at(count, np.searchsorted(edges, stretches[:, 1]), -1)
    covered: Array = count.cumsum()[:-1] > 0
    return covered
