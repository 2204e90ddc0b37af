"""A voice made of formulas: two utterances of four syllables, which voice activity models take for speech.

Harmonics of a falling pitch (a voice at 150 Hz, another at 120 Hz), weighted by three resonances, each vowel's
formants (Peterson and Barney 1952, men), with a puff of noise where a syllable begins. The same samples everywhere up
to rounding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
SYLLABLE_SECONDS = 0.2
# Hz of the first three formants: a, i, o, e.
_VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (530, 1840, 2480))
_BANDWIDTHS_HZ = (80, 100, 120)
_HIGHEST_HZ = 5000
_PAUSE_SECONDS, _EDGE_SECONDS = 0.6, 0.5


def vowels() -> NDArray[np.float32]:
    """3.2 s at `RATE`: silence, 0.8 s of voice, 0.6 s of silence, 0.8 s of another voice, silence."""
    edge = np.zeros(int(_EDGE_SECONDS * RATE), dtype=np.float32)
    pause = np.zeros(int(_PAUSE_SECONDS * RATE), dtype=np.float32)
    return np.concatenate([edge, _utterance(150.0), pause, _utterance(120.0), edge])


def _utterance(pitch_hz: float) -> NDArray[np.float32]:
    count = int(SYLLABLE_SECONDS * RATE) * len(_VOWELS)
    seconds = np.arange(count) / RATE
    pitch = pitch_hz * (1 - 0.25 * seconds / seconds[-1]) + 3 * np.sin(2 * np.pi * 5 * seconds)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    syllable = (seconds / SYLLABLE_SECONDS).astype(int)
    part = seconds / SYLLABLE_SECONDS - syllable
    targets = np.array([*_VOWELS, _VOWELS[0]], dtype=float)
    blend = np.clip((part - 0.7) / 0.3, 0, 1)[:, np.newaxis]
    formants = targets[syllable] * (1 - blend) + targets[syllable + 1] * blend
    orders = np.arange(1, int(_HIGHEST_HZ / (0.75 * pitch_hz)))[:, np.newaxis]
    frequency = orders * pitch
    gain = np.ones_like(frequency)
    for number, width in enumerate(_BANDWIDTHS_HZ):
        resonance = formants[:, number]
        gain *= resonance**2 / np.hypot(frequency**2 - resonance**2, width * frequency)
    voice = (np.where(frequency < _HIGHEST_HZ, gain / orders, 0) * np.sin(orders * phase)).sum(axis=0)
    voice *= np.clip(part / 0.15, 0, 1) * np.clip((1 - part) / 0.25, 0, 1) / np.abs(voice).max()
    noise = np.diff(np.random.default_rng(1).normal(0, 1, count), prepend=0.0)
    puff = np.where(part < 0.25, np.sin(np.pi * part / 0.25), 0)
    samples: NDArray[np.float32] = (0.4 * (voice + 0.06 * noise * puff)).astype(np.float32)
    return samples
