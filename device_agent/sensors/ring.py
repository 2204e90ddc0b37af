"""Buffers for frames: handed out, given back by themselves when nobody looks at them any more."""

from __future__ import annotations

import weakref
from collections import deque

import numpy as np

from device_agent.sensors.base import MAX_FRAMES_IN_USE, Picture

LORES_WIDTH, LORES_HEIGHT = 640, 360


def lores_size(width: int, height: int) -> tuple[int, int]:
    """The size of the small stream of a camera: inside 640x360, the same shape, even, never enlarged."""
    scale = min(1.0, LORES_WIDTH / width, LORES_HEIGHT / height)
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


class FramePool:
    """At most `depth` pairs of pictures, I420, made when first needed and used again for as long as the pool lives.

    Safe for one taker; the last reference to a pair may go away in any thread.
    """

    def __init__(self, main: tuple[int, int], lores: tuple[int, int], depth: int = MAX_FRAMES_IN_USE) -> None:
        self._main, self._lores = main, lores
        self._bytes = main[0] * main[1] * 3 // 2
        self._small_bytes = lores[0] * lores[1] * 3 // 2
        self._left_to_make = depth
        self._free: deque[bytearray] = deque()
        self._in_use: dict[int, weakref.ref[Picture]] = {}

    def take(self) -> tuple[Picture, Picture] | None:
        """A writable pair (main, lores) with old contents; None while `depth` pairs are in use."""
        try:
            buffer = self._free.popleft()
        except IndexError:
            if self._left_to_make == 0:
                return None
            self._left_to_make -= 1
            buffer = bytearray(self._bytes + self._small_bytes)
        # numpy makes every view, and every view of a view, refer to this one array, so its end is the end of all use.
        whole = np.frombuffer(buffer, dtype=np.uint8)
        self._in_use[id(buffer)] = weakref.ref(whole, lambda _: self._return_buffer(buffer))
        width, height = self._main
        small_width, small_height = self._lores
        main = whole[: self._bytes].reshape(height * 3 // 2, width)
        lores = whole[self._bytes :].reshape(small_height * 3 // 2, small_width)
        return main, lores

    def _return_buffer(self, buffer: bytearray) -> None:
        del self._in_use[id(buffer)]
        self._free.append(buffer)


def sealed(pair: tuple[Picture, Picture]) -> tuple[Picture, Picture]:
    """The pair as read-only arrays: many consumers share them."""
    for picture in pair:
        picture.flags.writeable = False
    return pair
