"""YuNet (n, 2023): faces, BGR 0..255, sides a multiple of 32, the rest padded with black.

Per stride 8, 16, 32: cls, obj [1, cells, 1] and bbox [1, cells, 4]; score = sqrt(cls * obj), centre =
(cell + d) * stride, size = exp(d) * stride. Source: ShiqiYu/libfacedetection.train, and OpenCV's FaceDetectorYN.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from prelabel.image.family import Array, Candidates, centred, require_shape
from prelabel.image.letterbox import Image, Placement, blob, input_size, letterbox
from prelabel.image.yolox import STRIDES, grid
from prelabel.manifest import Manifest

PAD = 0


class Yunet:
    """Decoder of family `yunet`; `size` is None for a network of any size."""

    def __init__(self, manifest: Manifest, size: tuple[int, int] | None) -> None:
        self._name = manifest.name
        self._size = size
        self._input = manifest.input

    def prepare(self, image: Image) -> tuple[Array, Placement]:
        size = self._size or input_size(image, self._input.multiple, self._input.max_side)
        canvas, placement = letterbox(image, *size, PAD)
        return blob(canvas), placement

    def check(self, outputs: Mapping[str, Array], height: int, width: int) -> None:
        for stride in STRIDES:
            cells = (height // stride) * (width // stride)
            for role, channels in ((f"cls_{stride}", 1), (f"obj_{stride}", 1), (f"bbox_{stride}", 4)):
                require_shape(self._name, role, outputs[role], (1, cells, channels))

    def decode(self, outputs: Mapping[str, Array], height: int, width: int, least: float) -> Candidates:
        face, present, values = (
            np.concatenate([outputs[f"{kind}_{stride}"][0] for stride in STRIDES]) for kind in ("cls", "obj", "bbox")
        )
        scores = np.sqrt(np.clip(face[:, 0], 0, 1) * np.clip(present[:, 0], 0, 1))
        good = np.flatnonzero(scores >= least)
        cells, strides = grid(height, width)
        cells, strides, values = cells[good], strides[good, np.newaxis], values[good]
        centre = (cells + values[:, :2]) * strides
        size = np.exp(values[:, 2:]) * strides
        boxes = centred(centre[:, 0], centre[:, 1], size[:, 0], size[:, 1])
        return Candidates(boxes, scores[good], np.zeros(len(good), dtype=np.intp))
