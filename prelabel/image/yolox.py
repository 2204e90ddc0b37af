"""YOLOX as Megvii exports it: raw grid values, BGR 0..255, letterbox at the top left, padding 114.

Output [1, cells, 5 + classes], cells of stride 8, 16, 32 row by row: centre = (value + cell) * stride, size =
exp(value) * stride, objectness and class scores are sigmoid already and multiply.
Source: Megvii-BaseDetection/YOLOX, demo/ONNXRuntime and yolox/utils/demo_utils.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from prelabel.image.family import (
    Array,
    Candidates,
    Decoder,
    centred,
    most_likely,
    require_fractions,
    require_shape,
)
from prelabel.image.letterbox import Placement
from prelabel.models.onnx_file import ModelRefused

STRIDES = (8, 16, 32)
_LARGEST = 20.0  # exp of more is no size, only an overflow


class Yolox(Decoder):
    """Decoder of family `yolox`."""

    def check(self, outputs: Mapping[str, Array], place: Placement) -> None:
        height, width = place.input_height, place.input_width
        if height % STRIDES[-1] or width % STRIDES[-1]:
            raise ModelRefused(f"{self.name} has the input size {[height, width]}; YOLOX needs multiples of 32.")
        cells = sum((height // stride) * (width // stride) for stride in STRIDES)
        require_shape(self.name, "predictions", outputs["predictions"], (1, cells, 5 + len(self.names)))
        require_fractions(self.name, "scores", outputs["predictions"][0, :, 4:])

    def decode(self, outputs: Mapping[str, Array], place: Placement, least: float) -> Candidates:
        rows = outputs["predictions"][0]
        # A class score is 1 at most, so the objectness alone rules out nearly all cells.
        near = np.flatnonzero(rows[:, 4] >= least)
        rows = rows[near]
        good, _, scores, classes = most_likely((rows[:, 5:] * rows[:, 4:5]).T, 0, len(self.names), least, self.own)
        boxes = on_grid(rows[good, :4], near[good], place)
        return Candidates(boxes, scores, classes)


def on_grid(values: Array, cells: Array, place: Placement) -> Array:
    """Boxes N x (x1, y1, x2, y2) of raw values N x (dx, dy, log width, log height) of the cells with these numbers."""
    corner, stride = (rows[cells] for rows in grid(place.input_height, place.input_width))
    centre = (values[:, :2] + corner) * stride
    size = np.exp(np.minimum(values[:, 2:], _LARGEST)) * stride
    return centred(centre[:, 0], centre[:, 1], size[:, 0], size[:, 1])


@lru_cache(maxsize=8)
def grid(height: int, width: int) -> tuple[Array, Array]:
    """Column and row of every cell (N x 2) and its stride (N x 1), stride by stride, row by row."""
    cells, strides = [], []
    for stride in STRIDES:
        row, column = np.mgrid[: height // stride, : width // stride]
        cells.append(np.stack([column.ravel(), row.ravel()], axis=1))
        strides.append(np.full((row.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)
