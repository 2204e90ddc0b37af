"""Outlines cut at the edge of a picture. Pure."""

from __future__ import annotations

from collections.abc import Callable

Point = tuple[float, float]
Ring = list[Point]
MIN_AREA = 1e-9  # square pixels: below that nothing of an outline is in the picture


def cut(ring: Ring, width: float, height: float) -> list[Ring]:
    """The parts of an outline inside a picture of that size; none where nothing of it is.

    Sutherland and Hodgman, Reentrant Polygon Clipping (1974): exact for every simple outline. A concave outline that
    falls apart stays one ring whose parts are joined along the edge, without area.
    """
    for axis, limit, lower in ((0, 0.0, True), (0, width, False), (1, 0.0, True), (1, height, False)):
        ring = _cut_at(ring, axis, limit, lower)
    return [ring] if len(ring) > 2 and area_of(ring) > MIN_AREA else []


def area_of(ring: Ring) -> float:
    """The area inside an outline, by the shoelace formula."""
    pairs = zip(ring, ring[1:] + ring[:1], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2


def _cut_at(ring: Ring, axis: int, limit: float, lower: bool) -> Ring:
    inside: Callable[[Point], bool] = (
        (lambda point: point[axis] >= limit) if lower else (lambda point: point[axis] <= limit)
    )
    kept: Ring = []
    for before, here in zip(ring[-1:] + ring[:-1], ring, strict=True):
        if inside(before) != inside(here):
            kept.append(_crossing(before, here, axis, limit))
        if inside(here):
            kept.append(here)
    return kept


def _crossing(first: Point, second: Point, axis: int, limit: float) -> Point:
    share = (limit - first[axis]) / (second[axis] - first[axis])
    other = first[1 - axis] + share * (second[1 - axis] - first[1 - axis])
    return (limit, other) if axis == 0 else (other, limit)
