"""Times of sound blocks: jitter is taken out, a loss is told from a stall."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from device_agent.sensors.sampleclock import MIN_LOSS_US, SampleClock


@given(st.lists(st.integers(0, 60_000), min_size=20, max_size=200), st.sampled_from([-200, 0, 200]))
def test_jitter_is_taken_out_and_no_loss_is_claimed(jitter: list[int], drift_ppm: int) -> None:
    rate, block = 16_000, 800
    clock, stamps = SampleClock(rate), []
    for number, late in enumerate(jitter, 1):
        heard = 1_000_000 + round(number * block * 1_000_000 / rate * (1 + drift_ppm / 1_000_000))
        stamp, lost = clock.arrived(heard + late, block)
        assert not lost
        assert stamp - (heard - 50_000) <= 61_000
        assert stamp - (heard - 50_000) >= -3_000
        stamps.append(stamp)
    assert stamps == sorted(set(stamps))


def test_a_stall_that_loses_nothing_is_no_loss_and_one_that_does_is() -> None:
    rate, block = 16_000, 800
    for gap, expected in ((0, False), (3_000_000, True)):
        clock, lost = SampleClock(rate), False
        for number in range(1, 400):
            heard = number * 50_000 + (gap if number > 100 else 0)
            # In both a reader is stopped for three seconds after block 100; only with a gap are samples missing then.
            arrived = max(heard, 8_000_000) if number > 100 else heard
            lost |= clock.arrived(arrived, block)[1]
        assert lost is expected
    assert MIN_LOSS_US > 60_000
