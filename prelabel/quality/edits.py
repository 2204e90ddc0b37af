"""Levenshtein's distance between two sequences.

All cells of a column are counted at once, as bits of Python's whole numbers: Hyyrö, "A bit-vector algorithm for
computing Levenshtein and Damerau edit distances" (2003). Two sentences take 70 microseconds, two texts of 10,000
characters 30 ms, of 100,000 two seconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache

CACHED_BYTES = 2**25


def edit_distance(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """The fewest substituted, left out and put in elements that make one of the other."""
    first, second = parted(first, second)
    rows, columns = (first, second) if len(first) >= len(second) else (second, first)
    if not columns:
        return len(rows)
    places = _places(rows)
    everywhere = (1 << len(rows)) - 1
    # Bit i: whether the distance rises, or falls, from row i to row i + 1 of the column. In the first it rises always.
    rises, falls = everywhere, 0
    for element in columns:
        steps = places(element) | falls
        same = ((((steps & rises) + rises) ^ rises) | steps) & everywhere  # as above to the left
        rises_right = (falls | (everywhere ^ (same | rises))) << 1 | 1  # from the column before; so does the top row
        falls_right = (same & rises) << 1
        rises = (falls_right | ~(same | rises_right)) & everywhere
        falls = rises_right & same
    return len(columns) + rises.bit_count() - falls.bit_count()


def parted(first: Sequence[Hashable], second: Sequence[Hashable]) -> tuple[Sequence[Hashable], Sequence[Hashable]]:
    """Both without what they begin and end with in common; their distance is the same."""
    shorter = min(len(first), len(second))
    start = next((at for at in range(shorter) if first[at] != second[at]), shorter)
    rest = shorter - start
    end = next((at for at in range(rest) if first[-1 - at] != second[-1 - at]), rest)
    return first[start : len(first) - end], second[start : len(second) - end]


def _places(elements: Sequence[Hashable]) -> Callable[[Hashable], int]:
    """Per element the bits of the places where it stands; no more of them in memory than CACHED_BYTES."""
    found: defaultdict[Hashable, list[int]] = defaultdict(list)
    for at, element in enumerate(elements):
        found[element].append(at)
    size = len(elements) // 8 + 1

    @lru_cache(maxsize=max(1, CACHED_BYTES // size))
    def bits(element: Hashable) -> int:
        if element not in found:
            return 0
        row = bytearray(size)
        for at in found[element]:
            row[at // 8] |= 1 << at % 8
        return int.from_bytes(row, "little")

    return bits
