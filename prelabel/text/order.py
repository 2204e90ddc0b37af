"""The order in which pieces of text are read: row by row, and column by column where there are columns of prose.

The page may be turned or askew: rows are those of the direction in which most of the text runs.
"""

from __future__ import annotations

import numpy as np

from prelabel.text.network import Array

# A form has columns too, and is read row by row: its pieces are short and few. Prose is neither.
PROSE_ASPECT = 8.0
PROSE_LINES = 3
_SAME_ROW = 0.5  # of the lower piece's height, between the middles


def reading_order(corners: Array) -> list[int]:
    """The numbers of N pieces in the order they are read.

    Args:
        corners: [N, 4, 2], each clockwise from the corner where its own text begins.
    """
    if len(corners) == 0:
        return []
    along = _direction(corners)
    across = np.array([-along[1], along[0]])
    u, v = corners @ along, corners @ across
    pieces = np.stack([u.min(axis=1), u.max(axis=1), v.min(axis=1), v.max(axis=1)], axis=1)
    return _read(pieces, list(range(len(corners))))


def _direction(corners: Array) -> Array:
    """Unit vector in which most of the text (by length) runs."""
    lines = (corners[:, 1] - corners[:, 0] + corners[:, 2] - corners[:, 3]) / 2
    quarter = np.round(np.arctan2(lines[:, 1], lines[:, 0]) / (np.pi / 2)).astype(int) % 4
    lengths = np.bincount(quarter, weights=np.linalg.norm(lines, axis=1), minlength=4)
    most = lines[quarter == lengths.argmax()].sum(axis=0)
    size = float(np.linalg.norm(most))
    unit: Array = most / size if size > 0 else np.array([1.0, 0.0])
    return unit


def _read(pieces: Array, numbers: list[int]) -> list[int]:
    """`numbers` in order; a piece is (begin, end) along the text and (top, bottom) across it."""
    order: list[int] = []
    for band in _bands(pieces, _rows(pieces, numbers)):
        inside = [number for row in band for number in row]
        gap = _gap(pieces, inside)
        sides: list[list[int]] = []
        if gap is not None:
            sides = [[one for one in inside if pieces[one, 1] <= gap], [one for one in inside if pieces[one, 0] >= gap]]
        if sides and all(_is_prose(pieces[side]) for side in sides):
            order += [number for side in sides for number in _read(pieces, side)]
        else:
            order += inside
    return order


def _rows(pieces: Array, numbers: list[int]) -> list[list[int]]:
    """The pieces row by row, top to bottom, each row from its beginning."""
    middles, heights = pieces[:, 2:].mean(axis=1), pieces[:, 3] - pieces[:, 2]
    rows: list[list[int]] = []
    for number in sorted(numbers, key=lambda one: middles[one]):
        row = rows[-1] if rows else []
        apart = middles[number] - np.mean(middles[row]) if row else np.inf
        if apart <= _SAME_ROW * min(heights[number], np.mean(heights[row]) if row else 0):
            row.append(number)
        else:
            rows.append([number])
    return [sorted(row, key=lambda one: pieces[one, 0]) for row in rows]


def _bands(pieces: Array, rows: list[list[int]]) -> list[list[list[int]]]:
    """Rows that follow one another and leave the same gap free together; every other row alone."""
    bands: list[list[list[int]]] = []
    for row in rows:
        together = [number for one in bands[-1] for number in one] + row if bands else row
        if bands and _gap(pieces, together) is not None:
            bands[-1].append(row)
        else:
            bands.append([row])
    return bands


def _gap(pieces: Array, numbers: list[int]) -> float | None:
    """The middle of the widest gap that no piece crosses, if it is as wide as a piece is high."""
    begins = np.sort(pieces[numbers, 0])
    ends = np.maximum.accumulate(pieces[numbers, 1][np.argsort(pieces[numbers, 0], kind="stable")])
    widths = begins[1:] - ends[:-1]
    if len(widths) == 0 or widths.max() < np.median(pieces[numbers, 3] - pieces[numbers, 2]):
        return None
    return float(ends[widths.argmax()] + widths.max() / 2)


def _is_prose(pieces: Array) -> bool:
    aspects = (pieces[:, 1] - pieces[:, 0]) / np.maximum(1e-9, pieces[:, 3] - pieces[:, 2])
    return len(pieces) >= PROSE_LINES and float(np.median(aspects)) >= PROSE_ASPECT
