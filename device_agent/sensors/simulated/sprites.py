"""Cut-outs laid over an I420 picture: scaled and multiplied by their matte once, then two operations a plane."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from device_agent.sensors.base import Picture
from device_agent.sensors.pictures import Planes, planes
from device_agent.sensors.simulated.photos import Cutout


@dataclass(frozen=True)
class Sprite:
    """A cut-out at its final size (even). `colour` is already multiplied by the matte, `rest` is 255 minus the matte.

    `left, top, right, bottom` bound what is there (matte at least half), in pixels of the sprite.
    """

    width: int
    height: int
    colour: Planes
    rest: Planes
    left: int
    top: int
    right: int
    bottom: int


def make_sprite(cutout: Cutout, width: int, *, gain: float = 1.0) -> Sprite:
    """Scale a cut-out to `width` pixels (made even); `gain` brightens or dims it to fit the light of the scene."""
    width = max(2, width // 2 * 2)
    scale = width / cutout.picture.shape[1]
    height = max(2, round(cutout.picture.shape[0] * scale) // 2 * 2)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.convertScaleAbs(cv2.resize(cutout.picture, (width, height), interpolation=method), alpha=gain)
    matte = cv2.resize(cutout.matte, (width, height), interpolation=method)
    half = cv2.resize(matte, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    mattes: Planes = (matte, half, half)
    converted = planes(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), width, height)
    colour = tuple(cv2.multiply(plane, m, scale=1 / 255) for plane, m in zip(converted, mattes, strict=True))
    rest = tuple(cv2.bitwise_not(m) for m in mattes)
    rows, columns = np.nonzero(matte > 127)
    if len(rows) == 0:
        rows = columns = np.zeros(1, np.intp)
    return Sprite(
        width=width,
        height=height,
        colour=(colour[0], colour[1], colour[2]),
        rest=(rest[0], rest[1], rest[2]),
        left=int(columns.min()),
        top=int(rows.min()),
        right=int(columns.max()) + 1,
        bottom=int(rows.max()) + 1,
    )


def lay(sprite: Sprite, target: Planes, x: int, y: int, *, below: int | None = None) -> None:
    """Lay a sprite with its top left corner at (x, y) of the picture, clipped to it and to the rows above `below`."""
    for number, plane in enumerate(target):
        share = 1 if number == 0 else 2
        limit = plane.shape[0] if below is None else min(plane.shape[0], below // share)
        _blend(plane[:limit], sprite.colour[number], sprite.rest[number], x // share, y // share)


def _blend(plane: Picture, colour: Picture, rest: Picture, x: int, y: int) -> None:
    left, top = max(0, x), max(0, y)
    right, bottom = min(plane.shape[1], x + colour.shape[1]), min(plane.shape[0], y + colour.shape[0])
    if left >= right or top >= bottom:
        return
    inner = np.s_[top - y : bottom - y, left - x : right - x]
    under = plane[top:bottom, left:right]
    shown = cv2.multiply(under, rest[inner], scale=1 / 255)
    np.copyto(under, cv2.add(shown, colour[inner]))
