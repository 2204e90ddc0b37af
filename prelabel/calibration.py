"""What a score is worth: calibration of a model's scores from pre-labels that people have reviewed.

A pair is a score and whether the pre-label was right (same word, matched to the reviewed truth; quality/pairs.py says
exactly). From enough pairs of one class its own isotonic curve is fitted, else one temperature of the whole model,
else the score stays as it is; each class says which it got and why. Pairs should come from the random share of the
queue alone: what was chosen because it was doubtful would make the model look worse than it is.

Sources: temperature, Guo et al., On Calibration of Modern Neural Networks, ICML 2017; isotonic curves by pool
adjacent violators, Zadrozny and Elkan, KDD 2002; expected calibration error, Naeini et al., AAAI 2015.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from prelabel.quality.texts import ExpectedErrors
from wire.base import Count, Document, Utc, WireModel
from wire.labels import Score, Source

Array = NDArray[Any]
Method = Literal["isotonic", "temperature", "identity"]

TEMPERATURE_PAIRS, TEMPERATURE_EACH = 50, 10
ISOTONIC_PAIRS, ISOTONIC_EACH = 200, 20
BINS = 10
FOLDS = 5
WORSE_ECE = 0.01  # a fit that raises the error of its own pairs by more is not used
_EDGE = 1e-6  # scores of exactly 0 and 1 have no logit
_SLOPES = (0.05, 20.0)
_DECIMALS = 6


class ScorePair(NamedTuple):
    """A pre-label's word and score, and whether a reviewer found it right."""

    label: str
    score: float
    correct: bool


class Bin(WireModel):
    """Pairs whose score is in [low, high), the last bin with its end: mean score and share that was right."""

    low: float
    high: float
    pairs: Count
    score: Score
    correct: Score


class Reliability(WireModel):
    """Expected calibration error: mean over pairs of |mean score - share right| of their bin; empty bins left out."""

    ece: Score
    pairs: Count
    bins: list[Bin]


class ClassTable(WireModel):
    """How the scores of one class are read. `knots` are (score, share right), rising in both, for isotonic only."""

    method: Method
    pairs: Count
    correct: Count
    why: str
    knots: list[tuple[Score, Score]] = []

    @model_validator(mode="after")
    def _knots_rise(self) -> Self:
        if (self.method == "isotonic") != bool(self.knots):
            raise ValueError("an isotonic table has knots, no other has")
        if any(b[0] <= a[0] or b[1] < a[1] for a, b in pairwise(self.knots)):
            raise ValueError("knots do not rise")
        return self


class Calibration(Document):
    """The calibration of one model file, known by the sha256 in `model`; labels of another file must not use it.

    `before` and `after` are measured on the same pairs; `after` on pairs the fit did not see (five folds).
    `temperature` divides the logit of the scores of every class without an isotonic table; None leaves them.
    `word_errors` has, by `texts.main_language`, what a model that writes got wrong, where there is evidence enough.
    """

    model: Source
    fitted_at: Utc
    pairs: Count
    method: Method
    temperature: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    classes: dict[str, ClassTable]
    before: Reliability
    after: Reliability
    word_errors: dict[str, ExpectedErrors] = {}

    @model_validator(mode="after")
    def _of_a_model(self) -> Self:
        if self.model.kind != "model":
            raise ValueError("a calibration is of a model")
        return self

    def apply(self, label: str, score: float) -> float:
        """The probability, 0..1, that a pre-label with this word and score is right; never falls as scores rise."""
        table = self.classes.get(label)
        if table is not None and table.method == "isotonic":
            return _between(table.knots, score)
        return float(_tempered(np.array([score]), 1 / self.temperature)[0]) if self.temperature else float(score)


def fit(model: Source, pairs: Sequence[ScorePair], fitted_at: datetime) -> Calibration:
    """Calibrate a model from reviewed pre-labels.

    With too few pairs nothing is fitted: `method` is `identity` and each class says how many it would need.

    Args:
        model: the model whose scores these are.
        pairs: in any order that does not depend on the outcome; folds are taken from it.
        fitted_at: aware time.
    """
    labels = np.array([pair.label for pair in pairs], dtype=object)
    scores = np.array([pair.score for pair in pairs], dtype=np.float64)
    right = np.array([pair.correct for pair in pairs], dtype=np.float64)
    slope = _chosen_slope(scores, right)
    methods = {name: _chosen_method(labels == name, scores, right, slope) for name in sorted(set(labels.tolist()))}
    before = reliability(scores, right)
    methods, slope = _harmless(methods, slope, labels, scores, right, before.ece)
    classes = {}
    for name, (method, why) in methods.items():
        mine = labels == name
        knots = isotonic(scores[mine], right[mine]) if method == "isotonic" else []
        classes[name] = ClassTable(
            method=method, pairs=int(mine.sum()), correct=int(right[mine].sum()), why=why, knots=knots
        )
    order: tuple[Method, ...] = ("isotonic", "temperature", "identity")
    used = {method for method, _ in methods.values()} | {"identity"}
    best = next(method for method in order if method in used)
    return Calibration(
        model=model,
        fitted_at=fitted_at,
        pairs=len(pairs),
        method=best,
        temperature=None if slope is None else round(1 / slope, _DECIMALS),
        classes=classes,
        before=before,
        after=reliability(_unseen(methods, slope, labels, scores, right), right),
    )


