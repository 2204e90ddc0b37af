"""The constant-velocity filter: predictions in real time, either way, corrected as the textbook's equations say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelabel.tracking.motion import Motion, measurement_variance, to_centre, to_corners

BOX = np.array([100.0, 50.0, 180.0, 250.0])


def moving() -> Motion:
    motion = Motion.start(0, BOX, 0.9)
    for number in range(1, 5):
        motion = motion.at(number * 100_000).seen(BOX + np.array([12, 3, 12, 3]) * number, 0.8)
    return motion


@given(st.integers(1, 2_000_000), st.integers(1, 2_000_000))
def test_one_long_step_is_two_short_ones(first: int, second: int) -> None:
    motion = moving()
    at_once = motion.at(motion.time_us + first + second)
    in_two = motion.at(motion.time_us + first).at(motion.time_us + first + second)
    assert at_once.place == pytest.approx(in_two.place, abs=1e-9)
    # The longer side grows with its own speed, and what a second adds is in sides: alike but for that.
    assert at_once.covariance == pytest.approx(in_two.covariance, rel=0.02)


@given(st.integers(-2_000_000, 2_000_000))
def test_a_prediction_goes_on_straight_and_doubts_more(away: int) -> None:
    motion = moving()
    ahead = motion.at(motion.time_us + away)
    assert ahead.place == pytest.approx(motion.place + motion.speed * away / 1e6)
    assert ahead.speed == pytest.approx(motion.speed)
    if away > 0:
        assert (ahead.covariance[:, 0, 0] > motion.covariance[:, 0, 0]).all()
    assert (np.linalg.eigvalsh(ahead.covariance) >= -1e-9).all()


def test_a_correction_is_the_kalman_filters() -> None:
    """Against the equations in matrix form, value by value (Joseph form of the covariance)."""
    predicted = moving().at(600_000)
    box = BOX + 70
    got = predicted.seen(box, 0.6)
    measure = np.array([[1.0, 0.0]])
    for value in range(4):
        before = predicted.covariance[value]
        noise = measurement_variance(predicted.side, 0.6)
        gain = before @ measure.T / (measure @ before @ measure.T + noise)
        state = np.array([[predicted.place[value]], [predicted.speed[value]]])
        state = state + gain * (to_centre(box)[value] - state[0, 0])
        left = np.eye(2) - gain @ measure
        covariance = left @ before @ left.T + gain * noise @ gain.T
        assert [got.place[value], got.speed[value]] == pytest.approx(state.ravel())
        assert got.covariance[value] == pytest.approx(covariance)


def test_a_weak_sighting_moves_less() -> None:
    predicted = moving().at(600_000)
    strong, weak = predicted.seen(BOX + 200, 1.0), predicted.seen(BOX + 200, 0.1)
    assert (strong.place[:2] > weak.place[:2]).all() and (weak.place[:2] > predicted.place[:2]).all()


def test_boxes_come_back_from_their_centres() -> None:
    boxes = np.random.default_rng(1).uniform(0, 500, (20, 4))
    assert to_corners(to_centre(boxes)) == pytest.approx(boxes)
    assert to_centre(BOX) == pytest.approx([140, 150, 80, 200])
