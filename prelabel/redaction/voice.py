"""Where somebody may be speaking, while it is recorded: probabilities of a voice activity model, read for muting."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.audio.vad import CONTEXT, RATE, WINDOW, VadModel, new_state
from prelabel.media.resample import Resampler
from prelabel.redaction import policy
from prelabel.redaction.people_finder import RedactionFailed
from wire.errors import GleanerError

Array = NDArray[Any]
Spans = list[tuple[int, int]]


class Voices:
    """All channels of one recording. Speech in one of them counts as speech in all.

    Unlike labelling this errs to speech: it begins at a lower probability, ends at a lower one still, no stretch is too
    short, and pauses belong to it.

    Args:
        pause_us: pauses up to this long are filled.
    """

    def __init__(self, model: VadModel, sample_rate: int, channels: int, pause_us: int) -> None:
        self._rate = sample_rate
        self._channels = [_Channel(model, sample_rate) for _ in range(channels)]
        self._pause = pause_us * sample_rate // 1_000_000
        self._waiting: list[list[float]] = [[] for _ in range(channels)]
        self._windows = 0
        self._speaking = False
        self._spans: list[list[int]] = []

    @property
    def decided_samples(self) -> int:
        """Samples of the recording that are decided."""
        return self._sample(self._windows)

    def push(self, samples: Array) -> None:
        """Process floats -1..1 of shape (n, channels).

        Raises:
            RedactionFailed: the model fails or gives something that is no probability.
        """
        self._take([channel.push(samples[:, number]) for number, channel in enumerate(self._channels)])

    def finish(self) -> None:
        """Process the rest, with silence after it. Raises as `push`."""
        self._take([channel.finish() for channel in self._channels])

    def spans(self, start: int, end: int) -> Spans:
        """Samples [from, to) of speech, pauses filled, that touch [start, end)."""
        return [(first, last) for first, last in self._spans if first < end and last > start]

    def drop_before(self, sample: int) -> None:
        """No sample before this one will be asked for again; the last interval stays, the next may extend it."""
        while len(self._spans) > 1 and self._spans[0][1] < sample:
            del self._spans[0]

    def _take(self, rows: list[list[float]]) -> None:
        for waiting, row in zip(self._waiting, rows, strict=True):
            waiting += row
        for index in range(min(len(waiting) for waiting in self._waiting)):
            self._add_probability(max(waiting[index] for waiting in self._waiting))
        taken = min(len(waiting) for waiting in self._waiting)
        for waiting in self._waiting:
            del waiting[:taken]

    def _add_probability(self, probability: float) -> None:
        self._speaking = probability >= (policy.SPEECH_OFF if self._speaking else policy.SPEECH_ON)
        start, end = self._sample(self._windows), self._sample(self._windows + 1)
        self._windows += 1
        if not self._speaking:
            return
        if self._spans and start - self._spans[-1][1] <= self._pause:
            self._spans[-1][1] = end
        else:
            self._spans.append([start, end])

    def _sample(self, windows: int) -> int:
        return windows * WINDOW * self._rate // RATE


class _Channel:
    """The model over one channel: windows of 512 samples at 16 kHz, each with the 64 before it."""

    def __init__(self, model: VadModel, sample_rate: int) -> None:
        self._model = model
        self._resampler = Resampler(sample_rate, RATE)
        self._held = np.zeros(0, dtype=np.float32)
        self._context = np.zeros(CONTEXT, dtype=np.float32)
        self._state = new_state()

    def push(self, samples: Array) -> list[float]:
        return self._advance(self._resampler.push(np.ascontiguousarray(samples, dtype=np.float32)))

    def finish(self) -> list[float]:
        rest = self._resampler.finish()
        odd = (len(self._held) + len(rest)) % WINDOW
        return self._advance(np.concatenate([rest, np.zeros((WINDOW - odd) % WINDOW, dtype=np.float32)]))

    def _advance(self, samples: Array) -> list[float]:
        held = np.concatenate([self._held, samples])
        whole = len(held) - len(held) % WINDOW
        out = [self._step(held[at : at + WINDOW]) for at in range(0, whole, WINDOW)]
        self._held = held[whole:]
        return out

    def _step(self, window: Array) -> float:
        fed = np.concatenate([self._context, window])
        try:
            probability, self._state = self._model.step(fed, self._state)
        except Exception as error:  # whatever a model raises: what it did not process may be speech
            reason = error.message if isinstance(error, GleanerError) else f"{type(error).__name__}: {error}."
            raise RedactionFailed(f"The voice activity model failed: {reason}") from error
        if not np.isfinite(probability):
            raise RedactionFailed("The voice activity model gives values that are not finite.")
        self._context = fed[-CONTEXT:]
        return probability
