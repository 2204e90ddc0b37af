"""Fits a calibration to scores and whether people found the pre-labels right.

A pair is a score and whether the pre-label was right (same word, matched to the reviewed truth; quality/pairs.py says
exactly). From many pairs of one class its own isotonic curve is fitted, from fewer its own slope and intercept, else
one line for the whole model, else the score stays as it is; each class says which it got and why. Everything is chosen
by what it foretells of pairs it did not see, and pairs of one capture are never parted: labels of one picture are right
or wrong together. Pairs should come from the random share of the queue alone: what was chosen because it was doubtful
would make the model look worse than it is.

Sources: curves.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.quality.pairs import ScorePair
from prelabel.triage.calibration import DECIMALS, Calibration, ClassTable, Method, reliability
from prelabel.triage.curves import LogitLine, best_line, best_temperature, curve, isotonic, log_loss
from wire.labels import Source

Array = NDArray[Any]

TEMPERATURE_PAIRS, TEMPERATURE_EACH = 50, 10  # of a line: one number or two
ISOTONIC_PAIRS, ISOTONIC_EACH = 200, 20
FOLDS = 5
WORSE_ECE = 0.01  # a fit that raises the error of its own pairs by more is not used


@dataclass(frozen=True)
class _Pairs:
    """The pairs of a model or of one of its classes; `fold` parts captures, not pairs."""

    labels: Array
    scores: Array
    right: Array
    fold: Array

    def of(self, chosen: Array) -> _Pairs:
        return _Pairs(self.labels[chosen], self.scores[chosen], self.right[chosen], self.fold[chosen])

    def unseen(self, fit: Callable[[_Pairs], Callable[[_Pairs], Array]], of: _Pairs | None = None) -> Array:
        """Every score as a fit on the other folds reads it; as it is where there are no others.

        Args:
            of: pairs to read instead of these, in folds of the same captures.
        """
        new = self if of is None else of
        result = new.scores.copy()
        for number in range(FOLDS):
            test, rest = new.fold == number, self.fold != number
            if test.any() and rest.any():
                result[test] = fit(self.of(rest))(new.of(test))
        return result

    def too_few(self, pairs: int, each: int) -> bool:
        good = int(self.right.sum())
        return self.right.size < pairs or min(good, self.right.size - good) < each or len(set(self.fold.tolist())) < 2


@dataclass(frozen=True)
class _Plan:
    """Which fit each class gets and why; `line` makes the model's line of pairs, None leaves scores as they are."""

    methods: dict[str, tuple[Method, str]]
    line: Callable[[_Pairs], LogitLine] | None

    def fit(self, pairs: _Pairs) -> Callable[[_Pairs], Array]:
        """What a fit on some pairs makes of the scores of others."""
        rest = None if self.line is None else self.line(pairs)
        own: dict[str, Callable[[Array], Array]] = {}
        for name, (method, _) in self.methods.items():
            mine = pairs.of(pairs.labels == name)
            if method in ("isotonic", "platt") and mine.scores.size:
                own[name] = _own_fit(method, mine)

        def read(new: _Pairs) -> Array:
            result = new.scores.copy()
            for name in set(new.labels.tolist()):
                at = new.labels == name
                if name in own:
                    result[at] = own[name](new.scores[at])
                elif rest is not None and (name not in self.methods or self.methods[name][0] != "identity"):
                    result[at] = rest.read(new.scores[at])
            return result

        return read


@dataclass(frozen=True)
class Fit:
    """A calibration with the pairs that it was fitted to, so that it can be judged by what it does not see.

    `folds` has the fold of each capture.
    """

    calibration: Calibration
    pairs: Sequence[ScorePair]
    plan: _Plan
    folds: Mapping[object, int]

    def unseen_loss(self, of: Sequence[ScorePair]) -> float:
        """The mean log loss of pairs of the same captures, each read by a fit that did not see its capture."""
        new = _arrays(of, self.folds)
        return log_loss(_arrays(self.pairs, self.folds).unseen(self.plan.fit, new), new.right)


