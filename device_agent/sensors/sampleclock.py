"""When samples were recorded, from when they arrived: the arrival of a block is late by a varying, unknown bit. Pure.

The least late arrival of the last seconds is the best witness (lower envelope). When every arrival of a whole window
is late by more than a jitter can explain, samples are missing: flags of sound systems do not tell (measured: none was
raised over PulseAudio in a stall of three seconds, and none of its samples were lost).
"""

from __future__ import annotations

from dataclasses import dataclass, field

WINDOW_US = 2_000_000
MIN_LOSS_US = 150_000


@dataclass
class SampleClock:
    """For one stream at `rate` samples per second. Feed every block in order."""

    rate: int
    count: int = 0
    _offset_us: float | None = None
    _least_us: float = field(default=float("inf"))
    _since_us: int = 0
    _newest_us: int = -(2**62)

    def arrived(self, now_us: int, samples: int) -> tuple[int, bool]:
        """(device time of the block's first sample, whether samples were lost before it) of a block heard by `now_us`.

        Stamps rise strictly.
        """
        first = self.count
        self.count += samples
        late = now_us - self.count * 1_000_000 / self.rate
        lost = self._update_offset(now_us, late)
        assert self._offset_us is not None
        stamp = max(self._newest_us + 1, round(self._offset_us + first * 1_000_000 / self.rate))
        self._newest_us = stamp
        return stamp, lost

    def _update_offset(self, now_us: int, late: float) -> bool:
        if self._offset_us is None:
            self._offset_us, self._since_us = late, now_us
        self._least_us = min(self._least_us, late)
        self._offset_us = min(self._offset_us, late)
        if now_us - self._since_us < WINDOW_US:
            return False
        # A window is over: its least late arrival follows the drift of the sound card's clock, or shows a gap.
        lost = self._least_us - self._offset_us > MIN_LOSS_US
        self._offset_us, self._least_us, self._since_us = self._least_us, float("inf"), now_us
        return lost
