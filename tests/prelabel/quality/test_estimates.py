"""Clustered intervals: their parts against definitions and tables, and how often they hold by simulation."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from prelabel.quality.estimates import beta_shares, clustered, rates, ratio, t_quantiles
from tests.prelabel.quality.made import exact_interval


def tail(good: int, of: int, share: float, *, above: bool) -> float:
    """The chance of `good` or more (fewer) of `of` where each is right with this chance."""
    counts = range(good, of + 1) if above else range(good + 1)
    return sum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in counts)


@pytest.mark.parametrize(("good", "of"), [(0, 7), (7, 7), (3, 11), (1, 40), (57, 64), (130, 1000)])
def test_the_exact_interval_leaves_one_in_forty_on_each_side(good: int, of: int) -> None:
    low, high = exact_interval(good, of)
    assert low == 0 if good == 0 else tail(good, of, low, above=True) == pytest.approx(0.025, abs=1e-6)
    assert high == 1 if good == of else tail(good, of, high, above=False) == pytest.approx(0.025, abs=1e-6)


def test_students_t_by_the_table() -> None:
    table = {1: 12.7062, 2: 4.3027, 4: 2.7764, 9: 2.2622, 29: 2.0452, 60: 2.0003, 120: 1.9799}
    found = t_quantiles(np.array([*table, 10**6], dtype=np.float64))
    assert found.tolist() == pytest.approx([*table.values(), 1.959966], abs=5e-5)


@pytest.mark.parametrize(("x", "a", "b"), [(0.2, 1, 1), (0.7, 3, 1), (0.4, 1, 5), (0.5, 12.5, 12.5)])
def test_the_beta_distribution(x: float, a: float, b: float) -> None:
    known = {(0.2, 1, 1): 0.2, (0.7, 3, 1): 0.343, (0.4, 1, 5): 1 - 0.6**5, (0.5, 12.5, 12.5): 0.5}
    share, other = beta_shares(*(np.array(both) for both in ([x, 1 - x], [a, b], [b, a])))
    assert share == pytest.approx(known[x, a, b], abs=1e-12)
    assert share == pytest.approx(1 - other, abs=1e-12)


def test_edges() -> None:
    assert clustered([]) is None and clustered([(0, 0)]) is None
    # One capture is one observation, whatever it holds; all right on nine captures are nine.
    assert clustered([(40, 50)])[1:3] == pytest.approx(exact_interval(0.8, 1))  # type: ignore[index]
    nine = clustered([(5, 5)] * 9 + [(0, 0)])
    assert nine is not None and (nine.of, nine.clusters) == (45, 9)
    assert (nine.low, nine.high) == pytest.approx((0.025 ** (1 / 9), 1))
    # More mistakes than words.
    wild = clustered([(12, 5), (3, 5), (9, 5), (8, 5)])
    assert wild is not None and wild.low < 1.6 < wild.high and wild.rate == pytest.approx(1.6)


def coverage(draw: Callable[[np.random.Generator], list[tuple[int, int]]], truth: float, seed: int) -> float:
    rng = np.random.default_rng(seed)
    found = rates([ratio(draw(rng)) for _ in range(600)])
    return sum(row is not None and row.low <= truth <= row.high for row in found) / len(found)


@pytest.mark.parametrize("captures", [12, 60, 240])
def test_shares_of_uneven_captures_are_held(captures: int) -> None:
    """Two to eleven labels each, right as often as the capture is easy: a beta of 3 and 1, three of four on average."""

    def draw(rng: np.random.Generator) -> list[tuple[int, int]]:
        sizes, chances = rng.integers(2, 12, captures), rng.beta(3, 1, captures)
        return [(int(rng.binomial(of, chance)), int(of)) for of, chance in zip(sizes, chances, strict=True)]

    assert 0.935 <= coverage(draw, 0.75, captures) <= 0.985


def test_independent_labels_are_held_too() -> None:
    def draw(rng: np.random.Generator) -> list[tuple[int, int]]:
        return [(int(rng.random() < 0.9), 1) for _ in range(80)]

    assert coverage(draw, 0.9, 5) >= 0.945


def test_rare_captures_that_are_wholly_wrong_are_held() -> None:
    def draw(rng: np.random.Generator) -> list[tuple[int, int]]:
        return [(6 * int(rng.random() < 0.03), 6) for _ in range(40)]

    assert coverage(draw, 0.03, 6) >= 0.95
