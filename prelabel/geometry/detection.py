"""A box that a model found: plain values, so that tracks and documents need no runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wire.labels import Rle

DECIMALS = 2  # of a pixel: finer adds no information and makes documents long
SCORE_DECIMALS = 4


@dataclass(frozen=True)
class Detection:
    """A box in float pixels of the picture it was found in: origin top left, x right, y down. `score` 0..1.

    Some families know more: `rotation` in degrees clockwise about the box's centre, `keypoints` (x, y, v) with COCO's
    v, `mask` in COCO's RLE, size [height, width] of the picture.
    """

    x: float
    y: float
    width: float
    height: float
    label: str
    score: float
    rotation: float | None = None
    keypoints: tuple[tuple[float, float, Literal[0, 1, 2]], ...] | None = None
    mask: Rle | None = None

    def scaled(self, x: float, y: float) -> Detection:
        """The box in a picture x times as wide and y times as high: from the small stream to the stored one.

        Rotation, keypoints and mask do not come along: tracks are of upright boxes.
        """
        return Detection(self.x * x, self.y * y, self.width * x, self.height * y, self.label, self.score)
