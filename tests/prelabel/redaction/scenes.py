"""Films whose faces are known: the portrait of the catalogue laid over a room at places that are computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from device_agent.sensors.simulated.photos import PERSON, Cutout, cut_out
from prelabel.models import catalogue
from tests import needs

# The face in the portrait: middle and half axes of its ellipse, in pixels of the photograph.
FACE = (226.0, 118.0, 42.0, 56.0)
FACE_WIDTH = 2 * FACE[2]


@dataclass(frozen=True)
class Pose:
    """Where a face is in one frame: its middle, its width and its turn in degrees, in pixels of the picture."""

    x: float
    y: float
    width: float
    turn: float = 0.0


@dataclass(frozen=True)
class Frame:
    """A picture, and for each face the pixels of it that can be seen (bool, height x width)."""

    bgr: np.ndarray
    faces: list[np.ndarray]
    time_us: int


@cache
def portrait() -> Cutout:
    path = catalogue.locate("photo-person")
    needs.need(path, "gleaner prelabel pull photo-person")
    assert path is not None
    return cut_out(path, PERSON)


def room(width: int, height: int, seed: int = 1) -> np.ndarray:
    """A wall with furniture-like shades and a camera's noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(70, 190, (9, 16, 3), dtype=np.uint8)
    wall = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(wall + rng.normal(0, 2, wall.shape), 0, 255).astype(np.uint8)


def film(
    width: int,
    height: int,
    rate: float,
    seconds: float,
    poses: Callable[[float], list[Pose | None]],
    hiding: tuple[int, int, int, int] | None = None,
) -> Iterator[Frame]:
    """Frames of `poses(t)`; `hiding` is a box (x, y, width, height) of furniture before everybody."""
    wall = room(width, height)
    for number in range(round(rate * seconds)):
        at = number / rate
        picture, faces = wall.copy(), []
        for pose in poses(at):
            seen = np.zeros((height, width), dtype=bool)
            if pose is not None:
                seen = _lay(picture, pose)
                # Somebody in front hides what is behind.
                faces = [before & ~_body(pose, width, height) for before in faces]
            faces.append(seen)
        if hiding is not None:
            x, y, across, down = hiding
            picture[y : y + down, x : x + across] = (60, 90, 120)
            for seen in faces:
                seen[y : y + down, x : x + across] = False
        yield Frame(picture, faces, round(at * 1_000_000))


def i420(bgr: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420)


def is_solid(frame: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Where an I420 picture has exactly the fill in all three planes (bool, height x width)."""
    rows, width = frame.shape
    height = rows * 2 // 3
    chroma = frame[height:].reshape(2, height // 2, width // 2)
    same = (chroma[0] == colour[1]) & (chroma[1] == colour[2])
    return (frame[:height] == colour[0]) & np.kron(same, np.ones((2, 2), dtype=bool))


def _matrix(pose: Pose) -> np.ndarray:
    scale = pose.width / FACE_WIDTH
    matrix = cv2.getRotationMatrix2D(FACE[:2], pose.turn, scale)
    matrix[:, 2] += np.array([pose.x, pose.y]) - FACE[:2]
    return matrix


def _lay(picture: np.ndarray, pose: Pose) -> np.ndarray:
    height, width = picture.shape[:2]
    source = portrait()
    scale = pose.width / FACE_WIDTH
    # Shrunk by area first: warping alone would skip pixels and make a face no camera sees.
    share = min(1.0, 2 ** np.ceil(np.log2(scale)))
    small = cv2.resize(source.picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    matte = cv2.resize(source.matte, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    matrix = _matrix(pose)
    matrix[:, :2] /= share
    warped = cv2.warpAffine(small, matrix, (width, height), flags=cv2.INTER_LINEAR)
    alpha = cv2.warpAffine(matte, matrix, (width, height), flags=cv2.INTER_LINEAR)[:, :, np.newaxis] / 255.0
    picture[:] = np.round(picture * (1 - alpha) + warped * alpha)
    mask = np.zeros((height, width), dtype=np.uint8)
    scale = pose.width / FACE_WIDTH
    cv2.ellipse(mask, ((pose.x, pose.y), (2 * FACE[2] * scale, 2 * FACE[3] * scale), -pose.turn), 255, -1)
    return mask > 0


def _body(pose: Pose, width: int, height: int) -> np.ndarray:
    matte = cv2.warpAffine(portrait().matte, _matrix(pose), (width, height))
    return matte > 127
