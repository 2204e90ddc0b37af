"""Shares and rates with 95 % intervals that hold although the labels of one capture are right or wrong together. Pure.

Captures are drawn, not labels: what is sampled is a cluster. The variance of a share is the linearised one of a ratio
over clusters (Cochran, Sampling Techniques, 1977, chapter 11); it says how many independent labels the sample is worth,
and Clopper and Pearson's exact interval is taken for that many, with the degrees of freedom of the clusters: Korn and
Graubard, Confidence intervals for proportions with small expected number of positive counts estimated from survey data,
Survey Methodology 24 (1998), which the US National Center for Health Statistics prescribes. Without any scatter to
measure (nothing or everything right) every capture counts as one observation.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_TAIL = 0.025
_STEPS = 40  # halvings: far below what is shown
_TERMS = 10_000
_TINY = 1e-300


class RateInterval(NamedTuple):
    """A rate and the ends of its interval, out of how many labels or words, in how many captures or texts."""

    rate: float
    low: float
    high: float
    of: int
    clusters: int


class Ratio(NamedTuple):
    """What the interval of a rate is made of: its linearised variance; whether some count is larger than its whole."""

    rate: float
    variance: float
    of: int
    clusters: int
    exceeds: bool


def ratio(rows: Iterable[tuple[int, int]]) -> Ratio | None:
    """Of (count, out of) of each capture; None out of nothing."""
    # Thousands of captures have the same few counts.
    table = [(count, of, times) for (count, of), times in Counter(rows).items() if of > 0]
    if not table:
        return None
    total, clusters = sum(of * times for _, of, times in table), sum(times for _, _, times in table)
    rate = sum(count * times for count, _, times in table) / total
    variance = sum(times * (count - rate * of) ** 2 for count, of, times in table) / total**2
    if clusters > 1:
        variance *= clusters / (clusters - 1)
    return Ratio(rate, variance, total, clusters, any(count > of for count, of, _ in table))


def clustered(rows: Iterable[tuple[int, int]]) -> RateInterval | None:
    """The rate of (count, out of) summed over clusters, with its interval; None out of nothing.

    Args:
        rows: one for each capture. Counts larger than what they are out of (word errors) are possible.
    """
    return rates([ratio(rows)])[0]


def rates(ratios: Sequence[Ratio | None]) -> list[RateInterval | None]:
    """The rate and interval of each, all at once: thousands take little longer than one."""
    found = [row for row in ratios if row is not None]
    quantiles = _t_by_freedom(found)
    # A rate of mistakes has no end at 1: from a half on it is taken as the ratio it is.
    wild = [row.clusters > 1 and row.rate > 0.5 and row.exceeds for row in found]
    worths = [_worth(row, quantiles) for row in found]
    good = np.array([min(row.rate, 1.0) * worth for row, worth in zip(found, worths, strict=True)])
    lows, highs = exact_intervals(good, np.array(worths))
    made = []
    for row, is_wild, low, high in zip(found, wild, lows.tolist(), highs.tolist(), strict=True):
        if is_wild:
            half = quantiles[row.clusters - 1] * math.sqrt(row.variance)
            low, high = max(0.0, row.rate - half), row.rate + half
        made.append(RateInterval(row.rate, low, high, row.of, row.clusters))
    rest = iter(made)
    return [None if row is None else next(rest) for row in ratios]


def _t_by_freedom(ratios: Sequence[Ratio]) -> dict[int, float]:
    freedoms = sorted({number for row in ratios for number in (row.of - 1, row.clusters - 1) if number > 0})
    return dict(zip(freedoms, t_quantiles(np.array(freedoms, dtype=np.float64)).tolist(), strict=True))


def _worth(row: Ratio, quantiles: dict[int, float]) -> float:
    """How many independent observations the sample is worth."""
    rate = min(row.rate, 1.0)
    if row.clusters == 1 or rate in (0.0, 1.0):
        return float(row.clusters)
    if row.variance == 0:
        return float(row.of)
    freedom = quantiles[row.of - 1] / quantiles[row.clusters - 1]
    return min(float(row.of), rate * (1 - rate) / row.variance * freedom**2)


def exact_intervals(good: Array, of: Array) -> tuple[Array, Array]:
    """The 95 % intervals of Clopper and Pearson (Biometrika, 1934), low and high ends; no number need be whole."""
    low, high = np.zeros(len(good)), np.ones(len(good))
    some, missing = good > 0, good < of
    low[some] = beta_quantiles(_TAIL, good[some], (of - good + 1)[some])
    high[missing] = beta_quantiles(1 - _TAIL, (good + 1)[missing], (of - good)[missing])
    return low, high


def beta_quantiles(share: float, a: Array, b: Array) -> Array:
    """The points below which beta distributions have this share."""
    shapes, back = np.unique(np.stack([a, b], axis=1), axis=0, return_inverse=True)
    first, second = shapes.T
    low, high = np.zeros(len(shapes)), np.ones(len(shapes))
    for _ in range(_STEPS):
        middle = (low + high) / 2
        below = beta_shares(middle, first, second) < share
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    points: Array = ((low + high) / 2)[back.reshape(-1)]
    return points


def t_quantiles(freedoms: Array) -> Array:
    """The points of Student's t that leave 2.5 % above them."""
    # t^2 / (t^2 + freedom) is beta distributed.
    inside = 1 - beta_quantiles(2 * _TAIL, freedoms / 2, np.full(len(freedoms), 0.5))
    points: Array = np.sqrt(freedoms * inside / (1 - inside))
    return points


def beta_shares(x: Array, a: Array, b: Array) -> Array:
    """The share of each beta distribution below x, 0 < x < 1: the incomplete beta function, DLMF 8.17.22."""
    front = np.exp(_log_gamma(a + b) - _log_gamma(a) - _log_gamma(b) + a * np.log(x) + b * np.log1p(-x))
    turned = x > (a + 1) / (a + b + 2)
    p, q = np.where(turned, b, a), np.where(turned, a, b)
    part = front * _fractions(np.where(turned, 1 - x, x), p, q) / p
    shares: Array = np.where(turned, 1 - part, part)
    return shares


def _log_gamma(values: Array) -> Array:
    return np.fromiter(map(math.lgamma, values.tolist()), np.float64, len(values))


def _fractions(x: Array, a: Array, b: Array) -> Array:
    """The continued fractions of the incomplete beta function by Lentz's method."""
    result: Array = np.ones(len(x))
    left: Array = np.arange(len(x))  # those that have not converged yet
    c: Array = np.ones(len(x))
    d: Array = 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _TERMS):
        if not len(left):
            break
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away_from_zero(1 + step * d)
            c = _away_from_zero(1 + step / c)
            value = value * (c * d)
        open_ = np.abs(c * d - 1) >= 1e-12
        if not open_.all():
            result[left[~open_]] = value[~open_]
            x, a, b, c, d, value, left = (row[open_] for row in (x, a, b, c, d, value, left))
    result[left] = value
    return result


def _away_from_zero(values: Array) -> Array:
    return np.where(np.abs(values) > _TINY, values, _TINY)