def reliability(scores: Array, correct: Array, bins: int = BINS) -> Reliability:
    """The calibration error of scores 0..1 against 0/1 outcomes, in bins of equal width."""
    if scores.size == 0:
        return Reliability(ece=0.0, pairs=0, bins=[])
    index = np.minimum((scores * bins).astype(np.intp), bins - 1)
    count = np.bincount(index, minlength=bins)
    score = np.bincount(index, weights=scores, minlength=bins) / np.maximum(count, 1)
    share = np.bincount(index, weights=correct, minlength=bins) / np.maximum(count, 1)
    ece = float((count * np.abs(score - share)).sum() / scores.size)
    rows = [
        Bin(
            low=round(number / bins, _DECIMALS),
            high=round((number + 1) / bins, _DECIMALS),
            pairs=int(count[number]),
            score=round(min(1.0, float(score[number])), _DECIMALS),
            correct=round(float(share[number]), _DECIMALS),
        )
        for number in np.flatnonzero(count).tolist()
    ]
    return Reliability(ece=round(min(1.0, ece), _DECIMALS), pairs=int(scores.size), bins=rows)


def isotonic(scores: Array, correct: Array) -> list[tuple[float, float]]:
    """The rising curve nearest to the outcomes (least squares) as knots (score, share right), linear between.

    Shares stay within 1/(n + 2) of 0 and 1, the rule of succession: n right answers prove no certainty.
    """
    points, inverse = np.unique(np.round(scores, _DECIMALS), return_inverse=True)
    weights = np.bincount(inverse).astype(np.float64)
    means = np.bincount(inverse, weights=correct) / weights
    blocks: list[tuple[float, float, int]] = []  # sum of outcomes, weight, index of the last point
    for index, (mean, weight) in enumerate(zip(means.tolist(), weights.tolist(), strict=True)):
        total = mean * weight
        while blocks and blocks[-1][0] * weight >= total * blocks[-1][1]:
            before = blocks.pop()
            total, weight = total + before[0], weight + before[1]
        blocks.append((total, weight, index))
    least = 1 / (scores.size + 2)
    knots: list[tuple[float, float]] = []
    first = 0
    for total, weight, last in blocks:
        share = round(min(max(total / weight, least), 1 - least), _DECIMALS)
        knots += [(float(points[index]), share) for index in sorted({first, last})]
        first = last + 1
    return knots


def best_slope(scores: Array, correct: Array) -> float:
    """1 / temperature with the least log loss. The loss is convex in it, so its derivative is bisected."""
    logits = _logits(scores)
    low, high = _SLOPES
    for _ in range(60):
        middle = (low + high) / 2
        if float(((_sigmoid(middle * logits) - correct) * logits).sum()) > 0:
            high = middle
        else:
            low = middle
    return (low + high) / 2


def _chosen_slope(scores: Array, right: Array) -> float | None:
    """The model's slope if there are pairs enough and it helps on pairs it did not see; else None."""
    if _too_few(right, TEMPERATURE_PAIRS, TEMPERATURE_EACH):
        return None
    unseen = _folded(scores, right, lambda s, r, t: _tempered(t, best_slope(s, r)))
    return best_slope(scores, right) if _log_loss(unseen, right) < _log_loss(scores, right) else None


