"""How a picture is brought to a network's input, and how boxes come back.

Coordinates are continuous (pixel (c, r) covers [c, c+1) x [r, r+1)), so box edges scale by the ratio of the sizes
with no half-pixel shift. Sizes are rounded to whole pixels, which makes the two scales differ a little: each axis
keeps its own (the single ratio of the usual letterbox is up to half a pixel wrong at odd sizes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Array = NDArray[Any]


@dataclass(frozen=True)
class Placement:
    """Input pixels per picture pixel, by axis; the picture lies at the top left of the input."""

    scale_x: float
    scale_y: float
    width: int
    height: int

    def to_picture(self, boxes: Array) -> Array:
        """Boxes N x (x1, y1, x2, y2) of the input in pixels of the picture, cut at its edges.

        Past the edge lies padding, of which a model can know nothing.
        """
        out = boxes.astype(np.float64) / (self.scale_x, self.scale_y, self.scale_x, self.scale_y)
        return np.clip(out, 0, (self.width, self.height, self.width, self.height))


def letterbox(image: Image, height: int, width: int, pad: int) -> tuple[Image, Placement]:
    """The picture, its shape kept, at the top left of a height x width input filled up with `pad`."""
    picture_height, picture_width = image.shape[:2]
    ratio = min(height / picture_height, width / picture_width)
    new_height = min(height, max(1, round(picture_height * ratio)))
    new_width = min(width, max(1, round(picture_width * ratio)))
    scaled = _resize(image, new_height, new_width)
    canvas = np.full((height, width, 3), pad, dtype=np.uint8)
    canvas[:new_height, :new_width] = scaled
    return canvas, Placement(new_width / picture_width, new_height / picture_height, picture_width, picture_height)


def stretch(image: Image, height: int, width: int) -> tuple[Image, Placement]:
    """The picture drawn to height x width, its shape not kept."""
    picture_height, picture_width = image.shape[:2]
    return (
        _resize(image, height, width),
        Placement(width / picture_width, height / picture_height, picture_width, picture_height),
    )


def input_size(image: Image, multiple: int, max_side: int) -> tuple[int, int]:
    """(height, width) for a network of any size: the picture's own, `max_side` at most, up to a `multiple`."""
    ratio = min(1.0, max_side / max(image.shape[:2]))
    height, width = (max(1, round(side * ratio)) for side in image.shape[:2])
    return -(-height // multiple) * multiple, -(-width // multiple) * multiple


def blob(image: Image) -> Array:
    """H x W x 3 bytes as 1 x 3 x H x W floats 0..255, channels as they are."""
    return np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32)[np.newaxis]


def _resize(image: Image, height: int, width: int) -> Image:
    if image.shape[:2] == (height, width):
        return image
    # Bilinear without antialiasing: what these models were trained and measured with.
    resized: Image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return resized
