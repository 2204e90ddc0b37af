"""A sound in pieces: equal windows at the model's sample rate, whatever came in and in whatever blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from prelabel.media.resample import Resampler
from wire.capture import sample_time_us

Samples = NDArray[np.float32]


class Windows:
    """Window n begins at sample n * hop of the resampled sound; the last ones are filled up with silence.

    Every sample lies in a window: there are enough of them to reach the end, and one at least if there is any sound.

    Args:
        rate: of the samples that will be pushed.
        target: the model's, to which `window` and `hop` (samples) belong.

    Raises:
        RateUnsupported: the rate cannot be resampled to the model's.
    """

    def __init__(self, rate: int, target: int, window: int, hop: int) -> None:
        self._rate, self._target, self._window, self._hop = rate, target, window, hop
        self._resampler = Resampler(rate, target)
        self._held = np.zeros(0, dtype=np.float32)
        self._start = 0  # where `_held` begins, in samples of the model
        self._next = 0
        self._pushed = 0
        self._total = 0

    def push(self, samples: Samples) -> Iterator[Samples]:
        """The windows that `samples` (float32, mono) complete."""
        self._pushed += len(samples)
        yield from self._take(self._resampler.push(samples))

    def finish(self) -> Iterator[Samples]:
        """The rest."""
        yield from self._take(self._resampler.finish())
        while self._next * self._hop < self._total and (
            self._next == 0 or (self._next - 1) * self._hop + self._window < self._total
        ):
            piece = self._held[max(0, self._next * self._hop - self._start) :][: self._window]
            self._next += 1
            yield np.concatenate([piece, np.zeros(self._window - len(piece), dtype=np.float32)])

    def span_us(self, first: int, last: int) -> tuple[int, int]:
        """Media time from the start of window `first` to the end of window `last`, cut at the end of the sound."""
        end = sample_time_us(last * self._hop + self._window, self._target)
        return sample_time_us(first * self._hop, self._target), min(end, sample_time_us(self._pushed, self._rate))

    def _take(self, samples: Samples) -> Iterator[Samples]:
        self._total += len(samples)
        self._held = np.concatenate([self._held, samples])
        while self._next * self._hop + self._window <= self._total:
            at = self._next * self._hop - self._start
            self._next += 1
            yield self._held[at : at + self._window]
        drop = min(len(self._held), max(0, self._next * self._hop - self._start))
        self._held, self._start = self._held[drop:], self._start + drop
