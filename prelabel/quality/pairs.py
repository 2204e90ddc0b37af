"""From reviewed items to pairs that a calibration or the expected word error rate is fitted to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from prelabel.geometry.overlap import overlap_table
from prelabel.quality.matching import found
from prelabel.quality.reviewed import Reviewed
from prelabel.quality.texts import TextPair, spoken
from wire.labels import Interval


class ScorePair(NamedTuple):
    """A pre-label's word and score, whether a reviewer found it right, and where; None: in a capture of its own."""

    label: str
    score: float
    correct: bool
    capture: str | None = None


def score_pairs(items: Iterable[Reviewed]) -> list[ScorePair]:
    """The score of every pre-label and whether it was right, for `fitting.fit`.

    Only items drawn by chance count: those chosen for their doubt are wrong more often, whoever saw what. Right is a
    pre-label with a reviewed label of the same kind and word at overlap 0.5 or more; a text must be the same text.
    The items must be of one model.
    """
    pairs = []
    for item in items:
        labels = item.before.labels
        if not labels or not item.drawn_by_chance:
            continue
        table = overlap_table(labels, item.after.labels, item.times_us, item.size)
        right = {row for row, _, _ in found(labels, item.after.labels, table).pairs}
        pairs += [
            ScorePair(label.label, label.score, row in right, item.capture)
            for row, label in enumerate(labels)
            if label.score is not None
        ]
    return pairs


def text_pairs(items: Iterable[Reviewed], shown: bool) -> list[TextPair]:
    """What was heard and what was said, one pair per recording, for `texts.expected_word_error_rate`.

    Args:
        shown: whether the words stood in the text when people began; never where the pre-labels were not shown.
    """
    pairs = []
    for item in items:
        heard, said = (
            [label for label in labels if isinstance(label, Interval)]
            for labels in (item.before.labels, item.after.labels)
        )
        if any(spoken(label) is not None for label in heard):
            truth, made = (
                " ".join(spoken(label) or "" for label in sorted(rows, key=lambda row: row.start_us))
                for rows in (said, heard)
            )
            pairs.append(TextPair(item.language, truth, made, shown and item.shown))
    return pairs
