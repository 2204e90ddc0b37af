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
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

_TAIL = 0.025
_STEPS = 40  # halvings: far below what is shown
_TINY = 1e-300


class RateInterval(NamedTuple):
    """A rate and the ends of its interval, out of how many labels or words, in how many captures or texts."""

    rate: float
    low: float
    high: float
    of: int
    clusters: int


def clustered(rows: Iterable[tuple[int, int]]) -> RateInterval | None:
    """The rate of (count, out of) summed over clusters, with its interval; None out of nothing.

    Args:
        rows: one for each capture. Counts larger than what they are out of (word errors) are possible.
    """
    table = [(count, of) for count, of in rows if of > 0]
    if not table:
        return None
    total, clusters = sum(of for _, of in table), len(table)
    rate = sum(count for count, _ in table) / total
    scatter = sum((count - rate * of) ** 2 for count, of in table) / total**2
    if clusters > 1:
        scatter *= clusters / (clusters - 1)
    # A rate of mistakes has no end at 1: from a half on it is taken as the ratio it is.
    if clusters > 1 and rate > 0.5 and any(count > of for count, of in table):
        half = t_quantile(clusters - 1) * math.sqrt(scatter)
        return RateInterval(rate, max(0.0, rate - half), rate + half, total, clusters)
    worth = _worth(min(rate, 1.0), scatter, total, clusters)
    return RateInterval(rate, *exact_interval(min(rate, 1.0) * worth, worth), total, clusters)


def _worth(rate: float, scatter: float, total: int, clusters: int) -> float:
    """How many independent observations the sample is worth."""
    if clusters == 1 or rate in (0.0, 1.0):
        return float(clusters)
    if scatter == 0:
        return float(total)
    freedom = t_quantile(total - 1) / t_quantile(clusters - 1)
    return min(float(total), rate * (1 - rate) / scatter * freedom**2)


def exact_interval(good: float, of: float) -> tuple[float, float]:
    """The 95 % interval of Clopper and Pearson (Biometrika, 1934); neither number need be whole."""
    low = 0.0 if good <= 0 else beta_quantile(_TAIL, good, of - good + 1)
    high = 1.0 if good >= of else beta_quantile(1 - _TAIL, good + 1, of - good)
    return low, high


@lru_cache(maxsize=4096)
def beta_quantile(share: float, a: float, b: float) -> float:
    """The point below which a beta distribution has this share."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if beta_share(middle, a, b) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


@lru_cache(maxsize=4096)
def t_quantile(freedom: int) -> float:
    """The point of Student's t that leaves 2.5 % above it."""
    # t^2 / (t^2 + freedom) is beta distributed.
    inside = 1 - beta_quantile(2 * _TAIL, freedom / 2, 0.5)
    return math.sqrt(freedom * inside / (1 - inside))


def beta_share(x: float, a: float, b: float) -> float:
    """The share of a beta distribution below x: the regularised incomplete beta function, DLMF 8.17.22."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x > (a + 1) / (a + b + 2):
        return 1 - front * _fraction(1 - x, b, a) / b
    return front * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function by Lentz's method."""
    c, d = 1.0, 1 / max(1 - (a + b) * x / (a + 1), _TINY)
    value = d
    for m in range(1, 10_000):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away_from_zero(1 + step * d)
            c = _away_from_zero(1 + step / c)
            value *= c * d
        if abs(c * d - 1) < 1e-12:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
