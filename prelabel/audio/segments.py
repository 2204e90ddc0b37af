"""From the model's probabilities to stretches of speech: pure, the rule of silero-vad's `get_speech_timestamps`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prelabel.models.manifest import Speech


@dataclass(frozen=True)
class SpeechRegion:
    """Speech in [start_us, end_us) of media time; `score` is the mean probability within."""

    start_us: int
    end_us: int
    score: float


@dataclass(frozen=True)
class SoundEvent:
    """A sound event in [start_us, end_us) of media time: the word of its class and a score 0..1."""

    label: str
    start_us: int
    end_us: int
    score: float


@dataclass
class SpeechStretch:
    """Samples [start, end) of speech; `score` is the mean probability of its windows before padding."""

    start: int
    end: int
    score: float


class Hysteresis:
    """Whether somebody speaks now: on at `on` and above, off below `off`, unchanged between."""

    def __init__(self, speech: Speech) -> None:
        self._on, self._off = speech.on, speech.off
        self.speaking = False

    def push(self, probability: float) -> None:
        self.speaking = probability >= (self._off if self.speaking else self._on)


def stretches(
    probabilities: Sequence[float], total: int, window: int, rate: int, speech: Speech
) -> list[SpeechStretch]:
    """The stretches of speech in a recording of `total` samples.

    A stretch starts at the first window at or above `on`; it ends where the probability fell below `off` and did
    not come back to `on` within `min_silence_ms`. Short ones are dropped, the rest padded: into the silence between
    two by half of it at most, and never past the recording.

    Args:
        probabilities: one a window of `window` samples, the last window perhaps beyond `total`.
        rate: samples per second.
    """
    least, silence, pad = (rate * ms // 1000 for ms in (speech.min_speech_ms, speech.min_silence_ms, speech.pad_ms))
    found: list[SpeechStretch] = []
    start: int | None = None
    quiet_since: int | None = None

    def close(begin: int, end: int) -> None:
        if end - begin > least:
            score = float(np.mean(probabilities[begin // window : -(-end // window)]))
            found.append(SpeechStretch(begin, end, min(1.0, max(0.0, score))))

    for number, probability in enumerate(probabilities):
        at = number * window
        if probability >= speech.on:
            quiet_since = None
            start = at if start is None else start
        elif start is not None and probability < speech.off:
            quiet_since = at if quiet_since is None else quiet_since
            if at - quiet_since >= silence:
                close(start, quiet_since)
                start = quiet_since = None
    if start is not None:
        close(start, total)
    return _padded(found, pad, total)


def _padded(found: list[SpeechStretch], pad: int, total: int) -> list[SpeechStretch]:
    for number, row in enumerate(found):
        if number == 0:
            row.start = max(0, row.start - pad)
        if number + 1 == len(found):
            row.end = min(total, row.end + pad)
            break
        after = found[number + 1]
        gap = after.start - row.end
        share = min(pad, gap // 2)
        row.end += share
        after.start -= share
    return found
