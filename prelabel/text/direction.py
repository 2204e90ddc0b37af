"""Which way up a line of text is: the network gives probabilities of upright and of upside down."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prelabel.media.pictures import Image
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage
from prelabel.text.network import Array, OcrNetwork, resized
from prelabel.text.recognition import are_probabilities, line_width

UPSIDE_DOWN = 1


class TextDirection:
    """The direction network of OCR: lines of one fixed size, longer ones squeezed.

    Args:
        package: of family `ocr`, part `direction`.
        threads: threads within the network.

    Raises:
        ModelRefused: another family or part, does not load, has no fixed size, or does not give two probabilities.
    """

    def __init__(self, package: ModelPackage, threads: int = 1) -> None:
        self._part = OcrNetwork(package, "direction", threads)
        self.package, self.source = self._part.package, self._part.source
        self.flip = self._part.decode.flip
        if self._part.height is None or self._part.width is None:
            raise ModelRefused(
                f"{package.name} has no fixed input size.", hint="Add size = [height, width] under [input]."
            )
        self._height, self._width = self._part.height, self._part.width
        output = self._part.dry_run(self._height, self._width)
        if output.shape != (1, 2):
            raise self._part.refuse(output.shape, "needs [1, 2]: upright, upside down")
        if not are_probabilities(output):
            raise ModelRefused(f"{package.name} gives no probabilities of the two directions.")

    def upside_down(self, lines: Sequence[Image]) -> Array:
        """For each line the probability (float [N]) that it is upside down; `flip` and more is sure, and so is
        1 - `flip` and less of the contrary.

        Raises:
            ModelRefused: the network fails on them.
        """
        drawn = [
            resized(one, self._height, min(self._width, line_width(one, self._height)), self._part.input.antialias)
            for one in lines
        ]
        step = self._part.batch
        parts = [self._part.run(drawn[at : at + step], self._width) for at in range(0, len(drawn), step)]
        rows = np.concatenate(parts) if parts else np.zeros((0, 2), dtype=np.float32)
        heads: Array = rows[:, UPSIDE_DOWN]
        return heads
