from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from prelabel.geometry.assignment import best_pairs

tables = arrays.arrays(
    np.float64, st.tuples(st.integers(0, 6), st.integers(0, 6)), elements=st.floats(0, 1, allow_nan=False)
)


def best_by_trying(table: np.ndarray, least: float) -> float:
    if table.shape[0] > table.shape[1]:
        table = table.T
    worth = np.where(table >= least, table, 0.0)
    rows, columns = worth.shape
    return max(
        sum(worth[row, column] for row, column in enumerate(order)) for order in permutations(range(columns), rows)
    )


@settings(max_examples=200, deadline=None)
@given(tables, st.floats(0.05, 0.9))
def test_no_other_assignment_is_worth_more(table: np.ndarray, least: float) -> None:
    pairs = best_pairs(table, least)
    assert pairs == sorted(pairs)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert all(table[row, column] >= least for row, column in pairs)
    assert abs(sum(table[row, column] for row, column in pairs) - best_by_trying(table, least)) < 1e-9


def test_the_greedy_choice_is_not_taken() -> None:
    assert best_pairs(np.array([[0.9, 0.8], [0.8, 0.1]]), 0.05) == [(0, 1), (1, 0)]


def test_what_is_not_alike_stays_apart() -> None:
    assert best_pairs(np.array([[0.1, 0.0], [0.0, 0.7]]), 0.2) == [(1, 1)]
    assert best_pairs(np.zeros((0, 3)), 0.2) == []
