"""What a family of image models knows: how a picture goes in, what the tensors mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from prelabel.image.letterbox import Image, Placement
from prelabel.runtime import ModelRefused

Array = NDArray[Any]


@dataclass(frozen=True)
class Candidates:
    """What a decoder finds: N boxes (x1, y1, x2, y2) in pixels of the input, N scores 0..1, N class numbers."""

    boxes: Array
    scores: Array
    classes: Array


class Decoder(Protocol):
    """One family. `outputs` is keyed by role, as in the manifest."""

    def prepare(self, image: Image) -> tuple[Array, Placement]:
        """The input 1 x 3 x H x W of a picture H x W x 3 (BGR), and where the picture lies in it."""

    def check(self, outputs: Mapping[str, Array], height: int, width: int) -> None:
        """Raise ModelRefused unless the outputs of a height x width input have this family's shapes."""

    def decode(self, outputs: Mapping[str, Array], height: int, width: int, least: float) -> Candidates:
        """Everything scored `least` or more, before overlapping boxes are merged."""


def require_shape(name: str, role: str, value: Array, expected: tuple[int, ...]) -> None:
    """Raise ModelRefused unless `value` has the shape."""
    if value.shape != expected:
        raise ModelRefused(f"{name} gives {role} of shape {list(value.shape)}, its family needs {list(expected)}.")


def centred(x: Array, y: Array, width: Array, height: Array) -> Array:
    """Boxes by centre and size as N x (x1, y1, x2, y2)."""
    return np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)
