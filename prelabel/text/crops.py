"""Pieces of text cut out of a picture, upright as far as their shape shows."""

from __future__ import annotations

import cv2
import numpy as np

from prelabel.media.pictures import Image
from prelabel.text.network import Array

TALL = 1.5  # a piece this many times as high as wide runs up or down the picture


def cut_out(image: Image, corners: Array) -> tuple[Image, Array]:
    """The quadrilateral of a picture as a rectangle, and its corners in reading order of that rectangle.

    A tall one is turned a quarter against the clock: text that runs downward is upright then, text that runs upward
    upside down, which the direction network sees.

    Args:
        corners: 4 x (x, y) in float pixels, clockwise from the top left.
    """
    width, height = (
        max(1, round(float(max(np.linalg.norm(corners[b] - corners[a]) for a, b in pairs))))
        for pairs in (((0, 1), (3, 2)), ((0, 3), (1, 2)))
    )
    # Only the part that is needed: OpenCV warps no picture of 32,767 pixels a side.
    left, top = np.floor(corners.min(axis=0)).astype(int) - 2
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 2
    left, top = max(0, left), max(0, top)
    part = image[top:bottom, left:right]
    # Edges at [0, width] x [0, height]; OpenCV counts from pixel centres, half a pixel further on.
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]]) - 0.5
    source = corners - (left + 0.5, top + 0.5)
    matrix = cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32))
    cut: Image = cv2.warpPerspective(
        part, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return turned(cut, corners) if height >= TALL * width else (cut, corners)


def turned(cut: Image, corners: Array) -> tuple[Image, Array]:
    """A quarter turn against the clock; the corner that was the top right is the first now."""
    return np.rot90(cut), np.roll(corners, -1, axis=0)


def upended(cut: Image, corners: Array) -> tuple[Image, Array]:
    """Half a turn."""
    return cut[::-1, ::-1], np.roll(corners, -2, axis=0)
