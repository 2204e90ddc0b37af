"""Models that score every window of a sound: what tagging and keyword have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.audio.network import AudioNetwork
from prelabel.audio.windows import Windows
from prelabel.models.families import KeywordDecode, TaggingDecode
from prelabel.models.manifest import Thresholds
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage

Samples = NDArray[np.float32]
Scores = NDArray[np.float64]

_SLACK = 1e-3  # how far rounding may take a probability out of 0..1


class WindowScorer:
    """Scores [classes] in 0..1 of one window of samples, and which of them count.

    `thresholds` [classes] has the least score that counts; a class that is not wanted has infinity.

    Raises:
        ModelRefused: the file does not load or does not score as its manifest states.
    """

    def __init__(self, package: ModelPackage, threads: int = 1) -> None:
        decode = package.manifest.decode
        assert isinstance(decode, TaggingDecode | KeywordDecode)
        self.names = package.manifest.names
        self._decode = decode
        self._network = AudioNetwork(package, threads)
        self._name = package.name
        self.rate = self._network.rate
        if self._network.window is None:
            raise ModelRefused(
                f"{package.name} takes sound of any length.", hint="Set window_ms and hop_ms under [audio]."
            )
        self.window = self._network.window
        hop_ms = self._network.audio.hop_ms
        self.hop = max(1, self.window // 2 if hop_ms is None else round(self.rate * hop_ms / 1000))
        self.thresholds = self._thresholds(package.manifest.thresholds)
        self.scores(np.zeros(self.window, dtype=np.float32))

    def listen(self, rate: int) -> Windows:
        """The windows of one recording of `rate` samples per second."""
        return Windows(rate, self.rate, self.window, self.hop)

    def scores(self, window: Samples) -> Scores:
        """Raises ModelRefused: not one row of as many numbers as names, or a number that is no probability."""
        values: NDArray[Any] = self._network.run(window)["scores"]
        if values.ndim == 0 or values.shape[-1] != len(self.names) or values.size != len(self.names):
            raise ModelRefused(
                f"{self._name} gives scores of shape {list(values.shape)} for one window; "
                f"its names are {len(self.names)}."
            )
        row = values.reshape(-1).astype(np.float64)
        if self._decode.activation == "sigmoid":
            return _sigmoid(row)
        if self._decode.activation == "softmax":
            powers = np.exp(row - row.max())
            return np.asarray(powers / powers.sum())
        if row.min() < -_SLACK or row.max() > 1 + _SLACK:
            raise ModelRefused(
                f"{self._name} gives scores from {row.min():.3g} to {row.max():.3g}, which are not probabilities.",
                hint='Set activation = "sigmoid" or "softmax" under [decode] in its model.toml.',
            )
        return np.clip(row, 0, 1)

    def _thresholds(self, thresholds: Thresholds) -> Scores:
        only = self._decode.only
        for word in only:
            if word not in self.names:
                raise ModelRefused(f"{self._name} has no class {word!r}, which its [decode] names.")
        rows = [thresholds.of(word) if not only or word in only else np.inf for word in self.names]
        return np.array(rows, dtype=np.float64)


def _sigmoid(values: Scores) -> Scores:
    # Through tanh, which does not overflow.
    return np.asarray(0.5 * (1 + np.tanh(values / 2)))
