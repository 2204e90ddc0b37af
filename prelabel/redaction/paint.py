"""Masks into pixels: solid, or a coarse mosaic with noise, in I420 planes or in a BGR picture.

Nothing under a mask can be computed back from a solid one. A mosaic leaves an average per block, which shows that
somebody is there and little else; its blocks are large and each is moved by noise, because fine and regular mosaics
have been undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from prelabel.media.pictures import Image
from prelabel.redaction import policy

Array = NDArray[Any]
Method = Literal["solid", "mosaic"]
Rect = tuple[int, int, int, int]


def even_rect(box: Array, width: int, height: int) -> Rect | None:
    """The box (x1, y1, x2, y2) as x, y, width, height of whole pixels that cover it, within the picture.

    Edges are even: one chroma sample of I420 covers two by two pixels, and none may be half masked.
    """
    x1, y1 = (max(0, int(np.floor(value / 2)) * 2) for value in box[:2])
    x2 = min(width, int(np.ceil(box[2] / 2)) * 2)
    y2 = min(height, int(np.ceil(box[3] / 2)) * 2)
    return (x1, y1, x2 - x1, y2 - y1) if x2 > x1 and y2 > y1 else None


def paint_i420(frame: Image, rects: Sequence[Rect], method: Method, noise: np.random.Generator) -> None:
    """Mask rectangles of an I420 picture (uint8, height * 3 // 2 x width, both even) in place, all three planes."""
    planes = i420_planes(frame)
    for x, y, across, down in rects:
        parts = [planes[0][y : y + down, x : x + across]]
        parts += [plane[y // 2 : (y + down) // 2, x // 2 : (x + across) // 2] for plane in planes[1:]]
        _paint(parts, policy.SOLID_YUV, method, noise)


def paint_bgr(picture: Image, rects: Sequence[Rect], method: Method, noise: np.random.Generator) -> None:
    """Mask rectangles of a picture H x W x 3 in place."""
    for x, y, across, down in rects:
        part = picture[y : y + down, x : x + across]
        _paint([part[:, :, channel] for channel in range(3)], (policy.SOLID_YUV[0],) * 3, method, noise)


def i420_planes(frame: Image) -> tuple[Image, Image, Image]:
    """Y, U and V of an I420 picture as views: height x width, and two of half of each."""
    rows, width = frame.shape
    height = rows * 2 // 3
    chroma = frame[height:].reshape(2, height // 2, width // 2)
    return frame[:height], chroma[0], chroma[1]


def i420_to_bgr(frame: Image, longest: int) -> Image:
    """An I420 picture as BGR, scaled to a longer side of about `longest` at most before it is converted."""
    planes = i420_planes(frame)
    height, width = planes[0].shape
    share = longest / max(height, width)
    if share < 1:
        width, height = (max(2, round(side * share / 2) * 2) for side in (width, height))
        small = np.empty((height * 3 // 2, width), dtype=np.uint8)
        for plane, target in zip(planes, i420_planes(small), strict=True):
            target[:] = cv2.resize(plane, target.shape[::-1], interpolation=cv2.INTER_AREA)
        frame = small
    converted: Image = cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420)
    return converted


def _paint(parts: list[Image], solid: Sequence[int], method: Method, noise: np.random.Generator) -> None:
    if method == "solid":
        for part, value in zip(parts, solid, strict=True):
            part[:] = value
        return
    height, width = parts[0].shape
    block = max(policy.MOSAIC_BLOCK, min(height, width) // 4)
    across, down = max(1, width // block), max(1, height // block)
    for part in parts:
        average = cv2.resize(np.ascontiguousarray(part), (across, down), interpolation=cv2.INTER_AREA)
        moved = average + noise.integers(-policy.MOSAIC_NOISE, policy.MOSAIC_NOISE + 1, (down, across))
        coarse = np.clip(moved.reshape(down, across), 0, 255).astype(np.uint8)
        part[:] = cv2.resize(coarse, part.shape[::-1], interpolation=cv2.INTER_NEAREST)
