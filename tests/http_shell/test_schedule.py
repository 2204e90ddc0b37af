from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from http_shell.schedule import (
    MAX_CHUNK_BYTES,
    MIN_CHUNK_BYTES,
    TokenBucket,
    chunk_under,
    full_jitter,
    next_chunk,
    receipt_delay,
)

seconds = st.floats(0, 100, allow_nan=False)


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_waiting_grows_to_its_cap_and_is_spread_over_all_of_it(failures: int, chance: float) -> None:
    assert 0 <= full_jitter(failures, chance) <= 15
    assert full_jitter(failures, chance) == chance * min(15, 0.25 * 2 ** min(failures - 1, 32))


@given(st.integers(0, 10_000))
def test_receipts_are_asked_for_fast_at_first(asked: int) -> None:
    assert receipt_delay(asked) <= receipt_delay(asked + 1) <= 5
    assert receipt_delay(0) == 0.05


@given(st.integers(MIN_CHUNK_BYTES, MAX_CHUNK_BYTES), st.none() | seconds)
def test_chunks_stay_in_bounds(size: int, took: float | None) -> None:
    assert MIN_CHUNK_BYTES <= next_chunk(size, took) <= MAX_CHUNK_BYTES
    assert (next_chunk(size, None) < size) == (size > MIN_CHUNK_BYTES)


@given(st.integers(1000, 10_000_000), st.lists(st.tuples(st.integers(1, 4_000_000), seconds), max_size=50))
def test_no_more_than_the_rate_passes(rate: int, sends: list[tuple[int, float]]) -> None:
    """After each send has waited as told, at most rate x time and one second's saving went through."""
    bucket, now, passed = TokenBucket(rate, level=rate), 0.0, 0
    for size, pause in sends:
        now += pause
        bucket, wait = bucket.take(size, now)
        now += wait
        passed += size
        assert passed <= rate * (now + 1) + size * 1e-6 + 1


@given(st.integers(1, 10**9), st.integers(1, MAX_CHUNK_BYTES))
def test_a_chunk_fits_the_rate(rate: int, size: int) -> None:
    assert chunk_under(None, size) == size
    assert chunk_under(rate, size) <= max(4096, rate // 4)
