"""A track without the shake of its detector: the smoother of Rauch, Tung and Striebel over the filter of motion.py.

Every box is estimated from all sightings before and after it, then held to the one that was really made there.
Source: Rauch, Tung, Striebel, Maximum likelihood estimates of linear dynamic systems, AIAA Journal 3 (8), 1965.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.tracking.association import grown_overlap
from prelabel.tracking.motion import Motion, to_corners, transition

Array = NDArray[Any]

TRUE_TO = 0.8  # least IoU of a smoothed box with its sighting
# Times what is guessed of a first speed: sightings that follow tell it better, and a guess of none would hold the
# track back where it begins.
UNKNOWN = 100.0
_HALVINGS = 24
_US = 1_000_000


def smooth(times_us: Sequence[int], boxes: Array, scores: Sequence[float]) -> Array:
    """The sightings of one track, smoothed: boxes N x (x1, y1, x2, y2), each at IoU `TRUE_TO` or more with its own.

    Args:
        times_us: rising, N.
        boxes: what was seen, N x 4.
        scores: a low one is trusted less, N.
    """
    return constrained_to(boxes, estimate(times_us, boxes, scores))


def estimate(times_us: Sequence[int], boxes: Array, scores: Sequence[float]) -> Array:
    """The most likely boxes N x (x1, y1, x2, y2), given all sightings."""
    motion = Motion.start(times_us[0], boxes[0], scores[0], doubt=UNKNOWN)
    predicted, filtered = [motion], [motion]
    for time_us, box, score in zip(times_us[1:], boxes[1:], scores[1:], strict=True):
        ahead = motion.at(time_us)
        motion = ahead.seen(box, score)
        predicted.append(ahead)
        filtered.append(motion)
    state = _state(motion)
    places = [motion.place]
    for index in range(len(filtered) - 2, -1, -1):
        here, ahead = filtered[index], predicted[index + 1]
        move = transition((ahead.time_us - here.time_us) / _US)
        # gain = P F' inv(P ahead); solve() takes the transposed side, covariances are symmetric
        gain = np.linalg.solve(ahead.covariance, move @ here.covariance).transpose(0, 2, 1)
        state = _state(here) + (gain @ (state - _state(ahead))[:, :, np.newaxis])[:, :, 0]
        places.append(state[:, 0])
    return to_corners(np.stack(places[::-1]))


def constrained_to(seen: Array, smoothed: Array) -> Array:
    """Each smoothed box, drawn toward its sighting until they overlap by `TRUE_TO` (IoU); N x 4 both."""
    near, far = np.zeros(len(seen)), np.ones(len(seen))
    still = np.zeros((len(seen), 2))
    good = grown_overlap(seen, smoothed, still) >= TRUE_TO
    for _ in range(_HALVINGS if not good.all() else 0):
        middle = (near + far) / 2
        fits = grown_overlap(seen, seen + (smoothed - seen) * middle[:, np.newaxis], still) >= TRUE_TO
        near, far = np.where(fits, middle, near), np.where(fits, far, middle)
    share = np.where(good, 1.0, near)
    held: Array = seen + (smoothed - seen) * share[:, np.newaxis]
    return held


def _state(motion: Motion) -> Array:
    """[4, 2]: place and speed of each value."""
    return np.stack([motion.place, motion.speed], axis=1)
