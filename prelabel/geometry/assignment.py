"""Which goes with which: the best one-to-one assignment of two sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def best_pairs(similarity: Array, least: float) -> list[tuple[int, int]]:
    """Pairs (row, column) with the largest sum of similarity, each at least `least`, in order of rows.

    Args:
        similarity: rows x columns, 0 or more.
        least: above 0.
    """
    rows, columns = np.nonzero(similarity >= least)
    return best_of_edges(rows, columns, similarity[rows, columns])


def best_of_edges(rows: Array, columns: Array, worth: Array) -> list[tuple[int, int]]:
    """Pairs with the largest sum of worth among those allowed, in order of rows.

    What cannot touch is solved apart, so that many small knots cost little. Each is solved by the Hungarian method
    with potentials (scipy, which has the same in C, is 120 MB that nothing else on the device needs).

    Args:
        rows, columns: pair n may be (rows[n], columns[n]), each pair named once.
        worth: of each pair, above 0.
    """
    pairs: list[tuple[int, int]] = []
    for edges in _knots(rows, columns):
        if len(edges) == 1:
            pairs.append((int(rows[edges[0]]), int(columns[edges[0]])))
            continue
        row_names, row_of = np.unique(rows[edges], return_inverse=True)
        column_names, column_of = np.unique(columns[edges], return_inverse=True)
        # What is not allowed must not be worth anything, or it would crowd out what is.
        table = np.zeros((len(row_names), len(column_names)))
        table[row_of, column_of] = worth[edges]
        pairs += [
            (int(row_names[row]), int(column_names[column])) for row, column in _solve(table) if table[row, column] > 0
        ]
    return sorted(pairs)


def _knots(rows: Array, columns: Array) -> Iterator[Array]:
    """The edges of each connected part, as their indexes."""
    if len(rows) == 0:
        return
    # The smallest row of a part spreads along its edges until nothing changes.
    part = np.arange(int(rows.max()) + 1)
    column_part = np.full(int(columns.max()) + 1, len(part))
    while True:
        np.minimum.at(column_part, columns, part[rows])
        spread = part.copy()
        np.minimum.at(spread, rows, column_part[columns])
        spread = spread[spread]
        if bool((spread == part).all()):
            break
        part = spread
    order = np.argsort(part[rows], kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(part[rows][order])) + 1)


def _solve(worth: Array) -> list[tuple[int, int]]:
    """(row, column) for each row of a table, or for each column where those are fewer."""
    if worth.shape[0] > worth.shape[1]:
        return [(row, column) for column, row in _solve(worth.T)]
    return list(enumerate(_minimum_cost(-worth).tolist()))


def _minimum_cost(cost: Array) -> Array:
    """The column of each row, rows <= columns: shortest augmenting paths, one row at a time."""
    rows, columns = cost.shape
    row_potential = np.zeros(rows)
    column_potential = np.zeros(columns + 1)
    row_of = np.full(columns + 1, -1)  # the last column is the root of the search
    root = columns
    for row in range(rows):
        row_of[root] = row
        at = root
        distance = np.full(columns, np.inf)
        before = np.full(columns, root)
        free = np.ones(columns + 1, dtype=bool)
        while row_of[at] != -1:
            free[at] = False
            here = row_of[at]
            reduced = cost[here] - row_potential[here] - column_potential[:-1]
            nearer = free[:-1] & (reduced < distance)
            distance[nearer], before[nearer] = reduced[nearer], at
            nearest = int(np.where(free[:-1], distance, np.inf).argmin())
            step = distance[nearest]
            row_potential[row_of[~free]] += step
            column_potential[~free] -= step
            distance[free[:-1]] -= step
            at = nearest
        while at != root:
            row_of[at] = row_of[before[at]]
            at = before[at]
    column_of = np.empty(rows, dtype=np.intp)
    taken = np.flatnonzero(row_of[:-1] != -1)
    column_of[row_of[taken]] = taken
    return column_of
