"""What is to be heard in the room: a refrigerator, air, and what is said. Pure but for the noise drawn once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from device_agent.sensors.base import Samples
from device_agent.sensors.simulated.acts import Say

LOOP_SECONDS = 8
NOISE_DBFS = -58.0


class RoomSound:
    """Samples of any stretch of time; asking for the same stretch again gives the same samples."""

    def __init__(self, seed: int, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._noise = room_noise(seed, sample_rate)

    def samples(self, first_sample: int, count: int, started_us: int, says: Sequence[Say]) -> Samples:
        """int16 (count, 1): `count` samples from `first_sample` on, sample 0 being at device time `started_us`."""
        where = np.arange(first_sample, first_sample + count) % len(self._noise)
        mixed = self._noise[where]
        for say in says:
            begins = round((say.start_us - started_us) * self.sample_rate / 1_000_000) - first_sample
            left, right = max(0, begins), min(count, begins + len(say.samples))
            if left < right:
                mixed[left:right] += say.samples[left - begins : right - begins]
        return np.clip(np.round(mixed * 32767), -32768, 32767).astype(np.int16).reshape(-1, 1)


def room_noise(seed: int, sample_rate: int) -> npt.NDArray[np.float32]:
    """A seamless loop, float32 in -1..1: a falling spectrum like still air, 50 Hz and harmonics like a refrigerator."""
    count = LOOP_SECONDS * sample_rate
    draw = np.random.default_rng(seed)
    spectrum = np.fft.rfft(draw.normal(0, 1, count))
    hertz = np.fft.rfftfreq(count, 1 / sample_rate)
    spectrum *= 1 / np.sqrt(1 + (hertz / 180) ** 2)
    spectrum[hertz < 30] = 0
    noise = np.fft.irfft(spectrum, count)
    noise /= np.sqrt(np.mean(noise**2))
    time = np.arange(count) / sample_rate
    hum = sum(np.sin(2 * np.pi * 50 * order * time) / order**1.5 for order in (1, 2, 3, 4))
    level = float(10 ** (NOISE_DBFS / 20))
    return np.asarray((noise + 0.5 * hum) * level, np.float32)
