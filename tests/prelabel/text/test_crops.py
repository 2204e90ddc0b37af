"""Pieces cut out of a picture, against the picture's own formula."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.text.crops import cut_out, upended

SLOPE_X, SLOPE_Y = 0.2, 0.3
# Brightness rises evenly to the right and downward, so every interpolation gives it exactly.
RAMP = np.repeat(
    np.round(20 + SLOPE_X * np.arange(0.5, 500)[np.newaxis] + SLOPE_Y * np.arange(0.5, 400)[:, np.newaxis]).astype(
        np.uint8
    )[:, :, np.newaxis], 3, axis=2,
)  # fmt: skip


def corners(x: float, y: float, width: float, height: float) -> np.ndarray:
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])


def test_an_upright_piece_is_the_picture_itself() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    cut, points = cut_out(noise, corners(40, 50, 200, 30))
    assert np.array_equal(cut, noise[50:80, 40:240])
    assert points.tolist() == corners(40, 50, 200, 30).tolist()


def test_the_whole_picture_is_the_picture() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (30, 400, 3), dtype=np.uint8)
    assert np.array_equal(cut_out(noise, corners(0, 0, 400, 30))[0], noise)


@settings(max_examples=60, deadline=None)
@given(
    centre=st.tuples(st.floats(180, 320), st.floats(150, 250)),
    width=st.integers(40, 150), height=st.integers(10, 38), angle=st.floats(-44, 44),
)  # fmt: skip
def test_every_pixel_comes_from_its_place(centre: tuple[float, float], width: int, height: int, angle: float) -> None:
    turn = np.deg2rad(angle)
    along, down = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    first = np.array(centre) - along * width / 2 - down * height / 2
    quad = np.array([first, first + along * width, first + along * width + down * height, first + down * height])
    cut, _ = cut_out(RAMP, quad)
    assert cut.shape == (height, width, 3)
    column, row = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    place = first + column[..., np.newaxis] * along + row[..., np.newaxis] * down
    expected = 20 + SLOPE_X * place[..., 0] + SLOPE_Y * place[..., 1]
    assert np.abs(cut[:, :, 0] - expected).max() < 1.6  # two roundings to bytes, and OpenCV's 1/32 of a pixel


@pytest.mark.parametrize(("height", "turns"), [(29, False), (30, True), (200, True)])
def test_tall_pieces_are_turned(height: int, turns: bool) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    quad = corners(40, 50, 20, height)
    cut, points = cut_out(noise, quad)
    piece = noise[50 : 50 + height, 40:60]
    if not turns:
        assert np.array_equal(cut, piece) and np.array_equal(points, quad)
        return
    # Against the clock: what was the right edge is on top, and text begins at the old top right corner.
    assert np.array_equal(cut, cv2.rotate(piece, cv2.ROTATE_90_COUNTERCLOCKWISE))
    assert points.tolist() == [[60, 50], [60, 50 + height], [40, 50 + height], [40, 50]]


def test_half_a_turn() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    cut, points = upended(noise, corners(0, 0, 40, 30))
    assert np.array_equal(cut, cv2.rotate(noise, cv2.ROTATE_180))
    assert points.tolist() == [[40, 30], [0, 30], [0, 0], [40, 0]]


def test_a_picture_that_opencv_warps_not_whole() -> None:
    long = np.zeros((8, 40_000, 3), dtype=np.uint8)
    long[:, 39_000:39_100] = 255
    cut, _ = cut_out(long, corners(38_990, 0, 120, 8))
    assert cut.shape == (8, 120, 3) and np.array_equal(np.flatnonzero(cut[4, :, 0] > 127), np.arange(10, 110))
