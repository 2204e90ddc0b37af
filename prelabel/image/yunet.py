"""YuNet (n, 2023): faces, BGR 0..255, sides a multiple of 32, the rest padded with black.

Per stride 8, 16, 32: cls, obj [1, cells, 1] and bbox [1, cells, 4]; score = sqrt(cls * obj), centre =
(cell + d) * stride, size = exp(d) * stride. Source: ShiqiYu/libfacedetection.train, and OpenCV's FaceDetectorYN.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from prelabel.image.family import Array, Candidates, Decoder, require_shape
from prelabel.image.letterbox import Placement
from prelabel.image.yolox import STRIDES, on_grid


class Yunet(Decoder):
    """Decoder of family `yunet`."""

    def check(self, outputs: Mapping[str, Array], place: Placement) -> None:
        for stride in STRIDES:
            cells = (place.input_height // stride) * (place.input_width // stride)
            for role, channels in ((f"cls_{stride}", 1), (f"obj_{stride}", 1), (f"bbox_{stride}", 4)):
                require_shape(self.name, role, outputs[role], (1, cells, channels))

    def decode(self, outputs: Mapping[str, Array], place: Placement, least: float) -> Candidates:
        face, present, values = (
            np.concatenate([outputs[f"{kind}_{stride}"][0] for stride in STRIDES]) for kind in ("cls", "obj", "bbox")
        )
        # The published file overshoots 1 a little.
        scores = np.sqrt(np.clip(face[:, 0], 0, 1) * np.clip(present[:, 0], 0, 1))
        good = np.flatnonzero(scores >= least)
        return Candidates(on_grid(values[good], good, place), scores[good], np.zeros(len(good), dtype=np.intp))
