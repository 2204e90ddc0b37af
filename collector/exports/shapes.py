"""Labels as COCO can carry them: a clipped box, a segmentation, an area and attributes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any

from collector.review.geometry import Place, attributes_at, hull, place_at, rotated_hull
from wire.labels import Box, Label, Polygon, Track


@dataclass(frozen=True)
class Drawn:
    """A label on one picture, in float pixels. `segmentation` is empty for an upright box."""

    bbox: list[float]
    area: float
    segmentation: list[list[float]]
    attributes: dict[str, Any]


def carried(label: Label) -> bool:
    """Whether the format has a place for this kind of label."""
    return isinstance(label, Box | Track) or (isinstance(label, Polygon) and label.kind == "polygon")


def drawn(label: Label, frame: int | None, start_us: int | None, width: int, height: int) -> Drawn | None:
    """The label on a picture of width x height, or None where nothing of it is in the picture.

    Args:
        frame, start_us: the video frame and its media time; None for a still.
    """
    if isinstance(label, Track):
        at = 0 if frame is None else frame
        place = place_at(label, at, start_us or 0)
        attributes = attributes_at(label, at)
        return _clipped(place, [], None, attributes, width, height) if place else None
    if isinstance(label, Box) and label.rotation:
        own = Place(label.x, label.y, label.width, label.height)
        outline, corners = rotated_hull(own, label.rotation)
        attributes = {**label.attributes, "rotation": label.rotation}
        return _clipped(outline, corners, own.area, attributes, width, height)
    if isinstance(label, Box):
        return _clipped(
            Place(label.x, label.y, label.width, label.height), [], None, dict(label.attributes), width, height
        )
    if isinstance(label, Polygon) and label.kind == "polygon":
        points = list(chain.from_iterable(label.points))
        return _clipped(hull(points), points, polygon_area(points), dict(label.attributes), width, height)
    return None


def polygon_area(points: list[float]) -> float:
    """The area of x1, y1, x2, y2, … by the shoelace formula."""
    xs, ys = points[0::2], points[1::2]
    pairs = zip(xs, ys, xs[1:] + xs[:1], ys[1:] + ys[:1], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for x1, y1, x2, y2 in pairs)) / 2


def _clipped(
    place: Place, outline: list[float], area: float | None, attributes: dict[str, Any], width: int, height: int
) -> Drawn | None:
    inside = place.clipped(width, height)
    if inside is None:
        return None
    limits = (width, height)
    points = [min(max(value, 0.0), float(limits[index % 2])) for index, value in enumerate(outline)]
    whole = inside == place
    return Drawn(
        bbox=[inside.x, inside.y, inside.width, inside.height],
        area=area if area is not None and whole else polygon_area(points) if points else inside.area,
        segmentation=[points] if points else [],
        attributes=attributes,
    )
