"""The smoother against one big least-squares problem over all states at once, and the hold on the sightings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.tracking.motion import ACCELERATION, FIRST_SPEED, measurement_variance
from prelabel.tracking.smoothing import TRUE_TO, UNKNOWN, constrained_to, estimate, smooth

WIDTH, HEIGHT = 80.0, 200.0


def sightings(seed: int, count: int, noise: float) -> tuple[list[int], np.ndarray, list[float]]:
    """Boxes of one size on a wandering way, at uneven times."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.integers(10_000, 400_000, count))
    way = np.cumsum(rng.normal(0, 15, (count, 2)), axis=0) + rng.normal(0, noise, (count, 2))
    boxes = np.concatenate([way, way + np.array([WIDTH, HEIGHT])], axis=1)
    return times.tolist(), boxes, rng.uniform(0.1, 1, count).tolist()


def by_least_squares(times_us: list[int], values: np.ndarray, scores: list[float], axis: int) -> np.ndarray:
    """The places with the least sum of squares of: first speed, drift from state to state, misses."""
    count = len(times_us)
    precision, target = np.zeros((2 * count, 2 * count)), np.zeros(2 * count)
    precision[1, 1] += 1 / (FIRST_SPEED[axis] * HEIGHT * UNKNOWN) ** 2
    for index in range(count):
        weight = 1 / measurement_variance(HEIGHT, scores[index])
        precision[2 * index, 2 * index] += weight
        target[2 * index] += weight * values[index]
    for index in range(count - 1):
        seconds = (times_us[index + 1] - times_us[index]) / 1e6
        change = np.array([[-1.0, -seconds, 1.0, 0.0], [0.0, -1.0, 0.0, 1.0]])
        drift = np.array([[seconds**3 / 3, seconds**2 / 2], [seconds**2 / 2, seconds]])
        part = slice(2 * index, 2 * index + 4)
        precision[part, part] += change.T @ np.linalg.inv(drift * (ACCELERATION[axis] * HEIGHT) ** 2) @ change
    return np.linalg.solve(precision, target)[::2]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.sampled_from((0.0, 3.0, 20.0)))
def test_the_estimate_is_the_least_squares_one(seed: int, count: int, noise: float) -> None:
    times, boxes, scores = sightings(seed, count, noise)
    got = estimate(times, boxes, scores)
    assert got[:, 2:] - got[:, :2] == pytest.approx(np.tile([WIDTH, HEIGHT], (count, 1)), abs=1e-6)
    for axis, half in ((0, WIDTH / 2), (1, HEIGHT / 2)):
        wanted = by_least_squares(times, boxes[:, axis] + half, scores, axis)
        assert got[:, axis] + half == pytest.approx(wanted, abs=1e-4)


def test_a_shaking_detector_is_calmed_and_even_motion_is_left_alone() -> None:
    times = [40_000 * number for number in range(100)]
    truth = np.array([[6 * number, 100 + number, 6 * number + 80, 300 + number] for number in range(100)], float)
    assert smooth(times, truth, [0.9] * 100) == pytest.approx(truth, abs=0.01)
    shaken = truth + np.random.default_rng(5).normal(0, 4, truth.shape)
    calmed = smooth(times, shaken, [0.9] * 100)
    assert np.abs(calmed - truth).mean() < 0.5 * np.abs(shaken - truth).mean()
    assert np.abs(np.diff(calmed, 2, axis=0)).mean() < 0.1 * np.abs(np.diff(shaken, 2, axis=0)).mean()


def iou(one: np.ndarray, two: np.ndarray) -> float:
    across = max(0.0, min(one[2], two[2]) - max(one[0], two[0]))
    down = max(0.0, min(one[3], two[3]) - max(one[1], two[1]))
    area = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, two)]
    return across * down / (sum(area) - across * down)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 400))
def test_a_box_stays_with_its_sighting(seed: int, away: float) -> None:
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(0, 500, (20, 2)), rng.uniform(1, 300, (20, 2))
    seen = np.concatenate([corner, corner + size], axis=1)
    moved = seen + rng.normal(0, away, (20, 1))
    held = constrained_to(seen, moved)
    for sighting, wanted, box in zip(seen, moved, held, strict=True):
        assert iou(sighting, box) >= TRUE_TO - 1e-9
        if iou(sighting, wanted) >= TRUE_TO:
            assert box == pytest.approx(wanted)
        else:  # as far toward the estimate as it may go
            assert iou(sighting, box) == pytest.approx(TRUE_TO, abs=1e-3)
            share = (box - sighting) / (wanted - sighting)
            assert share == pytest.approx(np.full(4, share[0]), abs=1e-6) and 0 < share[0] < 1
