"""A box that a model found: plain values, so that tracks and documents need no runtime."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Detection:
    """A box in float pixels of the picture it was found in: origin top left, x right, y down. `score` 0..1."""

    x: float
    y: float
    width: float
    height: float
    label: str
    score: float

    def scaled(self, x: float, y: float) -> Detection:
        """The same in a picture x times as wide and y times as high: from the small stream to the stored one."""
        return Detection(self.x * x, self.y * y, self.width * x, self.height * y, self.label, self.score)
