"""Where text is: a probability map, binarised, its regions as rectangles grown back to the letters' full height.

The method is DB's (Liao et al. 2020, "Real-time Scene Text Detection with Differentiable Binarization"): the network
is trained on shrunk text areas, so a rectangle is grown by area * unclip / perimeter on every side. Constants and the
order of the steps are those of PP-OCR (PaddleOCR, ppocr/postprocess/db_postprocess.py).

Coordinates are continuous: pixel (c, r) covers [c, c+1) x [r, r+1). A contour names its outermost pixels by index, so
its right and bottom edges lie one short; PP-OCR's dilation by a 2 x 2 kernel, which grows to the right and down, puts
them where they belong.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from prelabel.media.pictures import Image
from prelabel.models.families import OcrDecode
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage
from prelabel.text.network import Array, OcrNetwork, resized

MIN_SIDE = 3  # pixels of the map, before growing
MIN_GROWN = 5  # and after
MIN_IN_PICTURE = 3  # pixels of the picture
STRIP = 8  # a picture this many times as wide as high gets a margin: text at the very edge is not seen
STRIP_SIDE = 30  # so does one of this many pixels or fewer
_TRIAL = 64
_ROUNDING = 1e-3
_GROW = np.ones((2, 2), dtype=np.uint8)


@dataclass(frozen=True)
class TextOutline:
    """A piece of text in a picture: 4 corners (x, y) in float pixels, clockwise from the top left; score 0..1."""

    points: Array
    score: float


class TextDetector:
    """The detection network of OCR.

    Args:
        package: of family `ocr`, part `detection`.
        threads: threads within the network.

    Raises:
        ModelRefused: another family or part, does not load, or gives no probability map of its input's size.
    """

    def __init__(self, package: ModelPackage, threads: int = 1) -> None:
        self._part = OcrNetwork(package, "detection", threads)
        self.package, self.source = self._part.package, self._part.source
        self._most = package.manifest.thresholds.maximum
        height, width = self._part.height or _TRIAL, self._part.width or _TRIAL
        output = self._part.dry_run(height, width)
        if output.shape != (1, 1, height, width):
            raise self._part.refuse(output.shape, f"needs {[1, 1, height, width]}")
        if output.min() < 0 or output.max() > 1:
            raise ModelRefused(f"{package.name} gives values outside 0..1, which are not probabilities of text.")

    def find(self, image: Image) -> list[TextOutline]:
        """Every piece of text in a picture H x W x 3 (uint8, BGR), in no particular order.

        Raises:
            ModelRefused: the network fails on it.
        """
        height, width = image.shape[:2]
        ground = _ground(height, width)
        rows, columns = self._size(*ground)
        # The picture's own part of the input, in the middle of its ground.
        high, wide = max(1, round(height * rows / ground[0])), max(1, round(width * columns / ground[1]))
        top, left = (rows - high) // 2, (columns - wide) // 2
        canvas = np.zeros((rows, columns, 3), dtype=np.uint8)
        canvas[top : top + high, left : left + wide] = resized(image, high, wide, self._part.input.antialias)
        probability = self._part.run([canvas], columns)[0, 0]
        rectangles, scores = rectangles_of(probability, self._part.decode, self._most)
        corners = (ordered(rectangles) - (left, top)) * (width / wide, height / high)
        corners = np.clip(corners, 0, (width, height))
        sides = np.linalg.norm(corners[:, [1, 3]] - corners[:, :1], axis=2)
        kept = np.flatnonzero((sides > MIN_IN_PICTURE).all(axis=1))
        return [TextOutline(corners[row], float(scores[row])) for row in kept]

    def _size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the input: the short side up to `short_side`, the long one down to `max_side`."""
        how = self._part.input
        ratio = max(1.0, self._part.decode.short_side / min(height, width))
        ratio = min(ratio, how.max_side / max(height, width))
        rows, columns = (max(1, round(int(side * ratio) / how.multiple)) * how.multiple for side in (height, width))
        return self._part.height or rows, self._part.width or columns


def rectangles_of(probability: Array, decode: OcrDecode, most: int) -> tuple[Array, Array]:
    """The text in a probability map H x W: N rectangles as corners [N, 4, 2] in pixels of the map, N scores.

    Args:
        most: only that many, the largest, are used.
    """
    bitmap = (probability > decode.binarise).astype(np.uint8)
    # One more row and column, so that text at the right or bottom edge can grow to it.
    bitmap = cv2.dilate(cv2.copyMakeBorder(bitmap, 0, 1, 0, 1, cv2.BORDER_CONSTANT, value=0), _GROW)
    contours, nesting = cv2.findContours(bitmap, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    # Holes have a parent; they are no text.
    outer = [one for one, row in zip(contours, nesting[0], strict=True) if row[3] < 0] if len(contours) else []
    found = [cv2.minAreaRect(one) for one in outer]
    found = [row for row in found if min(row[1]) > MIN_SIDE - _ROUNDING]
    found = sorted(found, key=lambda row: -row[1][0] * row[1][1])[:most]
    kept, scores = [], []
    for centre, (width, height), angle in found:
        score = _mean_inside(probability, cv2.boxPoints((centre, (width, height), angle)))
        grow = width * height * decode.unclip / (width + height)  # 2 * area * unclip / perimeter: both sides
        if np.isfinite(score) and score >= decode.box_score and min(width, height) + grow >= MIN_GROWN:
            kept.append(cv2.boxPoints((centre, (width + grow, height + grow), angle)))
            scores.append(score)
    return np.array(kept, dtype=np.float64).reshape(-1, 4, 2), np.array(scores)


def ordered(rectangles: Array) -> Array:
    """Corners [N, 4, 2] as top left, top right, bottom right, bottom left: of the two left ones the upper is first."""
    by_x = np.take_along_axis(rectangles, np.argsort(rectangles[:, :, :1], axis=1, kind="stable"), axis=1)
    left, right = (
        np.take_along_axis(pair, np.argsort(pair[:, :, 1:], axis=1, kind="stable"), axis=1)
        for pair in (by_x[:, :2], by_x[:, 2:])
    )
    return np.stack([left[:, 0], right[:, 0], right[:, 1], left[:, 1]], axis=1)


def _mean_inside(probability: Array, corners: Array) -> float:
    """Mean of the map over a rectangle, its border included."""
    last = (probability.shape[1] - 1, probability.shape[0] - 1)
    left, top = np.clip(np.floor(corners.min(axis=0)), 0, last).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=0)), 0, last).astype(int)
    mask = np.zeros((bottom - top + 1, right - left + 1), dtype=np.uint8)
    # Rounded, where PP-OCR cuts off: OpenCV gives the edge of a whole pixel as 46.99999 or 47.00001.
    cv2.fillPoly(mask, np.round(corners - (left, top)).astype(np.int32)[np.newaxis], 1)
    return float(cv2.mean(probability[top : bottom + 1, left : right + 1], mask)[0])


def _ground(height: int, width: int) -> tuple[int, int]:
    """(height, width) of what a picture is laid on: its own, or wider across a narrow strip."""
    short, long = min(height, width), max(height, width)
    if short > STRIP_SIDE and long <= STRIP * short:
        return height, width
    across = max(short, 2 * max(long // STRIP, STRIP_SIDE))
    return (across, width) if width >= height else (height, across)
