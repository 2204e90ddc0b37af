"""One network of an audio family: samples in the model's rate go in as it wants them, its outputs come back by role."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.audio.features import FeatureMaker
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage
from prelabel.models.runtime import Tensor, check_finite, load

Array = NDArray[Any]
Samples = NDArray[np.float32]

_FLOATS: dict[str, type[np.floating[Any]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
}
_COUNTS: dict[str, type[np.generic]] = {**_FLOATS, "tensor(int64)": np.int64, "tensor(int32)": np.int32}


class AudioNetwork:
    """A loaded file with its front end. `run` may be called from several threads.

    `window` is how many samples (at `rate`) one run takes, None when the file takes any number: as `[audio]
    window_ms` says, else as the file's own fixed size says.

    Raises:
        ModelRefused: the file does not load, lacks a tensor, or cannot take what `[audio]` describes.
    """

    def __init__(self, package: ModelPackage, threads: int = 1) -> None:
        manifest = package.manifest
        self.name = package.name
        self.audio = manifest.audio
        self.rate = self.audio.rate
        self._inputs, self._outputs = manifest.inputs, manifest.outputs
        self._session = load(package.path, package.name, threads)
        self._session.require(self._inputs, self._outputs)
        self._tensor = self._session.inputs[self._inputs["audio"]]
        if self._tensor.dtype not in _FLOATS:
            raise ModelRefused(f"{self.name} takes {self._tensor.dtype}; sound goes in as floats.")
        self._features = (
            None if self.audio.features is None else FeatureMaker(self.audio.features, self.rate, self.name)
        )
        self._rank = self.audio.rank or len(self._tensor.shape)
        allowed = (1, 2, 3) if self._features is None else (2, 3, 4)
        if self._rank not in allowed:
            raise ModelRefused(
                f"{self.name} takes {self._rank} dimensions; "
                f"{'samples' if self._features is None else 'features'} have {allowed[0]} to {allowed[-1]}.",
                hint="Set `rank` under [audio] in its model.toml if the file does not.",
            )
        self.window = self._window()

    def run(self, samples: Samples) -> dict[str, Array]:
        """The outputs by role, for mono float samples -1..1 at `rate`.

        Raises:
            ModelRefused: the network does not take so many samples, or its answer is not finite.
        """
        scaled = samples if self.audio.scale == 1 else samples * np.float32(self.audio.scale)
        rows = scaled if self._features is None else self._features.make(scaled)
        fed = self._shaped(rows)
        feeds: dict[str, Array] = {self._inputs["audio"]: fed.astype(_FLOATS[self._tensor.dtype], copy=False)}
        if "length" in self._inputs:
            count = len(samples) if self._features is None else self._features.frames(len(samples))
            feeds[self._inputs["length"]] = self._count(self._session.inputs[self._inputs["length"]], count)
        values = self._session.run(feeds, list(self._outputs.values()))
        named = {role: values[name] for role, name in self._outputs.items()}
        check_finite(self.name, named)
        return named

    def _shaped(self, rows: Samples) -> Samples:
        """The rows in the file's number of dimensions; a channel dimension of one is first, or last if so declared."""
        declared = self._tensor.shape
        missing = self._rank - rows.ndim
        last = missing == 2 and len(declared) == self._rank and declared[-1] == 1 and declared[1] != 1
        fed = rows[np.newaxis, ..., np.newaxis] if last else rows.reshape((1,) * missing + rows.shape)
        fits = len(declared) in (0, fed.ndim) and all(
            size is None or size == given for size, given in zip(declared, fed.shape, strict=False)
        )
        if not fits:
            wanted = ", ".join("any" if size is None else str(size) for size in declared)
            raise ModelRefused(
                f"{self.name} takes [{wanted}]; what its [audio] describes is {list(fed.shape)}.",
                hint="Correct window_ms, features or rank under [audio] in its model.toml.",
            )
        return fed

    def _count(self, tensor: Tensor, count: int) -> Array:
        if tensor.dtype not in _COUNTS:
            raise ModelRefused(f"{self.name} takes a length as {tensor.dtype}, which is not supported.")
        return np.full((1,) * len(tensor.shape), count, dtype=_COUNTS[tensor.dtype])

    def _window(self) -> int | None:
        if self.audio.window_ms is not None:
            return max(1, round(self.rate * self.audio.window_ms / 1000))
        shape = self._tensor.shape
        if self._features is None:
            fixed = [size for size in shape[1:] or shape if size is not None and size > 1]
            return fixed[0] if len(fixed) == 1 else None
        if len(shape) != self._rank or self._rank < 2:
            return None
        channels_last = self._rank == 4 and shape[-1] == 1 and shape[1] != 1
        rows = shape[-3:-1] if channels_last else shape[-2:]
        frames = rows[0] if self._features.settings.layout == "frames-bands" else rows[1]
        if frames is None:
            return None
        if self._features.settings.centre:
            return (frames - 1) * self._features.hop
        return (frames - 1) * self._features.hop + self._features.window
