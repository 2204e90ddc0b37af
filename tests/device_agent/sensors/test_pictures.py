"""Sizes of pictures and what shrinking keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_agent.sensors.pictures import fit_within, planes, shrink
from device_agent.sensors.ring import lores_size


@pytest.mark.parametrize(
    ("size", "main", "lores"),
    [
        ((1280, 720), (1280, 720), (640, 360)),
        ((1920, 1080), (1280, 720), (640, 360)),
        ((768, 432), (768, 432), (640, 360)),
        ((640, 480), (640, 480), (480, 360)),
        ((1080, 1920), (404, 720), (202, 360)),
        ((101, 75), (100, 74), (100, 74)),
    ],
)
def test_sizes(size: tuple[int, int], main: tuple[int, int], lores: tuple[int, int]) -> None:
    assert fit_within(*size) == main
    assert lores_size(*main) == lores


@given(st.integers(2, 5000), st.integers(2, 5000))
def test_sizes_are_even_and_within(width: int, height: int) -> None:
    main = fit_within(width, height)
    for most, (w, h) in (((1280, 720), main), ((640, 360), lores_size(*main))):
        assert w % 2 == h % 2 == 0
        assert 2 <= w <= most[0]
        assert 2 <= h <= most[1]


def test_shrinking_keeps_every_plane() -> None:
    big, small = np.zeros((60, 80), np.uint8), np.zeros((30, 40), np.uint8)
    for plane, value in zip(planes(big, 80, 40), (200, 90, 30), strict=True):
        plane[:] = value
    shrink(planes(big, 80, 40), planes(small, 40, 20))
    assert [int(plane.min()) for plane in planes(small, 40, 20)] == [200, 90, 30]
    assert [int(plane.max()) for plane in planes(small, 40, 20)] == [200, 90, 30]
