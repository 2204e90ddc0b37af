"""When to try again and how much at once: pure functions and values."""

from __future__ import annotations

from dataclasses import dataclass, replace

MIN_CHUNK_BYTES = 64 << 10
MAX_CHUNK_BYTES = 4 << 20
FIRST_CHUNK_BYTES = 1 << 20
MAX_WAIT_SECONDS = 15.0


def full_jitter(failures: int, chance: float, base: float = 0.25) -> float:
    """Seconds to wait after the n-th failure in a row (n >= 1): chance x min(15 s, base x 2^(n-1)).

    `chance` is uniform in [0, 1). Many devices that lost the same collector come back spread out (the full jitter
    of AWS's "Exponential Backoff And Jitter").
    """
    return float(chance * min(MAX_WAIT_SECONDS, base * 2.0 ** min(max(0, failures - 1), 32)))


def receipt_delay(asked: int) -> float:
    """Seconds before asking for a receipt again: 50 ms at first, then slower, at most 5 s."""
    return float(min(5.0, 0.05 * 1.35 ** min(max(0, asked - 4), 64)))


def next_chunk(size: int, seconds: float | None) -> int:
    """Bytes of the next chunk, from how long the last one took (None: it was lost): aims at 0.3 to 2 seconds."""
    if seconds is None or seconds > 2.0:
        return max(MIN_CHUNK_BYTES, size // 2)
    if seconds < 0.3:
        return min(MAX_CHUNK_BYTES, size * 2)
    return size


@dataclass(frozen=True)
class TokenBucket:
    """A bandwidth limit: `rate` bytes a second, saved up for at most one second."""

    rate: int
    level: float = 0.0
    at: float = 0.0

    def take(self, size: int, now: float) -> tuple[TokenBucket, float]:
        """Send `size` bytes: the new bucket, and the seconds to wait before sending. May go into debt once."""
        level = min(float(self.rate), self.level + max(0.0, now - self.at) * self.rate) - size
        return replace(self, level=level, at=max(now, self.at)), max(0.0, -level / self.rate)


def chunk_under(rate: int | None, size: int) -> int:
    """A chunk no larger than a quarter second of the allowed rate, so that heartbeats are not held up."""
    return size if rate is None else max(4096, min(size, rate // 4))