def fit(model: Source, pairs: Sequence[ScorePair], fitted_at: datetime) -> Fit:
    """Calibrate a model from reviewed pre-labels.

    With too few pairs nothing is fitted: `method` is `identity` and each class says how many it would need.

    Args:
        model: the model whose scores these are.
        pairs: in any order that does not depend on the outcome; folds are taken from the order of their captures.
        fitted_at: aware time.
    """
    folds = _folds(pairs)
    given = _arrays(pairs, folds)
    before = reliability(given.scores, given.right)
    plan = _harmless(_chosen(given), given, before.ece)
    line = None if plan.line is None else plan.line(given)
    order: tuple[Method, ...] = ("isotonic", "platt", "temperature", "identity")
    used = {method for method, _ in plan.methods.values()} | {"identity"}
    calibration = Calibration(
        model=model,
        fitted_at=fitted_at,
        pairs=len(pairs),
        method=next(method for method in order if method in used),
        temperature=None if line is None else round(1 / line.slope, DECIMALS),
        intercept=0.0 if line is None else round(line.intercept, DECIMALS),
        ends=(0.0, 1.0) if line is None else (line.low, line.high),
        classes={
            name: _table(given.of(given.labels == name), method, why) for name, (method, why) in plan.methods.items()
        },
        before=before,
        after=reliability(given.unseen(plan.fit), given.right),
    )
    return Fit(calibration, pairs, plan, folds)


def are_too_few(pairs: Sequence[ScorePair]) -> bool:
    """Whether not even one line can be fitted to pairs."""
    return _arrays(pairs, _folds(pairs)).too_few(TEMPERATURE_PAIRS, TEMPERATURE_EACH)


def _arrays(pairs: Sequence[ScorePair], folds: Mapping[object, int]) -> _Pairs:
    return _Pairs(
        np.array([pair.label for pair in pairs], dtype=object),
        np.array([pair.score for pair in pairs], dtype=np.float64),
        np.array([pair.correct for pair in pairs], dtype=np.float64),
        np.array([folds.get(key, 0) for key in _captures(pairs)], dtype=np.intp),
    )


def _folds(pairs: Sequence[ScorePair]) -> dict[object, int]:
    """The fold of each capture: captures in turn, so that pairs of one stay together."""
    return {key: number % FOLDS for number, key in enumerate(dict.fromkeys(_captures(pairs)))}


def _captures(pairs: Sequence[ScorePair]) -> list[object]:
    return [index if pair.capture is None else pair.capture for index, pair in enumerate(pairs)]


def _own_fit(method: Method, mine: _Pairs) -> Callable[[Array], Array]:
    if method == "isotonic":
        knots = isotonic(mine.scores, mine.right)
        return lambda scores: curve(knots, scores)
    return best_line(mine.scores, mine.right).read


def _table(mine: _Pairs, method: Method, why: str) -> ClassTable:
    line = best_line(mine.scores, mine.right) if method == "platt" else None
    return ClassTable(
        method=method,
        pairs=mine.right.size,
        correct=int(mine.right.sum()),
        why=why,
        knots=isotonic(mine.scores, mine.right) if method == "isotonic" else [],
        temperature=None if line is None else round(1 / line.slope, DECIMALS),
        intercept=0.0 if line is None else round(line.intercept, DECIMALS),
        ends=(0.0, 1.0) if line is None else (line.low, line.high),
    )


def _temperature(pairs: _Pairs) -> LogitLine:
    return best_temperature(pairs.scores, pairs.right)


def _platt(pairs: _Pairs) -> LogitLine:
    return best_line(pairs.scores, pairs.right)


def _chosen(given: _Pairs) -> _Plan:
    names = sorted(set(given.labels.tolist()))
    few = [name for name in names if given.of(given.labels == name).too_few(TEMPERATURE_PAIRS, TEMPERATURE_EACH)]
    line = _chosen_line(given, few)
    return _Plan({name: _chosen_method(given.of(given.labels == name), given, line) for name in names}, line)


