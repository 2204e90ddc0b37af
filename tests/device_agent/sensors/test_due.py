"""When the next frame is due, and which are left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_agent.sensors.due import MAX_FRAMES_BEHIND, due


@pytest.mark.parametrize(
    ("now", "number", "expected"),
    [
        (0, 0, (0, 0, 0, 0)),
        (0, 1, (1, 40_000, 40_000, 0)),
        (39_999, 1, (1, 40_000, 1, 0)),
        (40_000, 1, (1, 40_000, 0, 0)),
        (200_000, 1, (1, 40_000, 0, 0)),
        (440_000, 1, (1, 40_000, 0, 0)),
        (480_000, 1, (12, 480_000, 0, 11)),
    ],
)
def test_due(now: int, number: int, expected: tuple[int, int, int, int]) -> None:
    turn = due(1_000_000 + now, 1_000_000, 25, number)
    assert (turn.number, turn.stamp_us - 1_000_000, turn.wait_us, turn.skipped) == expected


@given(st.lists(st.integers(0, 400_000), min_size=1, max_size=60), st.sampled_from([25.0, 29.97, 12.5, 60.0]))
def test_every_frame_is_either_made_or_counted_as_dropped(pauses: list[int], rate: float) -> None:
    now, number, made, dropped, stamps = 5_000, 0, 0, 0, []
    for pause in pauses:
        now += pause
        while True:
            turn = due(now, 5_000, rate, number)
            if turn.wait_us > 0:
                break
            made, dropped, number = made + 1, dropped + turn.skipped, turn.number + 1
            stamps.append(turn.stamp_us)
            assert now - turn.stamp_us <= (MAX_FRAMES_BEHIND + 2) * 1_000_000 / rate
    assert made + dropped == number
    assert number == int((now - 5_000) * rate / 1_000_000) + 1 or abs(stamps[-1] - now) <= 1_000_000 / rate
    assert stamps == sorted(set(stamps))
