"""What models found in a picture, as labels."""

from __future__ import annotations

from collections.abc import Sequence

from prelabel.geometry.detection import DECIMALS, SCORE_DECIMALS, Detection
from wire.labels import Box, Keypoints, Label, Mask


def detection_labels(detections: Sequence[Detection]) -> list[Label]:
    """Boxes `b1`, `b2`, … best first as the detector gave them, in pixels of the picture.

    Keypoints `k1`, … and masks `m1`, … of an object carry its number and have its box as parent.
    """
    labels: list[Label] = []
    for number, row in enumerate(detections, start=1):
        score = round(row.score, SCORE_DECIMALS)
        labels.append(
            Box(
                id=f"b{number}",
                label=row.label,
                score=score,
                x=round(row.x, DECIMALS),
                y=round(row.y, DECIMALS),
                width=round(row.width, DECIMALS),
                height=round(row.height, DECIMALS),
                rotation=None if row.rotation is None else round(row.rotation, DECIMALS),
            )
        )
        if row.keypoints is not None:
            points = [(round(x, DECIMALS), round(y, DECIMALS), v) for x, y, v in row.keypoints]
            labels.append(Keypoints(id=f"k{number}", label=row.label, score=score, parent=f"b{number}", points=points))
        if row.mask is not None:
            labels.append(Mask(id=f"m{number}", label=row.label, score=score, parent=f"b{number}", rle=row.mask))
    return labels
