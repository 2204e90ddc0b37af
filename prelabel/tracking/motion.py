"""Where a box will be: a constant-velocity Kalman filter in real time, for frames at any distance.

Speeds drift as white noise does, so that one step of half a second doubts as much as ten of a twentieth.
Source: Bar-Shalom, Li, Kirubarajan, Estimation with Applications to Tracking and Navigation, section 6.2.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Fractions of the box's longer side: a detector misses an edge by about a twentieth; somebody who walks past covers
# his own height in a second and may stop within one; sizes change more slowly.
MEASUREMENT = 0.05
FIRST_SPEED = np.array([1.0, 0.5, 0.4, 0.4])
ACCELERATION = np.array([1.0, 0.5, 0.4, 0.4])
_US = 1_000_000


@dataclass(frozen=True, eq=False)
class Motion:
    """Centre x, centre y, width, height: four values with their speeds per second, each filtered on its own.

    `place` and `speed` have shape [4], `covariance` [4, 2, 2].
    """

    time_us: int
    place: Array
    speed: Array
    covariance: Array

    @classmethod
    def start(cls, time_us: int, box: Array, score: float = 1.0, doubt: float = 1.0) -> Motion:
        """From one box (x1, y1, x2, y2); nothing is known of its speed but how fast things go, times `doubt`."""
        place = to_centre(box)
        side = max(place[2], place[3], 1.0)
        covariance = np.zeros((4, 2, 2))
        covariance[:, 0, 0] = measurement_variance(side, score)
        covariance[:, 1, 1] = (FIRST_SPEED * side * doubt) ** 2
        return cls(time_us, place, np.zeros(4), covariance)

    def at(self, time_us: int) -> Motion:
        """The prediction for a time; backward too, when the filter runs backward."""
        signed = (time_us - self.time_us) / _US
        move = transition(signed)
        covariance = move @ self.covariance @ move.T + drift(signed, self.side)
        return Motion(time_us, self.place + signed * self.speed, self.speed, covariance)

    def seen(self, box: Array, score: float) -> Motion:
        """The prediction corrected by a box of the same time; a low score is trusted less."""
        measured = measurement_variance(self.side, score)
        gain = self.covariance[:, :, 0] / (self.covariance[:, 0, 0] + measured)[:, np.newaxis]
        miss = to_centre(box) - self.place
        covariance = self.covariance - gain[:, :, np.newaxis] * self.covariance[:, np.newaxis, 0, :]
        return Motion(self.time_us, self.place + gain[:, 0] * miss, self.speed + gain[:, 1] * miss, covariance)

    @property
    def side(self) -> float:
        return float(max(self.place[2], self.place[3], 1.0))

    @property
    def box(self) -> Array:
        """x1, y1, x2, y2."""
        size = np.maximum(self.place[2:], 0)
        return np.concatenate([self.place[:2] - size / 2, self.place[:2] + size / 2])

    @property
    def doubt(self) -> Array:
        """Standard deviation of centre x and y in pixels, the longer side at most: farther off nothing is meant."""
        return np.minimum(np.sqrt(self.covariance[:2, 0, 0]), self.side)


def transition(seconds: float) -> Array:
    """[2, 2]: place and speed after so many seconds, before them when negative."""
    return np.array([[1.0, seconds], [0.0, 1.0]])


def drift(seconds: float, side: float) -> Array:
    """[4, 2, 2]: the doubt that so many seconds add to a box of that longer side."""
    long = abs(seconds)
    shape = np.array([[long**3 / 3, seconds * long / 2], [seconds * long / 2, long]])
    grown: Array = ((ACCELERATION * side) ** 2)[:, np.newaxis, np.newaxis] * shape
    return grown


def measurement_variance(side: float, score: float) -> float:
    """Of each value of a box that was seen, in pixels squared."""
    return float((MEASUREMENT * side * (2.0 - score)) ** 2)


def to_centre(box: Array) -> Array:
    """Centre x, centre y, width, height of x1, y1, x2, y2, along the last axis."""
    return np.concatenate([(box[..., :2] + box[..., 2:]) / 2, box[..., 2:] - box[..., :2]], axis=-1)


def to_corners(centre: Array) -> Array:
    """x1, y1, x2, y2 of centre x, centre y, width, height, along the last axis."""
    return np.concatenate([centre[..., :2] - centre[..., 2:] / 2, centre[..., :2] + centre[..., 2:] / 2], axis=-1)
