"""Classification: one word or a few for the whole picture, from scores [1, classes].

Logits become probabilities by their softmax. The manifest declares whether the file gives logits or
probabilities, or two dry runs find it: probabilities sum to one, logits leave 0..1; where neither holds the model is
refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from prelabel.geometry.detection import SCORE_DECIMALS
from prelabel.image.family import require_fractions
from prelabel.image.network import PictureNetwork
from prelabel.media.pictures import Image
from prelabel.models.effective_settings import Settings, package_settings
from prelabel.models.families import Activation, ClassificationDecode
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage
from wire.labels import Choice, Label, Source

Array = NDArray[Any]
_SUM_SLACK = 1e-3


@dataclass(frozen=True)
class Guess:
    """A word for a picture. `margin`: how far the best score is above the second, 0..1; small means unsure."""

    label: str
    score: float
    margin: float


class Classifier:
    """A loaded classification model; made by `open_classifier`, for one thread at a time."""

    def __init__(self, network: PictureNetwork) -> None:
        self.package = network.package
        self.source: Source = network.package.source
        self._network = network
        settings = cast(ClassificationDecode, self.package.manifest.decode)
        self._top = settings.top
        self._activation: Activation = settings.activation or self._activation_by_dry_runs()
        if self._activation == "none":
            require_fractions(self.package.name, "scores", self._values(_shades(360, 640)))

    def settings_by_source(self) -> dict[Source, Settings]:
        return {self.source: package_settings(self.package)}

    def guesses(self, image: Image) -> list[Guess]:
        """The best words for a picture H x W x 3 (uint8, BGR), at most `[decode] top`, scored `score` or more.

        Raises:
            ValueError, PictureTooLarge, ModelRefused: as `PictureNetwork.run`.
        """
        manifest = self.package.manifest
        scores = activated(self._values(image).astype(np.float64), self._activation)
        order = np.argsort(-scores, kind="stable")
        best = scores[order]
        margin = float(best[0] - best[1]) if len(best) > 1 else float(best[0])
        return [
            Guess(manifest.names[place], min(float(scores[place]), 1.0), margin)
            for place in order[: self._top].tolist()
            if scores[place] >= manifest.thresholds.score
        ]

    def labels(self, image: Image) -> list[Label]:
        """`guesses` as choices `c1`, `c2`, …; each has the `margin` among its attributes."""
        return [
            Choice(
                id=f"c{number}",
                label=guess.label,
                score=round(guess.score, SCORE_DECIMALS),
                attributes={"margin": round(guess.margin, SCORE_DECIMALS)},
            )
            for number, guess in enumerate(self.guesses(image), start=1)
        ]

    def _activation_by_dry_runs(self) -> Activation:
        black = self._network.dry_run()[0]["scores"]
        runs = [self._flat(black), self._values(_shades(360, 640))]
        if all(sums_to_one(values, axis=0) for values in runs):
            return "none"
        if any(values.min() < 0 or values.max() > 1 for values in runs):
            return "softmax"
        raise ModelRefused(
            f"{self.package.name} gives scores from 0 to 1 that do not sum to one, and nothing says what they are.",
            hint='Add activation = "none" (each word on its own) or "softmax" under [decode].',
        )

    def _values(self, image: Image) -> Array:
        return self._flat(self._network.run(image)[0]["scores"])

    def _flat(self, values: Array) -> Array:
        count = len(self.package.manifest.names)
        if values.size != count or values.shape[0] != 1 or count not in values.shape:
            raise ModelRefused(
                f"{self.package.name} gives scores of shape {list(values.shape)}, {count} names need [1, {count}]."
            )
        return values.ravel()


def open_classifier(package: ModelPackage, threads: int = 1) -> Classifier:
    """Load a classification model and try it out.

    Raises:
        ModelRefused: does not load, or does not do what its manifest states.
    """
    network = PictureNetwork(package, threads)
    network.dry_run()
    return Classifier(network)


def activated(values: Array, activation: Activation, axis: int = 0) -> Array:
    """Probabilities of raw values."""
    if activation == "sigmoid":
        return np.asarray(0.5 * (1 + np.tanh(values / 2)))
    if activation == "softmax":
        powers = np.exp(values - values.max(axis=axis, keepdims=True))
        return np.asarray(powers / powers.sum(axis=axis, keepdims=True))
    return values


def sums_to_one(values: Array, axis: int) -> bool:
    """Whether values are 0..1 and sum to one along an axis."""
    sums = values.sum(axis=axis, dtype=np.float64)
    return bool(values.min() >= -_SUM_SLACK and (np.abs(sums - 1) <= _SUM_SLACK).all())


def _shades(height: int, width: int) -> Image:
    """A picture with every shade, so that a second dry run differs from the black one."""
    row, column = np.mgrid[:height, :width]
    return np.stack([row + column, 2 * row - column, 3 * column - row], axis=2).astype(np.uint8)
