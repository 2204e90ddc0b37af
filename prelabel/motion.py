"""Where a box will be: a constant-velocity Kalman filter in real time, for frames at any distance."""

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
    """Centre x, centre y, width, height: four values with their speeds a second, each filtered on its own.

    `place` and `speed` have shape [4], `covariance` [4, 2, 2].
    """

    time_us: int
    place: Array
    speed: Array
    covariance: Array

    @classmethod
    def start(cls, time_us: int, box: Array) -> Motion:
        """From one box (x1, y1, x2, y2); nothing is known of its speed but how fast things go."""
        place = to_centre(box)
        side = max(place[2], place[3])
        covariance = np.zeros((4, 2, 2))
        covariance[:, 0, 0] = (MEASUREMENT * side) ** 2
        covariance[:, 1, 1] = (FIRST_SPEED * side) ** 2
        return cls(time_us, place, np.zeros(4), covariance)

    def at(self, time_us: int) -> Motion:
        """The prediction for a time; backward too, when the filter runs backward."""
        seconds = abs(time_us - self.time_us) / _US
        signed = (time_us - self.time_us) / _US
        move = np.array([[1.0, signed], [0.0, 1.0]])
        drift = np.array([[seconds**4 / 4, signed * seconds**2 / 2], [signed * seconds**2 / 2, seconds**2]])
        noise = (ACCELERATION * self.side) ** 2
        covariance = move @ self.covariance @ move.T + noise[:, np.newaxis, np.newaxis] * drift
        return Motion(time_us, self.place + signed * self.speed, self.speed, covariance)

    def seen(self, box: Array, score: float) -> Motion:
        """The prediction corrected by a box of the same time; a low score is trusted less."""
        measured = (MEASUREMENT * self.side * (2.0 - score)) ** 2
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
        """Standard deviation of centre x and y in pixels."""
        return np.sqrt(self.covariance[:2, 0, 0])


def to_centre(box: Array) -> Array:
    """Centre x, centre y, width, height of x1, y1, x2, y2."""
    return np.concatenate([(box[:2] + box[2:]) / 2, box[2:] - box[:2]])