def _chosen_line(given: _Pairs, few: Sequence[str]) -> Callable[[_Pairs], LogitLine] | None:
    """What foretells unseen pairs best: no line, a temperature, or an intercept as well if it is worth its number.

    An intercept is how often the things of a class are there: it is taken from the classes `few` alone, which have too
    few pairs for tables of their own, and only if together they have enough.
    """
    if given.too_few(TEMPERATURE_PAIRS, TEMPERATURE_EACH):
        return None

    def of_few(pairs: _Pairs) -> _Pairs:
        return pairs.of(np.isin(pairs.labels, few))

    def shared(pairs: _Pairs) -> LogitLine:
        return _platt(of_few(pairs))

    best = _better(given, _temperature, None, 0)
    rest = of_few(given)
    return best if rest.too_few(TEMPERATURE_PAIRS, TEMPERATURE_EACH) else _better(rest, shared, best, 1)


def _better(
    given: _Pairs, line: Callable[[_Pairs], LogitLine], than: Callable[[_Pairs], LogitLine] | None, numbers: int
) -> Callable[[_Pairs], LogitLine] | None:
    """`line` if it foretells unseen pairs better, each of its further numbers counted (Akaike's criterion)."""
    plain = given.scores if than is None else given.unseen(_reading(than))
    gain = log_loss(plain, given.right) - log_loss(given.unseen(_reading(line)), given.right)
    return line if gain > numbers / given.right.size else than


def _reading(line: Callable[[_Pairs], LogitLine]) -> Callable[[_Pairs], Callable[[_Pairs], Array]]:
    def fit(pairs: _Pairs) -> Callable[[_Pairs], Array]:
        found = line(pairs)
        return lambda new: found.read(new.scores)

    return fit


def _chosen_method(mine: _Pairs, given: _Pairs, line: Callable[[_Pairs], LogitLine] | None) -> tuple[Method, str]:
    """What one class gets, and the sentence why."""
    count, good = mine.right.size, int(mine.right.sum())
    fallback: Method = "identity" if line is None else "temperature"
    rest = "the model's temperature is used" if line is not None else "the score stays as it is"
    few = mine.too_few(ISOTONIC_PAIRS, ISOTONIC_EACH)
    if mine.too_few(TEMPERATURE_PAIRS, TEMPERATURE_EACH):
        return fallback, _few(mine, given, line, rest)
    plain = mine.scores if line is None else given.unseen(_reading(line))[given.labels == mine.labels[0]]
    losses: dict[Method, float] = {fallback: log_loss(plain, mine.right)}
    # Two numbers of its own have to be worth it (Akaike's criterion).
    losses["platt"] = log_loss(mine.unseen(_reading(_platt)), mine.right) + 2 / count
    if not few:
        unseen = mine.unseen(lambda pairs: lambda new: curve(isotonic(pairs.scores, pairs.right), new.scores))
        losses["isotonic"] = log_loss(unseen, mine.right)
    best = min(losses, key=lambda method: losses[method])
    numbers = f"{count} pairs ({good} right, {count - good} wrong)"
    if best == "isotonic":
        return best, f"A curve of its own from {numbers}."
    if best == "platt":
        return best, f"A slope and an intercept of its own from {numbers}."
    if few:
        return best, _few(mine, given, line, rest)
    return best, f"A curve from its {count} pairs does not foretell unseen pairs better; {rest}."


def _few(mine: _Pairs, given: _Pairs, line: object, rest: str) -> str:
    count, good = mine.right.size, int(mine.right.sum())
    few = (
        f"{count} pairs ({good} right, {count - good} wrong) are too few for a curve of its own, which needs"
        f" {ISOTONIC_PAIRS} with {ISOTONIC_EACH} of each; {rest}"
    )
    if line is None and given.too_few(TEMPERATURE_PAIRS, TEMPERATURE_EACH):
        few += (
            f", because all {given.right.size} pairs of the model are too few for a temperature, which needs"
            f" {TEMPERATURE_PAIRS} with {TEMPERATURE_EACH} of each"
        )
    return few + "."


def _harmless(plan: _Plan, given: _Pairs, ece: float) -> _Plan:
    """The plan with the temperature and then the curves taken away where they raise the error of their own pairs."""
    why = "The fit raised the calibration error of its own pairs; the score stays as it is."
    plain: tuple[Method, str] = ("identity", why)
    without = {name: plain if row[0] == "temperature" else row for name, row in plan.methods.items()}
    for tried in (plan, _Plan(without, None)):
        if reliability(tried.fit(given)(given), given.right).ece <= ece + WORSE_ECE:
            return tried
    return _Plan(dict.fromkeys(plan.methods, plain), None)
