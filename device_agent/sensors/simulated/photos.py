"""The two photographs of the scene, cut out of their backgrounds.

The outlines below are of these two photographs (the catalogue knows them by sha256): `outside` is surely background,
`inside` surely not, and GrabCut (Rother, Kolmogorov, Blake 2004) decides between them, once; the matte is kept in the
cache folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from device_agent.sensors.base import Picture
from prelabel.models.paths import cache_folder
from wire.errors import GleanerError
from wire.files import file_sha256, write_whole

Outline = tuple[tuple[int, int], ...]
Fetch = Callable[[str], Path]
MATTE_VERSION = 1
_EDGE_BLUR = 1.2


@dataclass(frozen=True)
class Outlines:
    """In pixels of the photograph."""

    outside: Outline
    inside: tuple[Outline, ...]
    smooth: float  # radius over which the matte's edge is straightened; hair needs less than a cup


PERSON = Outlines(
    outside=(
        (150, 110), (145, 70), (165, 30), (200, 12), (240, 8), (280, 25), (305, 70), (308, 110), (290, 145), (268, 180),
        (300, 205), (312, 240), (340, 262), (362, 300), (368, 345), (400, 338), (450, 345), (490, 385), (511, 440),
        (511, 511), (15, 511), (14, 440), (20, 380), (28, 310), (45, 270), (80, 235), (112, 205), (112, 180),
        (135, 155), (175, 140),
    ),
    inside=(
        (
            (165, 80), (190, 40), (230, 25), (275, 50), (290, 90), (275, 130), (250, 185), (290, 220), (295, 250),
            (330, 290), (345, 350), (310, 390), (290, 440), (290, 500), (40, 500), (35, 440), (45, 330), (70, 275),
            (110, 240), (130, 200), (140, 170), (185, 158), (185, 130),
        ),
        ((330, 390), (400, 360), (460, 400), (480, 470), (470, 500), (300, 500), (295, 440)),
    ),
    smooth=1.5,
)  # fmt: skip
CUP = Outlines(
    outside=(
        (165, 60), (190, 30), (240, 10), (300, 10), (360, 25), (395, 55), (415, 60), (430, 75), (425, 100), (460, 140),
        (485, 200), (485, 250), (460, 310), (410, 355), (340, 385), (260, 390), (180, 370), (110, 310), (72, 240),
        (70, 180), (90, 130), (130, 90),
    ),
    inside=(
        (
            (185, 80), (230, 35), (300, 28), (370, 60), (405, 100), (410, 120), (440, 150), (462, 200), (465, 250),
            (440, 300), (390, 345), (320, 370), (250, 372), (190, 350), (130, 305), (95, 250), (88, 195), (110, 140),
            (160, 95), (175, 120),
        ),
    ),
    smooth=4.0,
)  # fmt: skip


class PhotoUnusable(GleanerError):
    """A photograph of the simulated scene cannot be opened as a picture."""

    code = "photo-unusable"
    status = 500
    exit_code = 3
    hint = "Delete the file; it is fetched again."


@dataclass(frozen=True)
class Cutout:
    """BGR uint8 (height, width, 3) and its matte uint8 (height, width), 255 = wholly there."""

    picture: Picture
    matte: Picture


def cut_out(path: Path, outlines: Outlines, *, cache: Path | None = None) -> Cutout:
    """A photograph without its background. The matte is computed once and read from `cache` afterwards.

    Raises:
        PhotoUnusable: the file is not a picture.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise PhotoUnusable(f"{path} is not a picture.")
    folder = cache_folder() / "mattes" if cache is None else cache
    kept = folder / f"{file_sha256(path)[:12]}-{MATTE_VERSION}.png"
    matte = cv2.imread(str(kept), cv2.IMREAD_GRAYSCALE) if kept.is_file() else None
    if matte is None or matte.shape != picture.shape[:2]:
        matte = _matte(picture, outlines)
        _save_matte(matte, kept)
    return Cutout(picture, matte)


def _matte(picture: Picture, outlines: Outlines) -> Picture:
    height, width = picture.shape[:2]
    mask = np.full((height, width), cv2.GC_BGD, np.uint8)
    cv2.fillPoly(mask, [np.array(outlines.outside, np.int32)], cv2.GC_PR_FGD)
    for inside in outlines.inside:
        cv2.fillPoly(mask, [np.array(inside, np.int32)], cv2.GC_FGD)
    # GrabCut draws its first clusters at random; with the seed the same photograph gives the same matte everywhere.
    cv2.setRNGSeed(7)
    cv2.grabCut(picture, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 6, cv2.GC_INIT_WITH_MASK)
    there = np.where((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD), 255, 0).astype(np.uint8)
    there = _largest_part(there)
    straight = cv2.GaussianBlur(there, (0, 0), outlines.smooth)
    # Above the middle, so that the edge moves inward and no rim of the old background stays.
    there = np.where(straight > 150, 255, 0).astype(np.uint8)
    there = cv2.erode(there, np.ones((3, 3), np.uint8), borderValue=255)
    return np.asarray(cv2.GaussianBlur(there, (0, 0), _EDGE_BLUR), np.uint8)


def _largest_part(there: Picture) -> Picture:
    """The largest connected piece without its holes."""
    outlines, _ = cv2.findContours(there, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(there)
    if outlines:
        cv2.drawContours(filled, [max(outlines, key=cv2.contourArea)], -1, 255, thickness=cv2.FILLED)
    return filled


def _save_matte(matte: Picture, path: Path) -> None:
    """Into the cache, whole or not at all; a cache that cannot be written only costs the second the matte takes."""
    ok, data = cv2.imencode(".png", matte)
    if not ok:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data.tobytes())
    except OSError:
        return
