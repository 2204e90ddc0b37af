"""I420: one full plane of brightness, two of colour at half the size, one below the other (BT.601, 16 to 235)."""

from __future__ import annotations

import cv2
import numpy as np

from device_agent.sensors.base import Picture

Planes = tuple[Picture, Picture, Picture]


def planes(picture: Picture, width: int, height: int) -> Planes:
    """Views of the planes Y (height, width), U and V (height // 2, width // 2) of an I420 picture."""
    flat = picture.reshape(-1)
    luma, chroma = width * height, width * height // 4
    half = (height // 2, width // 2)
    return (
        flat[:luma].reshape(height, width),
        flat[luma : luma + chroma].reshape(half),
        flat[luma + chroma : luma + 2 * chroma].reshape(half),
    )


def shrink(source: Planes, target: Planes) -> None:
    """Write a smaller version of an I420 picture into the planes of another."""
    for big, small in zip(source, target, strict=True):
        if big.shape == small.shape:
            np.copyto(small, big)
        else:
            cv2.resize(big, (small.shape[1], small.shape[0]), dst=small, interpolation=cv2.INTER_AREA)


def from_bgr(image: Picture, target: Picture) -> None:
    """Write a BGR picture of even size (height, width, 3) into an I420 picture (height * 3 // 2, width)."""
    cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420, dst=target)


def fit_within(width: int, height: int, most_width: int = 1280, most_height: int = 720) -> tuple[int, int]:
    """The largest even size of the same shape inside the limits, never enlarged."""
    scale = min(1.0, most_width / width, most_height / height)
    return max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)
