"""How alike two poses are: object keypoint similarity (OKS), as COCO's keypoint challenge defines it. Pure.

Each point that is labelled in the true pose counts exp(-d^2 / (2 s^2 k^2)): d is how far the other pose is off there,
s^2 the size of the thing in square pixels, k = 2 sigma how exactly people place that point. COCO takes s^2 from the
outline of the person; here it is the upright box around the labelled points of the true pose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wire.labels import Keypoints

Array = NDArray[Any]

# COCO's 17 points of a person, from the nose to the ankles.
PERSON_SIGMAS = (
    0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089,
    0.089,
)  # fmt: skip
OTHER_SIGMA = 0.05  # for skeletons that nobody has measured: between an ear (0.035) and a wrist (0.062)


def pose_overlaps(made: Sequence[Keypoints], truth: Sequence[Keypoints]) -> Array:
    """OKS of every pose with every true pose, N x M; 0 where the numbers of points differ or no true one is labelled.

    Where a pose leaves out a point that is labelled in the true one, nothing of that point is right.
    """
    table = np.zeros((len(made), len(truth)))
    for column, true in enumerate(truth):
        points = np.array(true.points, dtype=np.float64)
        labelled = points[:, 2] > 0
        if not labelled.any():
            continue
        seen = points[labelled, :2]
        extent = np.maximum(seen.max(axis=0) - seen.min(axis=0), 1.0)
        spread = 2 * float(extent.prod()) * (2 * _sigmas(len(points))[labelled]) ** 2
        for row, pose in enumerate(made):
            if len(pose.points) == len(points):
                other = np.array(pose.points, dtype=np.float64)[labelled]
                distance = ((other[:, :2] - seen) ** 2).sum(axis=1)
                table[row, column] = float((np.exp(-distance / spread) * (other[:, 2] > 0)).mean())
    return table


def _sigmas(count: int) -> Array:
    return np.array(PERSON_SIGMAS) if count == len(PERSON_SIGMAS) else np.full(count, OTHER_SIGMA)
