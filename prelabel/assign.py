"""Which goes with which: the best one-to-one assignment of two sets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def best_pairs(similarity: Array, least: float) -> list[tuple[int, int]]:
    """Pairs (row, column) with the largest sum of similarity, each at least `least`, in order of rows.

    The Hungarian method with potentials, O(n^3) in plain Python: a picture has tens of boxes, and scipy, which has
    the same in C, is 120 MB that nothing else on the device needs.

    Args:
        similarity: rows x columns, 0 or more.
    """
    rows, columns = similarity.shape
    if rows == 0 or columns == 0:
        return []
    if rows > columns:
        return sorted((row, column) for column, row in best_pairs(similarity.T, least))
    # What is not allowed must not be worth anything, or it would crowd out what is.
    worth = np.where(similarity >= least, similarity, 0.0)
    column_of = _minimum_cost((-worth).tolist())
    return [(row, column) for row, column in enumerate(column_of) if similarity[row, column] >= least]


def _minimum_cost(cost: list[list[float]]) -> list[int]:
    """The column of each row, rows <= columns: shortest augmenting paths, one row at a time."""
    rows, columns = len(cost), len(cost[0])
    row_potential = [0.0] * (rows + 1)
    column_potential = [0.0] * (columns + 1)
    row_of = [0] * (columns + 1)  # 1-based; 0 means free, column 0 is the root of the search
    for row in range(1, rows + 1):
        row_of[0] = row
        at = 0
        distance = [float("inf")] * (columns + 1)
        before = [0] * (columns + 1)
        seen = [False] * (columns + 1)
        while row_of[at] != 0:
            seen[at] = True
            here, step, nearest = row_of[at], float("inf"), 0
            for column in range(1, columns + 1):
                if seen[column]:
                    continue
                reduced = cost[here - 1][column - 1] - row_potential[here] - column_potential[column]
                if reduced < distance[column]:
                    distance[column], before[column] = reduced, at
                if distance[column] < step:
                    step, nearest = distance[column], column
            for column in range(columns + 1):
                if seen[column]:
                    row_potential[row_of[column]] += step
                    column_potential[column] -= step
                else:
                    distance[column] -= step
            at = nearest
        while at:
            row_of[at], at = row_of[before[at]], before[at]
    column_of = [0] * rows
    for column in range(1, columns + 1):
        if row_of[column]:
            column_of[row_of[column] - 1] = column - 1
    return column_of
