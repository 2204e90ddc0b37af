"""Exact areas against counting sub-pixels and against areas that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.geometry.areas import area, outline_overlaps
from prelabel.geometry.validity import box_outline
from tests.prelabel.quality.made import box

FINE = 0.125  # of a pixel
SIDE = 24


def counted(ring: np.ndarray) -> np.ndarray:
    """Sub-pixels of a picture of 24 x 24 inside an outline: an odd number of edges to the left of their middle."""
    ys, xs = np.mgrid[0:SIDE:FINE, 0:SIDE:FINE] + FINE / 2 + 1e-7
    inside = np.zeros(xs.shape, dtype=bool)
    for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if y0 != y1:
            crossed = (min(y0, y1) <= ys) & (ys < max(y0, y1))
            inside ^= crossed & (x0 + (ys - y0) * (x1 - x0) / (y1 - y0) < xs)
    return inside


def rings() -> st.SearchStrategy[np.ndarray]:
    """Outlines of three to nine corners, concave, crossing themselves and reaching out of the picture."""
    corner = st.tuples(st.integers(-8, 32), st.integers(-8, 32))
    return st.lists(corner, min_size=3, max_size=9, unique=True).map(lambda rows: np.array(rows, dtype=np.float64))


@settings(max_examples=80, deadline=None)
@given(rings(), rings())
def test_areas_are_those_of_the_sub_pixels(first: np.ndarray, second: np.ndarray) -> None:
    size = (SIDE, SIDE)
    ours, theirs = counted(first), counted(second)
    # Each edge passes through at most so many sub-pixels that count half.
    length = sum(np.abs(np.diff(ring, axis=0, append=ring[:1])).sum() for ring in (first, second))
    bound = length * FINE + 1
    assert area(first, size) == pytest.approx(ours.sum() * FINE**2, abs=bound)
    union = area(first, size) + area(second, size)
    share = outline_overlaps([first], [second], size)[0, 0]
    shared = share * union / (1 + share)
    assert shared == pytest.approx((ours & theirs).sum() * FINE**2, abs=bound)


def test_known_areas() -> None:
    arrow = np.array([(0, 0), (8, 4), (0, 8), (3, 4)], dtype=np.float64)
    assert area(arrow) == pytest.approx(20)
    crossed = np.array([(0, 0), (6, 6), (6, 0), (0, 6)], dtype=np.float64)  # two triangles that touch at (3, 3)
    assert area(crossed) == pytest.approx(18)
    assert area(crossed, (2, 6)) == pytest.approx(8)
    star = np.array([(math.sin(4 * math.pi * n / 5), -math.cos(4 * math.pi * n / 5)) for n in range(5)])
    # The pentagon in the middle is inside twice, so the five tips are what counts: triangles on its sides.
    half_side = math.cos(2 * math.pi / 5) * math.tan(math.pi / 5)
    assert area(star) == pytest.approx(5 * half_side**2 * math.tan(2 * math.pi / 5))


@pytest.mark.parametrize("far", [0.0, 900_000.0])
def test_small_outlines_far_from_the_origin(far: float) -> None:
    ring = np.array(box_outline(box("a", far, far, 3, 2, rotation=17)))
    moved = np.array(box_outline(box("b", far + 1.5, far, 3, 2)))
    assert area(ring) == pytest.approx(6, rel=1e-6)
    near = outline_overlaps([ring - far], [moved - far])[0, 0]
    assert outline_overlaps([ring], [moved])[0, 0] == pytest.approx(near, rel=1e-6)


@pytest.mark.parametrize(("corners", "near"), [(1500, 1e-5), (40_000, 0.02)])
@pytest.mark.parametrize("size", [None, (200, 100)])
def test_many_corners(corners: int, near: float, size: tuple[int, int] | None) -> None:
    """Exact up to thousands of corners, and in whole pixels beyond: the time must not grow with their square."""
    angles = np.linspace(0, 2 * math.pi, corners, endpoint=False)
    wheel = np.stack([100 + 50 * np.cos(angles), 100 + 50 * np.sin(angles)], axis=1)
    inner = (wheel - 100) * 0.5 + 100
    assert area(wheel, size) == pytest.approx(math.pi * 2500 / (1 if size is None else 2), rel=near)
    assert outline_overlaps([wheel], [inner], size)[0, 0] == pytest.approx(0.25, rel=near)


def test_corners_turn_clockwise_about_the_centre() -> None:
    corners = box_outline(box("a", 0, 0, 4, 2, rotation=90))
    assert corners[0] == pytest.approx((3, -1))  # the top left corner went to the top right
    xs, ys = zip(*corners, strict=True)
    assert (min(xs), min(ys), max(xs), max(ys)) == pytest.approx((1, -1, 3, 3))