def _chosen_method(mine: Array, scores: Array, right: Array, slope: float | None) -> tuple[Method, str]:
    """What one class gets, and the sentence why."""
    count, good = int(mine.sum()), int(right[mine].sum())
    fallback: Method = "identity" if slope is None else "temperature"
    rest = "the model's temperature is used" if slope is not None else "the score stays as it is"
    if _too_few(right[mine], ISOTONIC_PAIRS, ISOTONIC_EACH):
        few = (
            f"{count} pairs ({good} right, {count - good} wrong) are too few for a curve of its own, which needs"
            f" {ISOTONIC_PAIRS} with {ISOTONIC_EACH} of each; {rest}"
        )
        if slope is None and _too_few(right, TEMPERATURE_PAIRS, TEMPERATURE_EACH):
            few += (
                f", because all {len(right)} pairs of the model are too few for a temperature, which needs"
                f" {TEMPERATURE_PAIRS} with {TEMPERATURE_EACH} of each"
            )
        return fallback, few + "."
    unseen = _folded(scores[mine], right[mine], lambda s, r, t: _curve(isotonic(s, r), t))
    plain = scores[mine] if slope is None else _tempered(scores[mine], slope)
    if _log_loss(unseen, right[mine]) >= _log_loss(plain, right[mine]):
        return fallback, f"A curve from its {count} pairs does not foretell unseen pairs better; {rest}."
    return "isotonic", f"A curve of its own from {count} pairs ({good} right, {count - good} wrong)."


def _harmless(
    methods: dict[str, tuple[Method, str]], slope: float | None, labels: Array, scores: Array, right: Array, ece: float
) -> tuple[dict[str, tuple[Method, str]], float | None]:
    """The same, with the temperature and then the curves taken away where they raise the error of their own pairs."""
    why = "The fit raised the calibration error of its own pairs; the score stays as it is."
    plain: tuple[Method, str] = ("identity", why)
    without = {name: plain if row[0] == "temperature" else row for name, row in methods.items()}
    for tried, used in ((methods, slope), (without, None)):
        after = _predicted(tried, used, labels, scores, right, labels, scores)
        if reliability(after, right).ece <= ece + WORSE_ECE:
            return tried, used
    return dict.fromkeys(methods, plain), None


def _unseen(
    methods: dict[str, tuple[Method, str]], slope: float | None, labels: Array, scores: Array, right: Array
) -> Array:
    """Every score as a fit of the same methods on the other folds reads it."""
    result = scores.copy()
    fold = np.arange(scores.size) % FOLDS
    for number in range(FOLDS):
        test = fold == number
        if test.any() and not test.all():
            again = None if slope is None else best_slope(scores[~test], right[~test])
            result[test] = _predicted(
                methods, again, labels[~test], scores[~test], right[~test], labels[test], scores[test]
            )
    return result


def _predicted(
    methods: dict[str, tuple[Method, str]],
    slope: float | None,
    labels: Array,
    scores: Array,
    right: Array,
    new_labels: Array,
    new_scores: Array,
) -> Array:
    """What a fit on the first three arrays makes of new scores."""
    result = new_scores.copy() if slope is None else _tempered(new_scores, slope)
    for name, (method, _) in methods.items():
        mine, new = labels == name, new_labels == name
        if method == "isotonic" and mine.any() and new.any():
            result[new] = _curve(isotonic(scores[mine], right[mine]), new_scores[new])
    return result


def _folded(scores: Array, right: Array, predict: Any) -> Array:
    result = scores.copy()
    fold = np.arange(scores.size) % FOLDS
    for number in range(FOLDS):
        test = fold == number
        result[test] = predict(scores[~test], right[~test], scores[test])
    return result


def _too_few(right: Array, pairs: int, each: int) -> bool:
    good = int(right.sum())
    return right.size < pairs or min(good, right.size - good) < each


def _between(knots: Sequence[tuple[float, float]], score: float) -> float:
    """The curve at one score: linear between knots, level outside them."""
    index = bisect_right(knots, (score, math.inf))
    if index == 0 or index == len(knots):
        return knots[0 if index == 0 else -1][1]
    (x0, y0), (x1, y1) = knots[index - 1], knots[index]
    return y0 + (y1 - y0) * (score - x0) / (x1 - x0)


def _curve(knots: Sequence[tuple[float, float]], scores: Array) -> Array:
    table = np.array(knots)
    result: Array = np.interp(scores, table[:, 0], table[:, 1])
    return result


def _tempered(scores: Array, slope: float) -> Array:
    return _sigmoid(slope * _logits(scores))


def _logits(scores: Array) -> Array:
    clipped = np.clip(scores, _EDGE, 1 - _EDGE)
    logits: Array = np.log(clipped) - np.log1p(-clipped)
    return logits


def _sigmoid(values: Array) -> Array:
    result: Array = 0.5 * (1 + np.tanh(0.5 * values))  # never overflows
    return result


def _log_loss(scores: Array, right: Array) -> float:
    clipped = np.clip(scores, _EDGE, 1 - _EDGE)
    return float(-(right * np.log(clipped) + (1 - right) * np.log1p(-clipped)).mean())
