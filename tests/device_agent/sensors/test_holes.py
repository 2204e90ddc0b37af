"""What a network camera did not send is counted; what came late is not."""

from __future__ import annotations

import random
from itertools import accumulate

import pytest

from device_agent.sensors.holes import HoleCounter

USUAL = 40_000


def lost(gaps: list[int]) -> int:
    counter = HoleCounter(USUAL)
    return sum(counter.lost_before(stamp) for stamp in accumulate(gaps, initial=1_000_000))


@pytest.mark.parametrize(
    ("hole", "count"), [(1_730_000, 42), (1_000_000, 24), (560_000, 13), (480_000, 0), (200_000, 0)]
)
def test_a_hole_is_counted_in_frames(hole: int, count: int) -> None:
    assert lost([USUAL] * 20 + [hole] + [USUAL] * 20) == count


def test_frames_that_were_held_up_are_not_lost() -> None:
    assert lost([USUAL] * 20 + [1_000_000] + [2_000] * 24 + [USUAL] * 20) == 0
    assert lost([USUAL] * 20 + [1_000_000] + [2_000] * 10 + [USUAL] * 20) == 14


def test_two_holes_are_two() -> None:
    assert lost([USUAL] * 20 + [1_000_000, 800_000] + [USUAL] * 5) == 24 + 19


def test_a_camera_that_is_slower_than_it_says_loses_nothing() -> None:
    assert lost([100_000] * 300) == 0
    assert lost([100_000] * 60 + [1_000_000] + [100_000] * 5) == 9


def test_unrest_is_no_loss() -> None:
    chance = random.Random(3)
    assert lost([round(USUAL * chance.uniform(0.1, 6)) for _ in range(500)]) == 0
