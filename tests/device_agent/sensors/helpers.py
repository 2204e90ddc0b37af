"""Shared by the sensor tests: collecting what a sensor delivers, small media files, drawn photographs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

import cv2
import numpy as np

from device_agent.sensors.base import AudioBlock, Camera, Frame, Microphone
from tests.support.recordings import write_video
from wire.errors import GleanerError

Item = TypeVar("Item", Frame, AudioBlock)


class Collector(Generic[Item]):
    """Keeps what `pick` makes of each item; `wait` returns when there are enough, or fails."""

    def __init__(self, pick: Callable[[Item], Any] = lambda item: item) -> None:
        self.items: list[Any] = []
        self.failure: GleanerError | None = None
        self._pick = pick
        self._changed = threading.Condition()

    def deliver(self, item: Item) -> None:
        with self._changed:
            self.items.append(self._pick(item))
            self._changed.notify_all()

    def failed(self, error: GleanerError) -> None:
        with self._changed:
            self.failure = error
            self._changed.notify_all()

    def wait(self, count: int, seconds: float = 60) -> list[Any]:
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self.items) >= count or self.failure is not None, seconds)
            if self.failure is not None:
                raise self.failure
            assert enough, f"{len(self.items)} of {count} came"
            return list(self.items)

    def wait_for_failure(self, seconds: float = 60) -> GleanerError:
        with self._changed:
            assert self._changed.wait_for(lambda: self.failure is not None, seconds), "it did not fail"
            assert self.failure is not None
            return self.failure


@contextmanager
def running(sensor: Camera | Microphone, collector: Collector[Any]) -> Iterator[None]:
    sensor.start(collector.deliver, collector.failed)
    try:
        yield
    finally:
        sensor.stop()


def write_film(path: Path, times_us: list[int], width: int = 320, height: int = 240, rate: int = 25) -> None:
    """A Matroska file of frames at these times; frame n is grey 40 + 5 n."""
    pictures = (np.full((height, width, 3), 40 + 5 * number, np.uint8) for number in range(len(times_us)))
    write_video(path, pictures, times_us, rate=rate, container="matroska", preset="ultrafast")


def drawn_photos(folder: Path) -> Callable[[str], Path]:
    """Stand-ins for the scene's photographs, of the same size and outline, for machines without a network."""
    from device_agent.sensors.simulated.photos import CUP, PERSON

    def fetch(name: str) -> Path:
        person = name == "photo-person"
        size, outlines = ((512, 512), PERSON) if person else ((400, 600), CUP)
        picture = np.full((*size, 3), (190, 180, 170), np.uint8)
        for inside in outlines.inside:
            cv2.fillPoly(picture, [np.array(inside, np.int32)], (30, 60, 220) if person else (30, 30, 160))
        path = folder / f"{name}.png"
        cv2.imwrite(str(path), picture)
        return path

    return fetch
