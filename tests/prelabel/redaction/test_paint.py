"""Pixels under a mask: nothing of the picture is left in any plane, and nothing beside the mask is touched."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.redaction.paint import even_rect, i420_planes, i420_to_bgr, paint_bgr, paint_i420
from prelabel.redaction.policy import MOSAIC_BLOCK, SOLID_YUV

WIDTH, HEIGHT = 96, 64
sides = st.floats(-30, 130)


def noise(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(max_examples=200, deadline=None)
@given(sides, sides, st.floats(0, 90), st.floats(0, 90))
def test_a_rectangle_covers_its_box_and_is_even(x: float, y: float, width: float, height: float) -> None:
    rect = even_rect(np.array([x, y, x + width, y + height]), WIDTH, HEIGHT)
    left, top = max(0.0, x), max(0.0, y)
    right, bottom = min(float(WIDTH), x + width), min(float(HEIGHT), y + height)
    if rect is None:
        assert right - left <= 1e-9 or bottom - top <= 1e-9
        return
    assert all(value % 2 == 0 for value in rect)
    assert rect[0] >= 0 and rect[1] >= 0 and rect[0] + rect[2] <= WIDTH and rect[1] + rect[3] <= HEIGHT
    if right > left and bottom > top:
        assert rect[0] <= left and rect[1] <= top and rect[0] + rect[2] >= right and rect[1] + rect[3] >= bottom


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 40), st.integers(0, 28), st.integers(1, 28), st.integers(1, 18), st.sampled_from(["solid", "mosaic"])
)
def test_nothing_under_it_survives_and_nothing_beside_it_changes(
    x: int, y: int, across: int, down: int, method: Literal["solid", "mosaic"]
) -> None:
    """Two pictures that differ only under a solid mask are the same afterwards; of a mosaic only averages differ."""
    rect = (2 * (x // 2), 2 * (y // 2), 2 * across, 2 * down)
    one = noise(1).integers(0, 256, (HEIGHT * 3 // 2, WIDTH), dtype=np.uint8)
    other, before = one.copy(), one.copy()
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[rect[1] : rect[1] + rect[3], rect[0] : rect[0] + rect[2]] = True
    masks = [inside, inside[::2, ::2], inside[::2, ::2]]
    for plane, mask in zip(i420_planes(other), masks, strict=True):
        plane[mask] = noise(2).integers(0, 256, mask.sum())
    paint_i420(one, [rect], method, noise())
    paint_i420(other, [rect], method, noise())
    for plane, old, mask in zip(i420_planes(one), i420_planes(before), masks, strict=True):
        assert (plane[~mask] == old[~mask]).all()
    if method == "solid":
        assert (one == other).all()
        assert all(
            (plane[mask] == value).all() for plane, mask, value in zip(i420_planes(one), masks, SOLID_YUV, strict=True)
        )


def test_a_mosaic_keeps_one_value_a_block_and_moves_it() -> None:
    frame = noise(1).integers(0, 256, (HEIGHT * 3 // 2, WIDTH), dtype=np.uint8)
    again = frame.copy()
    paint_i420(frame, [(0, 0, 80, 60)], "mosaic", noise(3))
    paint_i420(again, [(0, 0, 80, 60)], "mosaic", noise(4))
    luma, chroma, _ = i420_planes(frame)
    for row in range(0, 60, MOSAIC_BLOCK):
        for column in range(0, 80, MOSAIC_BLOCK):
            block = luma[row : row + MOSAIC_BLOCK, column : column + MOSAIC_BLOCK]
            assert (block == block[0, 0]).all()
            half = chroma[row // 2 : (row + MOSAIC_BLOCK) // 2, column // 2 : (column + MOSAIC_BLOCK) // 2]
            assert (half == half[0, 0]).all()
    assert (i420_planes(again)[0][:60, :80] != luma[:60, :80]).any()


@pytest.mark.parametrize("size", [30, 80, 200])
def test_a_mosaic_of_a_larger_face_has_larger_blocks(size: int) -> None:
    picture = noise(1).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    paint_bgr(picture, [(10, 10, size, size)], "mosaic", noise())
    values = {tuple(row) for row in picture[10 : 10 + size, 10 : 10 + size].reshape(-1, 3).tolist()}
    assert len(values) <= min(16, (size / MOSAIC_BLOCK) ** 2 + 1)


@pytest.mark.parametrize("longest", [64, 160, 200])
def test_a_small_picture_for_the_detectors_shows_the_same(longest: int) -> None:
    ramp = np.zeros((120, 160, 3), np.uint8)
    ramp[:, :, 1] = np.linspace(20, 220, 160).astype(np.uint8)
    ramp[:, :, 2] = np.linspace(200, 40, 120).astype(np.uint8)[:, np.newaxis]
    small = i420_to_bgr(cv2.cvtColor(ramp, cv2.COLOR_BGR2YUV_I420), longest)
    assert max(small.shape[:2]) == min(longest, 160)
    expected = cv2.resize(ramp, small.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - expected).mean() < 4
