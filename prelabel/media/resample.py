"""A streaming resampler with exact time: output sample n lies at n / output rate of the input's clock."""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

from wire.errors import GleanerError

Samples = NDArray[np.float32]

_ZERO_CROSSINGS = 16
_KAISER_BETA = 8.6  # 85 dB of stop band
_ROLL_OFF = 0.94  # the pass band ends here, as a fraction of the lower Nyquist frequency
_MIN_RATE = 8_000
_MAX_PHASES = 16_000


class RateUnsupported(GleanerError):
    """A sample rate that cannot be brought to the model's."""

    code = "audio-rate-unsupported"
    status = 422
    exit_code = 2
    hint = "Record at 48000 or 16000 samples per second."


class Resampler:
    """Windowed-sinc filter bank, one phase for each place an output sample can have between two input samples.

    The filter is symmetric about the output instant, so there is no delay to account for: what is not known yet is
    held back, and `finish` lets it out with silence behind the end. Before the first sample lies silence too.
    All output together has ceil(input samples * target / rate) samples, whatever the blocks were.

    Raises:
        RateUnsupported: below 8000, or with too odd a ratio to the target.
    """

    def __init__(self, rate: int, target: int) -> None:
        common = gcd(rate, target)
        self._up, self._down = target // common, rate // common
        if rate < _MIN_RATE or self._up > _MAX_PHASES:
            raise RateUnsupported(f"Audio of {rate} samples per second cannot be resampled to {target}.")
        self._same = rate == target
        self._block = rate  # one second at a time: the windows of a long block would fill the memory
        self._bank: NDArray[np.float32] = np.zeros((1, 1), dtype=np.float32)
        self._half = 0
        if not self._same:
            self._bank, self._half = _bank(self._up, self._down)
        # Input from `_start` (an input sample number) on; silence stands in before the first sample.
        self._held: Samples = np.zeros(self._half, dtype=np.float32)
        self._start = -self._half
        self._taken = 0
        self._given = 0

    def push(self, samples: Samples) -> Samples:
        """The output that `samples` completes (float32, mono)."""
        self._taken += len(samples)
        if self._same:
            return samples
        blocks = [samples[at : at + self._block] for at in range(0, len(samples), self._block)]
        return np.concatenate([np.zeros(0, dtype=np.float32), *(self._advance(block) for block in blocks)])

    def finish(self) -> Samples:
        """The rest of the output."""
        if self._same:
            return np.zeros(0, dtype=np.float32)
        out = self._advance(np.zeros(self._half + 1, dtype=np.float32))
        wanted = -(-self._taken * self._up // self._down)
        surplus = max(0, self._given - wanted)
        return out[: len(out) - surplus]

    def _advance(self, samples: Samples) -> Samples:
        held = np.concatenate([self._held, samples])
        # Output n needs input (n * down // up) - half + 1 ... + half.
        last = self._start + len(held) - 1 - self._half
        until = max(self._given, ((last + 1) * self._up - 1) // self._down + 1)
        positions = np.arange(self._given, until, dtype=np.int64) * self._down
        first = positions // self._up - self._half + 1 - self._start
        out: Samples = np.zeros(0, dtype=np.float32)
        if len(positions):
            windows = np.lib.stride_tricks.sliding_window_view(held, 2 * self._half)[first]
            out = np.einsum("ij,ij->i", windows, self._bank[positions % self._up]).astype(np.float32)
        self._given = until
        keep = max(0, until * self._down // self._up - self._half + 1 - self._start)
        self._held, self._start = held[keep:], self._start + keep
        return out


@lru_cache(maxsize=4)
def _bank(up: int, down: int) -> tuple[NDArray[np.float32], int]:
    """Filter taps (phases x 2 half) and half their number, in input samples."""
    width = max(1.0, down / up)
    half = int(np.ceil(_ZERO_CROSSINGS * width))
    cutoff = _ROLL_OFF / width
    offsets = np.arange(-half + 1, half + 1)[np.newaxis, :] - np.arange(up)[:, np.newaxis] / up
    window = np.i0(_KAISER_BETA * np.sqrt(np.clip(1 - (offsets / half) ** 2, 0, None))) / np.i0(_KAISER_BETA)
    taps = np.sinc(offsets * cutoff) * window
    # Every phase passes a constant unchanged.
    return (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32), half
