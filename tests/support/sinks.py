"""A sink that counts what it is asked, and pictures to record."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.device_agent.record.memory_sink import MemorySink
from wire.canonical import sha256_hex


class WatchedSink(MemorySink):
    """Remembers what it held after every write, as (length, hash)."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: list[tuple[int, str]] = []

    def write(self, data: bytes) -> None:
        super().write(data)
        self.moments.append((len(self.data), sha256_hex(bytes(self.data))))

    def never_changed(self) -> bool:
        return all(sha256_hex(bytes(self.data[:size])) == digest for size, digest in self.moments)


def picture(index: int, width: int = 320, height: int = 240) -> NDArray[np.uint8]:
    """Something that moves, I420."""
    bgr = np.full((height, width, 3), (200, 120, 40), np.uint8)
    cv2.circle(bgr, (20 + index * 3 % max(1, width - 40), height // 2), 18, (20, 40, 230), -1)
    bgr[::7, :, :] = np.random.default_rng(index).integers(0, 255, bgr[::7].shape, dtype=np.uint8)
    i420: NDArray[np.uint8] = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420)
    return i420
