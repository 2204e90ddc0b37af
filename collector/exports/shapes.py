"""Labels as COCO can carry them: a clipped box, a segmentation, an area, keypoints and attributes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from collector.exports.outlines import Ring, area_of, cut
from prelabel.geometry.rle import decode
from prelabel.geometry.tracks import UprightBox, attributes_at, box_at, hull
from prelabel.geometry.validity import box_outline
from wire.labels import Box, Keypoints, Label, Mask, Polygon, Track


@dataclass(frozen=True)
class Drawn:
    """A label on one picture, in float pixels.

    `segmentation` has the outlines, or the run lengths of a mask. `keypoints` is x1, y1, v1, x2, … or None.
    """

    bbox: list[float]
    area: float
    segmentation: list[list[float]] | dict[str, Any]
    attributes: dict[str, Any]
    keypoints: list[float] | None = None


def carried(label: Label) -> bool:
    """Whether the format has a place for this kind of label."""
    return isinstance(label, Box | Track | Mask | Keypoints) or (isinstance(label, Polygon) and label.kind == "polygon")


def drawn(label: Label, frame: int | None, start_us: int | None, width: int, height: int) -> Drawn | None:
    """The label on a picture of width x height, or None where nothing of it is in the picture.

    Args:
        frame, start_us: the video frame and its media time; None for a still.
    """
    attributes = dict(label.attributes)
    match label:
        case Track():
            at = 0 if frame is None else frame
            place = box_at(label, at, start_us or 0)
            return _upright(place, attributes_at(label, at), width, height) if place else None
        case Box() if label.rotation:
            return _outlined(box_outline(label), {**attributes, "rotation": label.rotation}, width, height)
        case Box():
            return _upright(UprightBox(label.x, label.y, label.width, label.height), attributes, width, height)
        case Polygon() if label.kind == "polygon":
            return _outlined(list(label.points), attributes, width, height)
        case Mask():
            return _masked(label, attributes, width, height)
        case Keypoints():
            return _posed(label, attributes, width, height)
        case _:
            return None


def _upright(place: UprightBox, attributes: dict[str, Any], width: int, height: int) -> Drawn | None:
    inside = place.clipped(width, height)
    if inside is None:
        return None
    left, top, right, bottom = inside.x, inside.y, inside.x + inside.width, inside.y + inside.height
    # Readers of masks index the first outline of every annotation, so a box has its four corners.
    outline = [left, top, right, top, right, bottom, left, bottom]
    return Drawn([left, top, inside.width, inside.height], inside.area, [outline], attributes)


def _outlined(ring: Ring, attributes: dict[str, Any], width: int, height: int) -> Drawn | None:
    parts = cut(ring, width, height)
    if not parts:
        return None
    outlines = [list(chain.from_iterable(part)) for part in parts]
    around = hull(list(chain.from_iterable(outlines)))
    return Drawn([around.x, around.y, around.width, around.height], sum(map(area_of, parts)), outlines, attributes)


def _masked(label: Mask, attributes: dict[str, Any], width: int, height: int) -> Drawn | None:
    """None as well for a mask of another picture size and one that cannot be decoded."""
    if tuple(label.rle.size) != (height, width):
        return None
    try:
        mask = decode(label.rle)
    except ValueError:
        return None
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    if not len(rows):
        return None
    left, top = float(columns[0]), float(rows[0])
    box = [left, top, float(columns[-1] + 1 - left), float(rows[-1] + 1 - top)]
    return Drawn(box, float(mask.sum()), {"size": [height, width], "counts": label.rle.counts}, attributes)


def _posed(label: Keypoints, attributes: dict[str, Any], width: int, height: int) -> Drawn | None:
    """Points outside the picture count as not labelled; the box is around the others, one pixel at least."""
    points = [(x, y, v) if v and 0 <= x <= width and 0 <= y <= height else (0.0, 0.0, 0) for x, y, v in label.points]
    seen = [value for x, y, v in points if v for value in (x, y)]
    if not seen:
        return None
    around = hull(seen)
    left, top = max(0.0, min(around.x, width - 1.0)), max(0.0, min(around.y, height - 1.0))
    box = [left, top, max(around.x + around.width - left, 1.0), max(around.y + around.height - top, 1.0)]
    area = box[2] * box[3]
    corners = [left, top, left + box[2], top, left + box[2], top + box[3], left, top + box[3]]
    return Drawn(box, area, [corners], attributes, [value for point in points for value in point])
