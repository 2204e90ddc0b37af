"""The picture of the room at a moment: kitchen, person, object, the sensor's noise; and where in it each of them is."""

from __future__ import annotations

import cv2
import numpy as np

from device_agent.sensors.base import Picture
from device_agent.sensors.pictures import Planes, planes
from device_agent.sensors.simulated import kitchen
from device_agent.sensors.simulated.acts import PersonPlace, ThingPlace
from device_agent.sensors.simulated.photos import CUP, PERSON, Fetch, cut_out
from device_agent.sensors.simulated.sprites import Sprite, lay, make_sprite

Box = tuple[float, float, float, float]  # x, y, width, height in pixels

PERSON_WIDTH = 0.455  # of the picture's width; the face is then some 110 pixels wide at 1280
PERSON_TOP = 0.115  # of the height, the hair when standing
CUP_WIDTH = 0.34
CUP_MIDDLE = 0.8  # it is put on the counter, before the camera
CUP_SIDE = 0.14  # of the width, away from the person
# In the photographs: left, top, right, bottom in fractions. The body is without the helmet, the cup without its saucer.
BODY = (0.043, 0.029, 0.715, 1.0)
FACE = (0.346, 0.135, 0.535, 0.366)
CUP_ALONE = (0.285, 0.045, 0.685, 0.765)
NOISE_MARGIN = 64
NOISE_MIDDLE = 4


class SimulatedScene:
    """Everything that can be prepared is: a frame costs one copy of the background, the cut-outs, and one addition."""

    def __init__(self, seed: int, width: int, height: int, fetch: Fetch) -> None:
        self.width, self.height = width, height
        self._counter = kitchen.counter_top(height)
        self._person = make_sprite(cut_out(fetch("photo-person"), PERSON), round(width * PERSON_WIDTH), gain=0.93)
        self._cup = make_sprite(cut_out(fetch("photo-cup"), CUP), round(width * CUP_WIDTH))
        empty = cv2.cvtColor(kitchen.paint(width, height, seed), cv2.COLOR_BGR2YUV_I420)
        self._empty = planes(empty, width, height)
        # The noise is added, never negative, so the picture under it is darker by its middle.
        self._empty[0][:] = cv2.subtract(self._empty[0], NOISE_MIDDLE)
        shape = (height + NOISE_MARGIN, width + NOISE_MARGIN)
        draw = np.random.default_rng(seed + 1)
        noise = draw.normal(NOISE_MIDDLE, 1.4, shape)
        self._noise: Picture = np.clip(np.round(noise), 0, 2 * NOISE_MIDDLE).astype(np.uint8)
        self._shifts = draw.integers(0, NOISE_MARGIN, (997, 2))

    def compose(self, person: PersonPlace, thing: ThingPlace | None, number: int, target: Planes) -> None:
        """Draw the moment into I420 planes; frame `number` picks the noise."""
        for plane, empty in zip(target, self._empty, strict=True):
            np.copyto(plane, empty)
        lay(self._person, target, *self._person_corner(person), below=self._counter)
        if thing is not None:
            lay(self._cup, target, *self._cup_corner(thing))
        down, across = (int(shift) for shift in self._shifts[number % len(self._shifts)])
        noise = self._noise[down : down + self.height, across : across + self.width]
        cv2.add(target[0], noise, dst=target[0])

    def boxes(self, person: PersonPlace, thing: ThingPlace | None) -> dict[str, Box]:
        """What is to be seen, cut off at the picture's edge and, behind it, at the counter; nothing under 8 pixels."""
        corner = self._person_corner(person)
        found = {
            "person": _part(self._person, corner, BODY, self.width, self._counter),
            "face": _part(self._person, corner, FACE, self.width, self._counter),
        }
        if thing is not None:
            found[thing.thing] = _part(self._cup, self._cup_corner(thing), CUP_ALONE, self.width, self.height)
        return {label: box for label, box in found.items() if box is not None}

    def _person_corner(self, person: PersonPlace) -> tuple[int, int]:
        x = round(person.x * self.width - self._person.width / 2)
        y = round((PERSON_TOP - person.lift) * self.height - self._person.top)
        return x, y

    def _cup_corner(self, thing: ThingPlace) -> tuple[int, int]:
        middle = 0.5 - CUP_SIDE if thing.left else 0.5 + CUP_SIDE
        x = round(middle * self.width - (self._cup.left + self._cup.right) / 2)
        high = CUP_MIDDLE * self.height - (self._cup.top + self._cup.bottom) / 2
        low = self.height - self._cup.top
        return x, round(low + (high - low) * thing.up)


def _part(
    sprite: Sprite, corner: tuple[int, int], part: tuple[float, float, float, float], width: int, height: int
) -> Box | None:
    """A part of a sprite that lies with its corner there, cut off at the picture's edges; None under 8 pixels."""
    left, right = (corner[0] + share * sprite.width for share in part[::2])
    top, bottom = (corner[1] + share * sprite.height for share in part[1::2])
    left, top, right, bottom = max(0.0, left), max(0.0, top), min(float(width), right), min(float(height), bottom)
    if right - left < 8 or bottom - top < 8:
        return None
    return left, top, right - left, bottom - top
