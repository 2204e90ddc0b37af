"""Recordings for the page's tests: every video frame carries its own number, so that a browser can be asked for it."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.support.recordings import STREAMED, Streamed, flac, write_video

WIDTH, HEIGHT = 640, 360
CELL = 16
BITS = 8
# A variable rate: frames that a constant one would misplace.
STEPS_US = (40_000, 33_367, 50_021)


def frame_times(frames: int) -> list[int]:
    times = [0]
    while len(times) < frames:
        times.append(times[-1] + STEPS_US[len(times) % len(STEPS_US)])
    return times


def person_at(frame: int) -> tuple[int, int, int, int]:
    """x, y, width, height of the figure that walks through the picture, in pixels."""
    return 60 + 7 * frame, 110, 90, 200


def picture(frame: int | None) -> NDArray[np.uint8]:
    """A room with a figure in it. With a frame number: its bits as black and white cells along the top edge."""
    room = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    room[:] = np.linspace(150, 205, HEIGHT, dtype=np.uint8)[:, None, None]
    cv2.rectangle(room, (0, 270), (WIDTH, HEIGHT), (96, 110, 128), -1)
    cv2.rectangle(room, (430, 60), (560, 190), (225, 214, 190), -1)
    cv2.rectangle(room, (430, 60), (560, 190), (90, 90, 90), 3)
    cv2.ellipse(room, (150, 252), (32, 14), 0, 0, 360, (60, 70, 190), -1)
    cv2.rectangle(room, (118, 205), (182, 252), (70, 84, 205), -1)
    cv2.ellipse(room, (150, 205), (32, 12), 0, 0, 360, (40, 50, 120), -1)
    if frame is None:
        return room
    x, y, width, height = person_at(frame)
    cv2.rectangle(room, (x + 15, y + 60), (x + width - 15, y + height), (120, 72, 40), -1)
    cv2.circle(room, (x + width // 2, y + 32), 30, (150, 180, 225), -1)
    for bit in range(BITS):
        value = 255 if frame >> bit & 1 else 0
        room[0:CELL, bit * CELL : (bit + 1) * CELL] = value
    return room


def snow(rows: int) -> NDArray[np.uint8]:
    """What no encoder makes small."""
    return np.random.default_rng(5).integers(0, 256, (rows, WIDTH, 3), np.uint8)


@cache
def video(frames: int = 45, snowy: int = 0) -> tuple[bytes, list[int]]:
    """Streamed Matroska with B frames off, as a device writes it, and its frame times. The last `snowy` rows of every
    picture are noise of its own, so that it weighs something.
    """
    noise = snow(2 * snowy) if snowy else None
    times = frame_times(frames)

    def shown(number: int) -> NDArray[np.uint8]:
        made = picture(number)
        if noise is not None:
            made[-snowy:] = np.roll(noise, 37 * number, axis=0)[:snowy]
        return made

    target = Streamed()
    write_video(
        target, map(shown, range(frames)), times, container="matroska", settings=STREAMED,
        preset="veryfast", tune="zerolatency", g="25",
    )  # fmt: skip
    return bytes(target.data), times


# The lines of `sign()`: x, y, width, height in pixels and what stands there.
SIGN = (
    ((60, 40, 240, 44), "OPEN DAILY"),
    ((340, 44, 180, 40), "9 TO 5"),
    ((60, 140, 300, 44), "RING THE BELL"),
)


def sign() -> bytes:
    """A still with three pieces of writing."""
    board = np.full((HEIGHT, WIDTH, 3), 232, np.uint8)
    cv2.rectangle(board, (20, 16), (WIDTH - 20, HEIGHT - 20), (90, 90, 90), 4)
    for (x, y, _width, height), text in SIGN:
        cv2.putText(board, text, (x, y + height - 10), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (40, 40, 40), 3, cv2.LINE_AA)
    return bytes(cv2.imencode(".jpg", board, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes())


def still() -> bytes:
    return bytes(cv2.imencode(".jpg", picture(None), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())


def speech_like(bursts: list[tuple[float, float]], seconds: float, rate: int = 16_000, channels: int = 1) -> bytes:
    """Streamed FLAC: a voice's harmonics with a beat of syllables in each burst (from, to in seconds), room noise."""
    time = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(7).normal(0, 60, time.size)
    voice = sum(np.sin(2 * np.pi * 130 * harmonic * time) / harmonic for harmonic in range(1, 12))
    beat = 0.55 + 0.45 * np.sin(2 * np.pi * 4.1 * time)
    spoken = np.zeros(time.size)
    for start, end in bursts:
        spoken += (time >= start) & (time < end)
    samples = np.clip(noise + voice * beat * spoken * 5200, -32_000, 32_000).astype(np.int16)
    return flac(np.stack([samples] * channels, axis=1), rate)


def hiss(seconds: int, rate: int = 48_000) -> bytes:
    """Sound that no encoder makes small."""
    return flac(np.random.default_rng(9).integers(-30_000, 30_000, seconds * rate, dtype=np.int16), rate)
