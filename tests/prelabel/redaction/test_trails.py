"""Where a thing may be between, before and after its sightings: held against its true path."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.geometry.detection import Detection
from prelabel.redaction.policy import WEAK_REACH_US
from prelabel.redaction.trails import Trails, grow

MARGIN_US = 2_000_000


def sighting(x: float, y: float, width: float = 40, height: float = 50, score: float = 0.9) -> Detection:
    return Detection(x, y, width, height, "face", score)


def trails_of(rows: list[tuple[int, list[Detection]]], lost_us: int = MARGIN_US) -> Trails:
    trails = Trails(0.5, lost_us)
    for time_us, found in rows:
        trails.update(time_us, found, (1.0, 1.0))
    return trails


@settings(max_examples=100, deadline=None)
@given(
    speed=st.tuples(st.floats(-400, 400), st.floats(-150, 150)),
    gaps=st.lists(st.integers(60_000, 320_000), min_size=2, max_size=12),
    part=st.floats(0, 1),
)
def test_what_moves_steadily_is_held_at_every_moment(speed: tuple[float, float], gaps: list[int], part: float) -> None:
    """Ten of its own widths a second, a look every 60 to 320 ms: one trail, and the true box always inside."""
    times = [sum(gaps[:number]) for number in range(len(gaps) + 1)]

    def at(time_us: float) -> tuple[float, float]:
        return 500 + speed[0] * time_us / 1e6, 300 + speed[1] * time_us / 1e6

    trails = trails_of([(time_us, [sighting(*at(time_us))]) for time_us in times])
    assert len(trails.trails) == 1
    moment = round(-500_000 + part * (times[-1] + 1_000_000))
    box = trails.trails[0].reach(moment, MARGIN_US)
    assert box is not None
    x, y = at(moment)
    assert box[0] <= x + 1 and box[1] <= y + 1 and box[2] >= x + 39 and box[3] >= y + 49


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 300)), min_size=1, max_size=8), st.integers(0, 2_000_000))
def test_every_sighting_is_held_at_its_own_moment(places: list[tuple[int, int]], moment: int) -> None:
    """However it jumps: each sighting lies in some trail's box at its time, and beside it as long as it reaches."""
    rows = [(80_000 * number, [sighting(x, y)]) for number, (x, y) in enumerate(places)]
    trails = trails_of(rows).trails
    assert sum(len(trail.times_us) for trail in trails) == len(rows)
    for time_us, (row,) in rows:
        boxes = [trail.reach(time_us, MARGIN_US) for trail in trails]
        assert any(
            box is not None and box[0] <= row.x and box[1] <= row.y and box[2] >= row.x + 40 and box[3] >= row.y + 50
            for box in boxes
        )
    assert any(trail.reach(moment, MARGIN_US) is not None for trail in trails)


@pytest.mark.parametrize(
    ("found", "reach_us"),
    [
        ([(0, 0.9)], MARGIN_US),  # strong
        ([(0, 0.2)], WEAK_REACH_US),  # one weak sighting may be nothing
        ([(0, 0.2), (80_000, 0.2)], MARGIN_US),  # two are something
    ],
)
def test_how_far_a_trail_reaches(found: list[tuple[int, float]], reach_us: int) -> None:
    (trail,) = trails_of([(time_us, [sighting(10, 10, score=score)]) for time_us, score in found]).trails
    first, last = found[0][0], found[-1][0]
    assert trail.reach(first - reach_us, MARGIN_US) is not None
    assert trail.reach(first - reach_us - 1, MARGIN_US) is None
    assert trail.reach(last + reach_us, MARGIN_US) is not None
    assert trail.reach(last + reach_us + 1, MARGIN_US) is None


def test_a_moment_is_held_with_all_that_was_seen_near_it() -> None:
    """A head that shakes is elsewhere between two looks: each moment holds the places of 0.15 s before and after."""
    places = [100, 130, 90, 140, 100, 160]
    (trail,) = trails_of([(70_000 * n, [sighting(x, 100, 200, 200)]) for n, x in enumerate(places)]).trails
    box = trail.reach(140_000, MARGIN_US)
    assert box is not None and box.tolist() == [90, 100, 340, 300]


def test_doubt_grows_where_nothing_was_seen() -> None:
    (trail,) = trails_of([(time_us, [sighting(100, 100)]) for time_us in (0, 80_000, 1_500_000)]).trails
    areas = []
    for moment in (80_000, 300_000, 700_000, 1_300_000):
        box = trail.reach(moment, MARGIN_US)
        assert box is not None
        areas.append((box[2] - box[0]) * (box[3] - box[1]))
    assert areas[0] < areas[1] < areas[2] > areas[3]


def test_two_beside_each_other_stay_two() -> None:
    rows = [(80_000 * n, [sighting(100 + n, 100), sighting(160 - n, 100)]) for n in range(5)]
    trails = trails_of(rows).trails
    assert [len(trail.times_us) for trail in trails] == [5, 5]
    assert trails[0].boxes[-1][0] == 104 and trails[1].boxes[-1][0] == 156


def test_what_cannot_be_needed_is_forgotten() -> None:
    trails = trails_of([(80_000 * n, [sighting(100, 100)]) for n in range(100)])
    trails.drop_before(6_000_000)
    (trail,) = trails.trails
    assert trail.times_us[0] == 6_000_000 and len(trail.times_us) == len(trail.boxes) == len(trail.owners) == 25
    trails.drop_before(9_000_000)
    assert trails.trails == []


def test_growing_keeps_the_middle() -> None:
    assert grow(np.array([10.0, 20, 30, 60]), 1.5).tolist() == [5, 10, 35, 70]
