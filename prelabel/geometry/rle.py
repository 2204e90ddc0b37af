"""Masks as COCO's run lengths: size [height, width], string counts.

Pixels are counted down the columns, column by column; runs of 0 and 1 take turns, beginning with 0. Each count (from
the fourth on, its difference to the one before the last) is written in groups of five bits, lowest first, bit 6 says
that more follow, the last one's bit 5 is the sign; 48 is added to make them printable.
Source: cocodataset/cocoapi, common/maskApi.c (rleEncode, rleToString, rleFrString).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wire.labels import Rle

Array = NDArray[Any]
MAX_PIXELS = 1 << 27
_GROUPS = 13  # of five bits: enough for 64
_FIRST = 48


def encode(mask: Array, height: int, width: int, top: int = 0, left: int = 0) -> Rle:
    """A mask h x w of truth values whose first pixel is at row `top`, column `left` of a height x width picture."""
    rows, columns = mask.shape
    if top < 0 or left < 0 or top + rows > height or left + columns > width:
        raise ValueError(f"a mask of {rows} x {columns} at {top}, {left} does not fit into {height} x {width}")
    framed = np.zeros((columns, rows + 2), dtype=bool)
    framed[:, 1:-1] = mask.T
    column, row = np.nonzero(framed[:, 1:] != framed[:, :-1])
    ends = (column + left) * height + row + top
    # A run that goes on from the foot of one column to the head of the next ends and begins at the same pixel.
    joined = np.flatnonzero(ends[1:] == ends[:-1])
    ends = np.delete(ends, np.concatenate([joined, joined + 1]))
    total = height * width
    edges = np.concatenate([[0], ends, [total] if not len(ends) or ends[-1] != total else []]).astype(np.int64)
    return Rle(size=(height, width), counts=_to_text(np.diff(edges)))


def decode(rle: Rle) -> Array:
    """The height x width truth values of a mask.

    Raises:
        ValueError: the counts are damaged or do not add up to the size, or it is larger than any picture.
    """
    height, width = rle.size
    counts = _runs(rle)
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(width, height).T


def area(rle: Rle) -> int:
    """The number of pixels in a mask, without drawing it. Raises ValueError as `decode` does."""
    return int(_runs(rle)[1::2].sum())


def _runs(rle: Rle) -> Array:
    height, width = rle.size
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise ValueError(f"no picture has {height} x {width} pixels")
    counts = _from_text(rle.counts)
    # Each by itself first: a sum of 64 bits comes round, and numpy.repeat takes such counts out of its memory.
    if ((counts < 0) | (counts > height * width)).any() or counts.sum() != height * width:
        raise ValueError(f"the counts of a mask of {height} x {width} do not add up to its pixels")
    return counts


def _to_text(counts: Array) -> str:
    values = counts.copy()
    values[3:] -= counts[1:-2]
    shifts = 5 * np.arange(_GROUPS)
    groups = values[:, np.newaxis] >> shifts
    # What is left after a group, if that group's highest bit already gives the sign, need not be written.
    rest = groups >> 5
    done = rest == np.where(groups & 16, -1, 0)
    last = done.argmax(axis=1)[:, np.newaxis]
    place = np.arange(_GROUPS)
    symbols = (groups & 31) + np.where(place < last, 32, 0) + _FIRST
    text: bytes = symbols[place <= last].astype(np.uint8).tobytes()
    return text.decode("ascii")


def _from_text(text: str) -> Array:
    symbols = np.frombuffer(text.encode("ascii"), dtype=np.uint8).astype(np.int64) - _FIRST
    if ((symbols < 0) | (symbols > 63)).any() or (len(symbols) and symbols[-1] & 32):
        raise ValueError("the counts of a mask are damaged")
    last = np.flatnonzero((symbols & 32) == 0)
    if not len(last):
        return np.empty(0, dtype=np.int64)
    first = np.concatenate([[0], last[:-1] + 1])
    number = np.repeat(np.arange(len(last)), last - first + 1)
    shift = 5 * (np.arange(len(symbols)) - first[number])
    if (shift > 60).any():
        raise ValueError("the counts of a mask are damaged")
    values = np.add.reduceat((symbols & 31) << shift, first)
    widest = 5 * (last - first + 1)
    values -= np.where(symbols[last] & 16, np.int64(1) << np.minimum(widest, 62), 0)
    # Odd and even counts are running sums of their own, from the second and third on.
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values
