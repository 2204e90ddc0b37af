"""The audio half: samples wait in a ring until what follows is processed; speech outside the prompts leaves as nothing.

A voice activity model detects that somebody speaks, never who: so what stays is where speech was asked for, and all
other speech is replaced, never only turned down. Stretches are widened by 0.2 s on each side.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.audio.vad import VadModel
from prelabel.redaction import policy as limits
from prelabel.redaction.people_finder import RedactionFailed, RedactionUnavailable
from prelabel.redaction.policy import margin_us
from prelabel.redaction.record import MaskLog
from prelabel.redaction.voice import Voices
from wire.capture import sample_time_us
from wire.redaction import MaskRecord
from wire.script import Redaction

Array = NDArray[Any]
Blocks = list[tuple[Array, int]]

_US = 1_000_000
_NOISE_SECONDS = 5


class AudioRedactor:
    """One recording of one microphone. For one thread.

    Blocks leave as they came, in order and with their stamps, every sample in its place. Without `policy.speech`, or
    when all of it is prompted, they pass at once.

    Args:
        prompted: the whole recording answers a prompt, or the stretches [from, to) that do, on the clock of the stamps;
            what is spoken there stays.
        live: blocks come from a microphone: a gap of more than the margin ends the recording.

    Raises:
        RedactionUnavailable: speech is to be muted and there is no model that detects it.
        RateUnsupported: a rate that cannot be resampled to the model's.
    """

    def __init__(
        self,
        policy: Redaction,
        voice: VadModel,
        sample_rate: int,
        channels: int,
        prompted: bool | Sequence[tuple[int, int]],
        *,
        live: bool = True,
    ) -> None:
        if policy.speech is not None and voice is None:
            raise RedactionUnavailable("Speech must be muted, but there is no voice activity model.")
        self._policy, self._rate, self._channels, self._live = policy, sample_rate, channels, live
        self._margin = margin_us(policy) * sample_rate // _US
        self._prompts = [] if isinstance(prompted, bool) else sorted(prompted)
        self._voices: Voices | None = None
        if policy.speech is not None and prompted is not True:
            pause_us = min(limits.MAX_PAUSE_US, margin_us(policy) // 2)
            self._voices = Voices(voice, sample_rate, channels, pause_us)
        self._log = MaskLog(policy, () if voice is None else (voice.source,))
        self._widen = limits.WIDEN_US * sample_rate // _US
        self._fade = max(1, limits.FADE_US * sample_rate // _US)
        self._noise = _band_noise(sample_rate, channels) if policy.sound == "noise" else None
        self._ring: deque[tuple[Array, int, int]] = deque()  # samples, stamp, number of the first one
        self._taken = 0
        self._breaks: list[int] = []
        self._before = np.zeros(0, dtype=bool)  # whether the last samples that left were muted
        self._failure: RedactionFailed | None = None
        self._finished = False

    def push(self, samples: Array, stamp_us: int) -> Blocks:
        """Take the next block and give those that are safe to encode, oldest first.

        The block is copied when it has to wait; what comes back is the caller's own.

        Args:
            samples: int16 (or int32, from files of more than 16 bits) of shape (n, channels).
            stamp_us: device time of the first of them.

        Raises:
            RedactionFailed: the model failed, or samples are missing. Nothing comes out from here on.
            ValueError: another shape than announced, or after `finish`.
        """
        self._go_on()
        if samples.ndim != 2 or samples.shape[1] != self._channels or samples.dtype not in (np.int16, np.int32):
            raise ValueError(
                f"a block of shape {samples.shape} {samples.dtype} came, not (n, {self._channels}) of int16"
            )
        if self._voices is None:
            return [(samples, stamp_us)]
        if len(samples) == 0:
            return []
        self._check_time(stamp_us)
        self._ring.append((samples.copy(), stamp_us, self._taken))
        self._taken += len(samples)
        self._run_model(samples)
        return self._release(self._voices.decided_samples - self._margin)

    def finish(self) -> Blocks:
        """End of the recording: the rest, muted where there is speech.

        Raises:
            RedactionFailed: as `push`.
            ValueError: called twice.
        """
        self._go_on()
        self._finished = True
        if self._voices is None:
            return []
        self._run_model(None)
        return self._release(self._taken)

    def masked(self) -> MaskRecord:
        """What was muted in the samples that left so far; times are media time of the recording."""
        return self._log.record()

    def _go_on(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._finished:
            raise ValueError("the recording is finished")

    def _check_time(self, stamp_us: int) -> None:
        if not self._ring:
            return
        before, its_us, _ = self._ring[-1]
        gap = stamp_us - its_us - sample_time_us(len(before), self._rate)
        if self._live and abs(gap) > margin_us(self._policy):
            self._fail(RedactionFailed(f"The microphone's samples have a gap of {abs(gap) / _US:.1f} s."))
        if abs(gap) > limits.SOUND_GAP_US:
            self._breaks.append(self._taken)

    def _run_model(self, samples: Array | None) -> None:
        """Process a block, or with None the end."""
        assert self._voices is not None
        try:
            if samples is None:
                self._voices.finish()
            else:
                self._voices.push(samples.astype(np.float32) / np.float32(_full_scale(samples.dtype)))
        except RedactionFailed as error:
            self._fail(error)

    def _fail(self, error: RedactionFailed) -> None:
        """Drop the ring and refuse all that follows."""
        self._ring.clear()
        self._failure = error
        raise error

    def _release(self, until: int) -> Blocks:
        """The blocks that end at or before a sample."""
        assert self._voices is not None
        ready = []
        while self._ring and self._ring[0][2] + len(self._ring[0][0]) <= until:
            ready.append(self._ring.popleft())
        if not ready:
            return []
        start, end = ready[0][2], ready[-1][2] + len(ready[-1][0])
        ahead = self._muted(list(self._ring), end, min(self._taken, end + self._fade))
        muted = self._muted(ready, start, end)
        gain = _gain(np.concatenate([self._before, muted, ahead]), self._fade)
        gain = gain[len(self._before) : len(self._before) + len(muted)]
        self._note(muted, start)
        self._before = np.concatenate([self._before, muted])[-self._fade :]
        self._voices.drop_before(end - self._widen)
        self._breaks = [at for at in self._breaks if at > end - self._widen]
        out = []
        for samples, stamp_us, first in ready:
            rows = slice(first - start, first - start + len(samples))
            out.append((self._replaced(samples, gain[rows], muted[rows], first), stamp_us))
        return out

    def _muted(self, blocks: Sequence[tuple[Array, int, int]], start: int, end: int) -> NDArray[np.bool_]:
        """Which of the samples [start, end), all of them in the blocks, have to go."""
        assert self._voices is not None
        muted = np.zeros(max(0, end - start), dtype=bool)
        spans = self._voices.spans(start - self._widen, end + self._widen)
        for first, last in [*spans, *((at, at) for at in self._breaks)]:
            muted[max(0, first - self._widen - start) : max(0, last + self._widen - start)] = True
        for samples, stamp_us, number in blocks:
            for from_us, to_us in self._prompts:
                # The first sample at or after each end of the prompt.
                first, last = (-((stamp_us - edge) * self._rate // _US) for edge in (from_us, to_us))
                low, high = max(0, min(first, len(samples))), max(0, min(last, len(samples)))
                muted[max(0, number + low - start) : max(0, number + high - start)] = False
        return muted

    def _replaced(self, samples: Array, gain: Array, muted: Array, first: int) -> Array:
        """The block with fades around what is muted, and silence or independent noise in its place."""
        if not muted.any() and bool((gain == 1).all()):
            return samples
        out = np.round(samples * gain[:, np.newaxis]).astype(samples.dtype)
        if self._noise is None:
            return out  # where it is muted the gain is 0 exactly
        places = (first + np.flatnonzero(muted)) % len(self._noise)
        out[muted] = np.round(self._noise[places] * _full_scale(samples.dtype)).astype(samples.dtype)
        return out

    def _note(self, muted: NDArray[np.bool_], start: int) -> None:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], muted, [False]]).astype(np.int8)))
        for first, last in edges.reshape(-1, 2).tolist():
            start_us, end_us = (sample_time_us(start + at, self._rate) for at in (first, last))
            self._log.sound(start_us, end_us, last - first, "speech")


def _gain(muted: NDArray[np.bool_], fade: int) -> Array:
    """0 where muted, rising as half a cosine to 1 over `fade` samples on either side."""
    places = np.arange(len(muted))
    far = len(muted) + fade + 1
    before = np.maximum.accumulate(np.where(muted, places, -far))
    after = np.minimum.accumulate(np.where(muted, places, 2 * far)[::-1])[::-1]
    away = np.minimum(places - before, after - places)
    gain: Array = 0.5 - 0.5 * np.cos(np.pi * np.clip(away / (fade + 1), 0, 1))
    return gain


def _full_scale(dtype: Any) -> float:
    return float(np.iinfo(dtype).max) + 1


def _band_noise(rate: int, channels: int) -> Array:
    """A few seconds of band noise of one level, (n, channels), parts of full scale; made before the first block."""
    generator = np.random.default_rng(secrets.randbits(128))
    spectrum = np.fft.rfft(generator.normal(size=(_NOISE_SECONDS * rate, channels)), axis=0)
    hertz = np.fft.rfftfreq(_NOISE_SECONDS * rate, 1 / rate)
    low, high = limits.NOISE_BAND_HZ
    spectrum[(hertz < low) | (hertz > high)] = 0
    noise = np.fft.irfft(spectrum, _NOISE_SECONDS * rate, axis=0)
    level: Array = noise / np.sqrt(np.mean(noise**2)) * 10 ** (limits.NOISE_DBFS / 20)
    return level
