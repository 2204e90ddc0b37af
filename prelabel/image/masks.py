"""From maps of a network's output to masks of the picture.

A map h x w lies over the whole input: its cell (c, r) covers the input from c * input width / w on. Values between
the centres of cells are linear, so what is resized are logits, never a decision: a decision resized has stairs.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from prelabel.geometry import rle
from prelabel.image.letterbox import Placement
from wire.labels import Rle

Array = NDArray[Any]
Window = tuple[int, int, int, int]


def on_picture(values: Array, place: Placement, window: Window, map_origin: tuple[int, int] = (0, 0),
               map_size: tuple[int, int] | None = None) -> Array:  # fmt: skip
    """A map's values (float32) at the centres of the picture's pixels, as rows x columns of `window`.

    Args:
        values: the map, or a part of it that begins at column, row `map_origin` of a map of (height, width)
            `map_size`.
        window: first column, first row, end column, end row of the part of the picture that is wanted.
    """
    height, width = map_size or (values.shape[0], values.shape[1])
    left, top, right, bottom = window
    across, down = width / place.input_width, height / place.input_height
    column = ((left + 0.5) * place.scale_x + place.left) * across - 0.5 - map_origin[0]
    row = ((top + 0.5) * place.scale_y + place.top) * down - 0.5 - map_origin[1]
    way = np.array([[place.scale_x * across, 0, column], [0, place.scale_y * down, row]])
    return np.asarray(
        cv2.warpAffine(
            values, way, (right - left, bottom - top),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
        )
    )  # fmt: skip


def instance_mask(prototypes: Array, weights: Array, box: Array, place: Placement) -> Rle:
    """The mask of one object: prototypes (M x h x w) weighted, scaled to the picture, cut by its box.

    A pixel is the object's where the weighted sum is above 0 (its sigmoid above a half).

    Args:
        box: x1, y1, x2, y2 in pixels of the picture, inside of it.
    """
    # Pixels whose centre the box covers.
    left, top = (max(0, int(np.ceil(edge - 0.5))) for edge in box[:2])
    right, bottom = (int(np.ceil(edge - 0.5)) for edge in box[2:])
    right, bottom = max(left, min(right, place.width)), max(top, min(bottom, place.height))
    if right == left or bottom == top:
        return rle.encode(np.zeros((0, 0), dtype=bool), place.height, place.width)
    height, width = prototypes.shape[1:]
    across, down = width / place.input_width, height / place.input_height
    # Only the cells the box needs, one more on each side for the interpolation.
    first_column, last_column = _cells(box[0], box[2], place.scale_x * across, place.left * across, width)
    first_row, last_row = _cells(box[1], box[3], place.scale_y * down, place.top * down, height)
    part = prototypes[:, first_row:last_row, first_column:last_column]
    # einsum, not a matrix product: the threads of the latter spin on after it.
    logits = np.einsum("m,mhw->hw", weights, part).astype(np.float32)
    window = (left, top, right, bottom)
    values = on_picture(logits, place, window, (first_column, first_row), (height, width))
    return rle.encode(values > 0, place.height, place.width, top, left)


def _cells(low: float, high: float, scale: float, shift: float, count: int) -> tuple[int, int]:
    first = int(np.floor(low * scale + shift - 0.5)) - 1
    last = int(np.ceil(high * scale + shift - 0.5)) + 2
    first = min(max(first, 0), count - 1)
    return first, min(max(last, first + 1), count)
