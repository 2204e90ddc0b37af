"""The text of a line: probabilities of every character at every eighth column or so, read greedily.

CTC (Graves et al. 2006): the best channel of each column, repeats merged, the blank dropped. PP-OCR's alphabet has
the blank first and a space last; its files name the characters between them in their metadata `character`.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prelabel.media.pictures import Image
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage
from prelabel.text.network import Array, OcrNetwork, resized

HEIGHT = 48
BASE_WIDTH = 320
# Columns in one batch: 18,710 characters at 160 places are 12 MB; larger batches are no faster on one core.
MAX_COLUMNS = 1280
_TOLERANCE = 1e-2


@dataclass(frozen=True)
class RecognisedLine:
    """The text of a line (NFC, no blanks around it), and the mean probability of its characters."""

    text: str
    score: float


class TextRecogniser:
    """The recognition network of OCR: lines of one height, as wide as they are long.

    Args:
        package: of family `ocr`, part `recognition`.
        threads: threads within the network.

    Raises:
        ModelRefused: another family or part, does not load, or its alphabet does not fit its output.
    """

    def __init__(self, package: ModelPackage, threads: int = 1) -> None:
        self._part = OcrNetwork(package, "recognition", threads)
        self.package, self.source = self._part.package, self._part.source
        self.language = self._part.decode.language
        self._height = self._part.height or HEIGHT
        output = self._part.dry_run(self._height, self._part.width or BASE_WIDTH)
        if output.ndim != 3 or output.shape[0] != 1 or output.shape[1] < 1:
            raise self._part.refuse(output.shape, "needs [1, places, characters]")
        if not are_probabilities(output):
            raise ModelRefused(f"{package.name} gives no probabilities of characters.")
        self._blank = self._part.decode.blank
        self._tokens = self._alphabet(output.shape[2])

    def read(self, lines: Sequence[Image]) -> list[RecognisedLine]:
        """The text of each line; an empty text where there is nothing to read.

        Raises:
            ModelRefused: the network fails on them.
        """
        widths = [min(line_width(one, self._height), self._part.width or self._part.input.max_side) for one in lines]
        result = [RecognisedLine("", 0.0)] * len(lines)
        for rows, width in self._batches(widths):
            drawn = [resized(lines[row], self._height, widths[row], self._part.input.antialias) for row in rows]
            for row, line in zip(rows, self._decoded(self._part.run(drawn, width)), strict=True):
                result[row] = line
        return result

    def _batches(self, widths: Sequence[int]) -> list[tuple[list[int], int]]:
        """Lines of like width together: their numbers, and the width they are padded to."""
        batches: list[tuple[list[int], int]] = []
        for row in sorted(range(len(widths)), key=lambda row: widths[row]):
            width = self._part.width or max(BASE_WIDTH, widths[row])
            rows = batches[-1][0] if batches else []
            if rows and len(rows) < self._part.batch and (len(rows) + 1) * width <= MAX_COLUMNS:
                batches[-1] = ([*rows, row], width)
            else:
                batches.append(([row], width))
        return batches

    def _decoded(self, output: Array) -> list[RecognisedLine]:
        best, score = output.argmax(axis=2), output.max(axis=2)
        kept = best != self._blank
        kept[:, 1:] &= best[:, 1:] != best[:, :-1]
        return [
            RecognisedLine(
                unicodedata.normalize("NFC", "".join(self._tokens[places[keep]])).strip(),
                float(scores[keep].mean()) if keep.any() else 0.0,
            )
            for places, scores, keep in zip(best, score, kept, strict=True)
        ]

    def _alphabet(self, channels: int) -> Array:
        """The token of every channel; the blank's is empty."""
        given = self._part.decode.alphabet
        if given is None:
            raise ModelRefused(
                f"Nothing says which characters the {channels} channels of {self.package.name} are.",
                hint='Add alphabet = ["a", "b", …] under [decode] of its model.toml.',
            )
        if len(given) not in (channels - 1, channels - 2):
            raise ModelRefused(
                f"{self.package.name} gives {channels} channels, its alphabet has {len(given)} characters; "
                "there is one channel more for the blank, and perhaps one for the space."
            )
        if self._blank >= channels:
            raise ModelRefused(
                f"{self.package.name} gives {channels} channels, none is number {self._blank}, the blank."
            )
        tokens = [*given, " "][: channels - 1]
        tokens.insert(self._blank, "")
        return np.array(tokens, dtype=object)


def line_width(line: Image, height: int) -> int:
    """Columns of a line drawn to that height, its shape kept."""
    rows, columns = line.shape[:2]
    return max(1, math.ceil(int(columns) * height / int(rows)))


def are_probabilities(output: Array) -> bool:
    """Whether the last axis sums to one and nothing is negative."""
    sums = output.astype(np.float64).sum(axis=-1)
    return bool(output.min() >= 0 and np.allclose(sums, 1, atol=_TOLERANCE))
