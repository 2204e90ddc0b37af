"""Run lengths of masks against a slow encoder and decoder written from the format's description."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from prelabel.geometry import rle
from tests.support.slow_rle import slow_text
from wire.labels import Rle


def slow_counts(mask: np.ndarray) -> list[int]:
    counts, now, run = [], 0, 0
    for column in range(mask.shape[1]):
        for row in range(mask.shape[0]):
            if int(mask[row, column]) != now:
                counts.append(run)
                now, run = 1 - now, 0
            run += 1
    return [*counts, run]


masks = arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


@given(masks, st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))
def test_a_mask_anywhere_in_a_picture(mask: np.ndarray, top: int, left: int, below: int, right: int) -> None:
    whole = np.pad(mask, ((top, below), (left, right)))
    made = rle.encode(mask, *whole.shape, top, left)
    assert made.size == whole.shape
    assert made.counts == slow_text(slow_counts(whole))
    assert (rle.decode(made) == whole).all()
    assert rle.area(made) == whole.sum()


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=30))
def test_counts_of_any_size_as_text_and_back(counts: list[int]) -> None:
    values = np.array(counts, dtype=np.int64)
    text = rle._to_text(values)
    assert text == slow_text(counts)
    assert rle._from_text(text).tolist() == counts


def test_known_masks() -> None:
    # Runs 5 2 2 2 2 2 5; from the fourth on less the one before the last: 5 2 2 0 0 0 3.
    square = np.zeros((4, 5), dtype=bool)
    square[1:3, 1:4] = True
    assert rle.encode(square, 4, 5) == Rle(size=(4, 5), counts="5220003")
    assert rle.encode(np.ones((2, 2), dtype=bool), 2, 2) == Rle(size=(2, 2), counts="04")
    assert rle.encode(np.zeros((0, 0), dtype=bool), 3, 3) == Rle(size=(3, 3), counts="9")


@pytest.mark.parametrize("counts", ["9", "99", "5", "P", "5\x7f", "", "ooooooooooooooo0"])
def test_damaged_counts_are_refused(counts: str) -> None:
    with pytest.raises(ValueError, match="the counts of a mask"):
        rle.decode(Rle(size=(4, 5), counts=counts))


def test_a_mask_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit into 4 x 4"):
        rle.encode(np.ones((3, 3), dtype=bool), 4, 4, 2, 0)


@pytest.mark.parametrize("size", [(0, 5), (-4, -5), (100_000, 100_000), (2**40, 2**40)])
def test_a_mask_of_no_picture_is_refused(size: tuple[int, int]) -> None:
    for read in (rle.decode, rle.area):
        with pytest.raises(ValueError, match="no picture"):
            read(Rle(size=size, counts=slow_text([max(0, size[0] * size[1]) % 2**60])))
