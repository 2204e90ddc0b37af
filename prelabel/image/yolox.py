"""YOLOX as Megvii exports it: raw grid values, BGR 0..255, letterbox at the top left, padding 114.

Output [1, cells, 5 + classes], cells of stride 8, 16, 32 row by row: centre = (value + cell) * stride, size =
exp(value) * stride, objectness and class scores are sigmoid already and multiply.
Source: Megvii-BaseDetection/YOLOX, demo/ONNXRuntime and yolox/utils/demo_utils.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from prelabel.image.family import Array, Candidates, centred, require_shape
from prelabel.image.letterbox import Image, Placement, blob, letterbox
from prelabel.manifest import Manifest
from prelabel.runtime import ModelRefused

STRIDES = (8, 16, 32)
PAD = 114


class Yolox:
    """Decoder of family `yolox`; `size` is the fixed (height, width) of the network, multiples of 32."""

    def __init__(self, manifest: Manifest, size: tuple[int, int] | None) -> None:
        if size is None:
            raise ModelRefused(
                f"{manifest.name} has no fixed input size.", hint="Add size = [height, width] under [input]."
            )
        if any(side % STRIDES[-1] for side in size):
            raise ModelRefused(f"{manifest.name} has the input size {list(size)}; YOLOX needs multiples of 32.")
        self._name = manifest.name
        self._classes = len(manifest.names)
        self._size = size

    def prepare(self, image: Image) -> tuple[Array, Placement]:
        canvas, placement = letterbox(image, *self._size, PAD)
        return blob(canvas), placement

    def check(self, outputs: Mapping[str, Array], height: int, width: int) -> None:
        cells = sum((height // stride) * (width // stride) for stride in STRIDES)
        require_shape(self._name, "predictions", outputs["predictions"], (1, cells, 5 + self._classes))

    def decode(self, outputs: Mapping[str, Array], height: int, width: int, least: float) -> Candidates:
        rows = outputs["predictions"][0]
        # A class score is 1 at most, so the objectness alone rules out nearly all cells.
        near = np.flatnonzero(rows[:, 4] >= least)
        rows = rows[near]
        classes = rows[:, 5:].argmax(axis=1)
        scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + classes]
        good = scores >= least
        rows, classes, scores = rows[good], classes[good], scores[good]
        cells, strides = grid(height, width)
        cells, strides = cells[near[good]], strides[near[good], np.newaxis]
        centre = (rows[:, :2] + cells) * strides
        size = np.exp(rows[:, 2:4]) * strides
        boxes = centred(centre[:, 0], centre[:, 1], size[:, 0], size[:, 1])
        return Candidates(boxes, np.clip(scores, 0, 1), classes)


@lru_cache(maxsize=8)
def grid(height: int, width: int) -> tuple[Array, Array]:
    """Column and row of every cell (N x 2) and its stride (N), stride by stride, row by row."""
    cells, strides = [], []
    for stride in STRIDES:
        row, column = np.mgrid[: height // stride, : width // stride]
        cells.append(np.stack([column.ravel(), row.ravel()], axis=1))
        strides.append(np.full(row.size, stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)
