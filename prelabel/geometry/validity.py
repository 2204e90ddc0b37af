"""Whether the geometry of a label can be read by every reader of labels. Pure.

Asked wherever labels come in (submits, documents of devices and models) and before figures are computed, because
documents stored earlier may have anything in them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from prelabel.geometry.areas import Size
from prelabel.geometry.rle import MAX_PIXELS, area
from wire.labels import Box, Keyframe, Keypoints, Label, LabelsDocument, Mask, Polygon, Text, Track

MAX_COORDINATE = 1_000_000.0  # pixels: no sensor is wider, and sums of squares stay exact
MIN_AREA = 1e-6  # square pixels
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")  # the shape of RFC 5646


def geometry_fault(label: Label, size: Size | None) -> str | None:
    """What is wrong with a label as the end of a sentence ("has no width"), None where nothing is.

    Args:
        size: (width, height) of the stored picture; None where it is not known.
    """
    fault = bounds_fault(label)
    if fault is not None:
        return fault
    match label:
        case Box():
            return _box_fault(label, size)
        case Track():
            return _track_fault(label, size)
        case Polygon():
            return _outline_fault(label, size)
        case Keypoints():
            seen = [(x, y) for x, y, v in label.points if v]
            return _points_fault(seen, size) if seen else "has no labelled point"
        case Mask():
            return _mask_fault(label, size)
        case Text() if label.language is not None and not _LANGUAGE.fullmatch(label.language):
            return f'has the language "{label.language[:40]}", which is no language tag'
        case _:
            return None


def bounds_fault(label: Label) -> str | None:
    """What of a label no picture at all has, as the end of a sentence: also unfinished work is held to that."""
    match label:
        case Box():
            if abs(label.rotation or 0.0) > MAX_COORDINATE:
                return "has a rotation out of bounds"
            return (
                "has a coordinate out of bounds" if _unbounded((label.x, label.y, label.width, label.height)) else None
            )
        case Track():
            rows: Iterable[Iterable[float]] = ((row.x, row.y, row.width, row.height) for row in label.keyframes)
        case Polygon():
            rows = label.points
        case Keypoints():
            rows = ((x, y) for x, y, _ in label.points)
        case Mask():
            height, width = label.rle.size
            is_bounded = height >= 1 and width >= 1 and height * width <= MAX_PIXELS
            return None if is_bounded else f"has a mask of the size {height} x {width}"
        case _:
            return None
    return "has a coordinate out of bounds" if any(_unbounded(row) for row in rows) else None


def readable_part(document: LabelsDocument, size: Size | None) -> LabelsDocument:
    """The document without the labels that have a fault."""
    labels = [label for label in document.labels if geometry_fault(label, size) is None]
    return document if len(labels) == len(document.labels) else document.model_copy(update={"labels": labels})


def box_outline(box: Box) -> list[tuple[float, float]]:
    """The four corners of a box, turned clockwise by its degrees about its centre, from the top left one on."""
    angle = math.radians(box.rotation or 0.0)
    cos, sin = math.cos(angle), math.sin(angle)
    x, y = box.x + box.width / 2, box.y + box.height / 2
    sides = [(-box.width / 2, -box.height / 2), (box.width / 2, -box.height / 2)]
    sides += [(box.width / 2, box.height / 2), (-box.width / 2, box.height / 2)]
    return [(x + across * cos - down * sin, y + across * sin + down * cos) for across, down in sides]


def _box_fault(box: Box, size: Size | None) -> str | None:
    fault = _extent_fault(box)
    if fault is not None or size is None:
        return fault
    if not box.rotation:
        return _outside([box.x, box.x + box.width], [box.y, box.y + box.height], size)
    xs, ys = zip(*box_outline(box), strict=True)
    return _outside([min(xs), max(xs)], [min(ys), max(ys)], size)


def _track_fault(track: Track, size: Size | None) -> str | None:
    seen = [row for row in track.keyframes if row.visible]
    faults = (_extent_fault(row) for row in seen)
    fault = next((fault for fault in faults if fault is not None), None)
    if fault is not None or not seen:
        return fault
    bounds = [_outside([row.x, row.x + row.width], [row.y, row.y + row.height], size) for row in seen]
    return None if None in bounds else bounds[0]


def _extent_fault(box: Box | Keyframe) -> str | None:
    if box.width <= 0 or box.height <= 0:
        return "has no width or no height"
    return None


def _outline_fault(outline: Polygon, size: Size | None) -> str | None:
    fault = _points_fault(outline.points, size)
    if fault is not None or outline.kind == "polyline":
        return fault
    if len(outline.points) < 3:
        return f"is a polygon of {len(outline.points)} points; it needs three"
    pairs = zip(outline.points, outline.points[1:] + outline.points[:1], strict=True)
    twice = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)
    return "is a polygon without area" if abs(twice) / 2 < MIN_AREA else None


def _points_fault(points: Iterable[tuple[float, float]], size: Size | None) -> str | None:
    xs, ys = zip(*points, strict=True)
    # A line may run along the very edge.
    return _outside([min(xs), max(xs)], [min(ys), max(ys)], size, touching=True)


def _mask_fault(mask: Mask, size: Size | None) -> str | None:
    height, width = mask.rle.size
    if size is not None and (width, height) != size:
        return f"has a mask for a picture of {width} x {height}; this one has {size[0]} x {size[1]}"
    try:
        pixels = area(mask.rle)
    except ValueError:
        return "has a mask whose run lengths cannot be read"
    return None if pixels else "has a mask without a pixel"


def _unbounded(values: Iterable[float]) -> bool:
    # Written out: a submit asks it of every coordinate several times.
    for value in values:  # noqa: SIM110
        if not -MAX_COORDINATE <= value <= MAX_COORDINATE:
            return True
    return False


def _outside(xs: list[float], ys: list[float], size: Size | None, *, touching: bool = False) -> str | None:
    if size is None:
        return None
    width, height = size
    if touching:
        outside = xs[1] < 0 or ys[1] < 0 or xs[0] > width or ys[0] > height
    else:
        outside = xs[1] <= 0 or ys[1] <= 0 or xs[0] >= width or ys[0] >= height
    return "is outside the picture" if outside else None
