"""Silero VAD (v5, v6): who speaks when, while it is recorded.

16 kHz mono -1..1, windows of 512 samples, each preceded by the last 64 of the window before (without that context
the network answers "no speech" to everything); state [2, 1, 128] is fed back. Source: snakers4/silero-vad,
utils_vad.py, OnnxWrapper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy, deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.audio.segments import Hysteresis, SpeechRegion, stretches
from prelabel.media.resample import Resampler
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage
from prelabel.models.runtime import check_finite, load
from wire.capture import sample_time_us
from wire.labels import Source

RATE = 16_000
WINDOW = 512
CONTEXT = 64
_STATE = (2, 1, 128)
_FLOATS = {"tensor(float16)": np.float16}
_INT16_SCALE = np.float32(1 / 32768)


class VadModel:
    """A loaded network of family `vad`; any number of streams may share it.

    Raises:
        ModelRefused: another family, does not load, or does not answer as its manifest states.
    """

    def __init__(self, package: ModelPackage, threads: int = 1) -> None:
        if package.family != "vad":
            raise ModelRefused(f"{package.name} is a model of family {package.family}, not a voice activity model.")
        self.package = package
        self.source: Source = package.source
        self._names = package.manifest.inputs
        self._outputs = package.manifest.outputs
        self._session = load(package.path, package.name, threads)
        self._session.require(self._names, self._outputs)
        self._dry_run()

    def step(self, samples: NDArray[np.float32], state: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        """Probability of speech in 64 + 512 samples, and the state for the next step.

        Raises:
            ModelRefused: the answer is not finite.
        """
        values = self._run(samples, state)
        probability = float(values["probability"][0, 0])
        if not math.isfinite(probability):
            check_finite(self.package.name, values)
        return probability, values["state"]

    def _run(self, samples: NDArray[np.float32], state: NDArray[Any]) -> dict[str, NDArray[Any]]:
        kind = _FLOATS.get(self._session.inputs[self._names["audio"]].dtype, np.float32)
        feeds = {
            self._names["audio"]: samples[np.newaxis].astype(kind),
            self._names["state"]: state.astype(kind),
        }
        if "sample_rate" in self._names:
            feeds[self._names["sample_rate"]] = np.array(RATE, dtype=np.int64)
        values = self._session.run(feeds, [self._outputs["probability"], self._outputs["state"]])
        return {role: values[name].astype(np.float32) for role, name in self._outputs.items()}

    def _dry_run(self) -> None:
        values = self._run(np.zeros(CONTEXT + WINDOW, dtype=np.float32), new_state())
        for role, shape in (("probability", (1, 1)), ("state", _STATE)):
            if values[role].shape != shape:
                raise ModelRefused(
                    f"{self.package.name} gives {role} of shape {list(values[role].shape)}, "
                    f"its family needs {list(shape)}."
                )
        check_finite(self.package.name, values)


class VadStream:
    """One recording, sample by sample. For one thread.

    Samples that are not at 16 kHz are resampled (windowed sinc, streaming, no delay in time). Times are media time:
    the first sample pushed is at 0.

    Args:
        model: a loaded model, or a package to load.
        sample_rate: of the samples that will be pushed.

    Raises:
        RateUnsupported: the rate cannot be resampled to 16 kHz.
        ModelRefused: as VadModel.
    """

    def __init__(self, model: VadModel | ModelPackage, sample_rate: int) -> None:
        self.model = model if isinstance(model, VadModel) else VadModel(model)
        self.probability = 0.0
        self._rate = sample_rate
        self._resampler = Resampler(sample_rate, RATE)
        self._speech = self.model.package.manifest.speech
        self._now = Hysteresis(self._speech)
        self._probabilities: list[float] = []
        self._waiting = np.zeros(0, dtype=np.float32)
        self._context = np.zeros(CONTEXT, dtype=np.float32)
        self._state = new_state()
        self._pushed = 0
        self._finished = False

    @property
    def speaking(self) -> bool:
        """Whether somebody speaks in the newest whole window."""
        return self._now.speaking

    @property
    def probabilities(self) -> tuple[float, ...]:
        """One a window of 32 ms so far."""
        return tuple(self._probabilities)

    def push(self, samples: NDArray[np.int16] | NDArray[np.float32]) -> None:
        """Take the next mono samples: int16, or float -1..1, one dimension.

        Raises:
            ValueError: another shape or type, or after `finish`.
        """
        if self._finished:
            raise ValueError("the stream is finished")
        if samples.ndim != 1:
            raise ValueError(f"mono samples have one dimension, not {samples.ndim}")
        self._pushed += len(samples)
        self._take(self._resampler.push(_as_float(samples)))

    def copy(self) -> VadStream:
        """A copy of the stream with the same state."""
        other = copy(self)
        other._resampler, other._now = deepcopy(self._resampler), deepcopy(self._now)
        other._probabilities = list(self._probabilities)
        return other

    def finish(self, others: Sequence[VadStream] = ()) -> list[SpeechRegion]:
        """End of the recording: every stretch of speech, in order, without overlap.

        Args:
            others: streams of the other channels; speech in one of them is speech.

        Raises:
            ValueError: called twice.
        """
        total = max(stream._close() for stream in (self, *others))
        for other in others:
            pairs = zip(self._probabilities, other._probabilities, strict=True)
            self._probabilities = [max(pair) for pair in pairs]
        end_us = sample_time_us(self._pushed, self._rate)
        found = stretches(self._probabilities, total, WINDOW, RATE, self._speech)
        rows = ((sample_time_us(row.start, RATE), min(end_us, sample_time_us(row.end, RATE)), row) for row in found)
        return [SpeechRegion(start, end, row.score) for start, end, row in rows if end > start]

    def _close(self) -> int:
        """Process what is left; returns how many samples of 16 kHz there were."""
        if self._finished:
            raise ValueError("the stream is finished")
        self._take(self._resampler.finish())
        total = len(self._probabilities) * WINDOW + len(self._waiting)
        if len(self._waiting):
            self._take(np.zeros(WINDOW - len(self._waiting), dtype=np.float32))
        self._finished = True
        return total

    def _take(self, samples: NDArray[np.float32]) -> None:
        waiting = np.concatenate([self._waiting, samples])
        whole = len(waiting) - len(waiting) % WINDOW
        for at in range(0, whole, WINDOW):
            window = np.concatenate([self._context, waiting[at : at + WINDOW]])
            self.probability, self._state = self.model.step(window, self._state)
            self._context = window[-CONTEXT:]
            self._probabilities.append(self.probability)
            self._now.push(self.probability)
        self._waiting = waiting[whole:]


def new_state() -> NDArray[np.float32]:
    return np.zeros(_STATE, dtype=np.float32)


def _as_float(samples: NDArray[Any]) -> NDArray[np.float32]:
    if samples.dtype == np.int16:
        return samples.astype(np.float32) * _INT16_SCALE
    if samples.dtype.kind != "f":
        raise ValueError(f"samples are int16 or float, not {samples.dtype}")
    return samples.astype(np.float32)
