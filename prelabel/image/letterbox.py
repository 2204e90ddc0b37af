"""How a picture is scaled to a network's input, and how coordinates are mapped back.

Coordinates are continuous (pixel (c, r) covers [c, c+1) x [r, r+1)), so edges scale by the ratio of the sizes with no
half-pixel shift. Sizes are rounded to whole pixels, which makes the two scales differ a little: each axis keeps its
own (the single ratio of the usual letterbox is up to half a pixel wrong at odd sizes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from prelabel.media.pictures import MAX_PIXELS, Image, PictureTooLarge
from prelabel.models.manifest import ImageInput, Manifest
from prelabel.models.onnx_file import ModelRefused

Array = NDArray[Any]
# A network that covers a strip with its square sees the middle; past this ratio of the sides the ends are cut first,
# so that the scaled strip does not fill the memory.
_MAX_STRIP = 16


@dataclass(frozen=True)
class Placement:
    """Where a picture lies in the input: input place = picture place * scale + (left, top).

    `width`, `height`: of the picture. `input_width`, `input_height`: of the network's input. All in pixels.
    """

    scale_x: float
    scale_y: float
    left: float
    top: float
    width: int
    height: int
    input_width: int
    input_height: int

    def to_picture(self, boxes: Array) -> Array:
        """Boxes N x (x1, y1, x2, y2) of the input in pixels of the picture, not cut."""
        out = np.empty((len(boxes), 4))
        for axis, scale, begin in ((0, self.scale_x, self.left), (1, self.scale_y, self.top)):
            np.subtract(boxes[:, axis::2], begin, out=out[:, axis::2])
            out[:, axis::2] /= scale
        return out

    def cut(self, boxes: Array) -> Array:
        """Boxes of the picture, cut at its edges: past them lies padding, of which a model can know nothing."""
        inside = np.maximum(boxes, 0)
        np.minimum(inside[:, ::2], self.width, out=inside[:, ::2])
        np.minimum(inside[:, 1::2], self.height, out=inside[:, 1::2])
        return inside

    def points_to_picture(self, points: Array) -> Array:
        """Points ... x (x, y) of the input in pixels of the picture, not cut."""
        moved: Array = (points - np.array((self.left, self.top))) / np.array((self.scale_x, self.scale_y))
        return moved

    def turned_to_picture(self, boxes: Array) -> Array:
        """Turned boxes N x (centre x, centre y, width, height, radians clockwise) in pixels of the picture, not cut.

        Where the two scales differ a turned box becomes a parallelogram; the rectangle that keeps its side along the
        width, and its area, stands for it. The angle comes back in [-pi/2, pi/2).
        """
        centre = self.points_to_picture(boxes[:, :2])
        along_x = boxes[:, 2] * np.cos(boxes[:, 4]) / self.scale_x
        along_y = boxes[:, 2] * np.sin(boxes[:, 4]) / self.scale_y
        width = np.hypot(along_x, along_y)
        area = boxes[:, 2] * boxes[:, 3] / (self.scale_x * self.scale_y)
        height = np.divide(area, width, out=np.zeros_like(width), where=width > 0)
        angle = (np.arctan2(along_y, along_x) + np.pi / 2) % np.pi - np.pi / 2
        return np.concatenate([centre, np.stack([width, height, angle], axis=1)], axis=1)


class Preparer:
    """Draws pictures into the input of one network, as `[input]` of its manifest states.

    The buffers are reused: for pictures of one size nothing large is allocated after the first. So the tensor that
    `prepare` gives is overwritten by the next call, and a preparer belongs to one thread at a time.

    Args:
        size: (height, width) of the network, None for one of any size.

    Raises:
        ModelRefused: the manifest's numbers do not fit the channels or the type.
    """

    def __init__(self, manifest: Manifest, size: tuple[int, int] | None) -> None:
        self._input = manifest.input
        self._size = size
        self._gain, self._offset = _affine(manifest)
        self._drawing: _Drawing | None = None

    def prepare(self, image: Image) -> tuple[Array, Placement]:
        """The network's input for a picture H x W x 3 (uint8, BGR), and where the picture lies in it.

        Raises:
            PictureTooLarge: more than `pictures.MAX_PIXELS`.
        """
        height, width = image.shape[:2]
        drawing = self._drawing
        if drawing is None or (drawing.place.height, drawing.place.width) != (height, width):
            if height * width > MAX_PIXELS:
                raise PictureTooLarge(f"A picture is {width} x {height}, {width * height / 1e6:.0f} megapixels.")
            size = self._size or input_size(height, width, self._input)
            drawing = self._drawing = _Drawing(self._input, (height, width), size, self._gain, self._offset)
        drawing.draw(image)
        return drawing.tensor, drawing.place


class _Drawing:
    """The buffers for pictures of one size: the scaled picture, its planes, the tensor with its padding filled in."""

    def __init__(
        self, settings: ImageInput, picture: tuple[int, int], size: tuple[int, int], gain: Array, offset: Array
    ) -> None:
        self._antialias = settings.antialias
        self._colour = settings.colour
        self._gain, self._offset = gain, offset
        fit = _fit(settings.fit, picture, size)
        self.place = fit.place
        self._source = fit.source
        self._scaled = np.empty((*fit.scaled, 3), dtype=np.uint8)
        self._part = fit.part
        drawn = tuple(span.stop - span.start for span in fit.part)
        channels = len(gain)
        dtype = np.dtype(settings.dtype)
        filled = (settings.pad * gain + offset).astype(dtype)
        self._planes = [np.empty(drawn, dtype=np.uint8) for _ in range(channels)]
        if settings.layout == "NCHW":
            self.tensor = np.empty((1, channels, *size), dtype=dtype)
            self.tensor[:] = filled[:, np.newaxis, np.newaxis]
            self._targets = [self.tensor[0, channel][fit.target] for channel in range(channels)]
        else:
            self.tensor = np.empty((1, *size, channels), dtype=dtype)
            self.tensor[:] = filled
            self._targets = [self.tensor[0][fit.target][:, :, channel] for channel in range(channels)]

    def draw(self, image: Image) -> None:
        """Fill the picture's own part of the tensor; the padding stays."""
        seen = image[self._source]
        scaled = seen if seen.shape[:2] == self._scaled.shape[:2] else _resize(seen, self._scaled, self._antialias)
        part = scaled[self._part]
        if self._colour == "GRAY":
            cv2.cvtColor(part, cv2.COLOR_BGR2GRAY, dst=self._planes[0])
        else:
            cv2.split(part, self._planes if self._colour == "BGR" else self._planes[::-1])
        for plane, target, gain, offset in zip(self._planes, self._targets, self._gain, self._offset, strict=True):
            np.copyto(target, plane)
            if gain != 1:
                np.multiply(target, gain, out=target, casting="same_kind")
            if offset != 0:
                np.add(target, offset, out=target, casting="same_kind")


@dataclass(frozen=True)
class _Fit:
    """`source`: the part of the picture that is scaled to `scaled` (height, width); `part` of that goes to `target`."""

    place: Placement
    source: tuple[slice, slice]
    scaled: tuple[int, int]
    part: tuple[slice, slice]
    target: tuple[slice, slice]


def _fit(fit: str, picture: tuple[int, int], size: tuple[int, int]) -> _Fit:
    """Each axis separately once the ratio is known."""
    source = (0, 0), picture
    if fit == "crop-centre":
        longest = _MAX_STRIP * min(picture) * max(size) // min(size)
        kept = tuple(min(side, longest) for side in picture)
        source = tuple((side - keep) // 2 for side, keep in zip(picture, kept, strict=True)), kept  # type: ignore[assignment]
    (at_y, at_x), (seen_y, seen_x) = source
    ratios = size[0] / seen_y, size[1] / seen_x
    ratio = max(ratios) if fit == "crop-centre" else min(ratios)
    rows = _axis(fit, seen_y, size[0], ratio)
    columns = _axis(fit, seen_x, size[1], ratio)
    scale_y, scale_x = rows[0] / seen_y, columns[0] / seen_x
    left, top = columns[1] - at_x * scale_x, rows[1] - at_y * scale_y
    place = Placement(scale_x, scale_y, left, top, picture[1], picture[0], size[1], size[0])
    return _Fit(
        place,
        (slice(at_y, at_y + seen_y), slice(at_x, at_x + seen_x)),
        (rows[0], columns[0]),
        (_inner(rows, size[0]), _inner(columns, size[1])),
        (_outer(rows, size[0]), _outer(columns, size[1])),
    )


def _axis(fit: str, side: int, room: int, ratio: float) -> tuple[int, int]:
    """(scaled side, where its beginning lies in the input; below 0 when the input shows its middle only)."""
    if fit == "stretch":
        return room, 0
    if fit == "crop-centre":
        scaled = max(room, round(side * ratio))
        return scaled, -((scaled - room) // 2)
    scaled = min(room, max(1, round(side * ratio)))
    # Ultralytics rounds half a pixel of padding down, by its -0.1 (ultralytics/data/augment.py, LetterBox).
    return scaled, round((room - scaled) / 2 - 0.1) if fit == "letterbox-centre" else 0


def _inner(axis: tuple[int, int], room: int) -> slice:
    scaled, begin = axis
    return slice(max(0, -begin), max(0, -begin) + min(scaled, room))


def _outer(axis: tuple[int, int], room: int) -> slice:
    scaled, begin = axis
    return slice(max(0, begin), max(0, begin) + min(scaled, room))


def _affine(manifest: Manifest) -> tuple[Array, Array]:
    """Gain and offset of each channel: (byte * scale - mean) / std as byte * gain + offset."""
    settings = manifest.input
    channels = 1 if settings.colour == "GRAY" else 3
    for word, values in (("mean", settings.mean), ("std", settings.std)):
        if len(values) not in (1, channels):
            raise ModelRefused(f"{manifest.name} has {len(values)} values of {word} for {channels} channels.")
        if word == "std" and not all(value > 0 for value in values):
            raise ModelRefused(f"{manifest.name} has a std that is not above 0.")
    mean = np.broadcast_to(np.array(settings.mean), channels)
    std = np.broadcast_to(np.array(settings.std), channels)
    gain, offset = settings.scale / std, -mean / std
    if settings.dtype == "uint8" and ((gain != 1).any() or (offset != 0).any()):
        raise ModelRefused(
            f"{manifest.name} takes bytes, which are never scaled.",
            hint="Set scale = 1.0 and leave out mean and std under [input].",
        )
    if settings.dtype == "uint8":
        return np.ones(channels, dtype=np.uint8), np.zeros(channels, dtype=np.uint8)
    return gain.astype(np.float32), offset.astype(np.float32)


def input_size(height: int, width: int, settings: ImageInput) -> tuple[int, int]:
    """(height, width) for a network of any size: the picture's own, `max_side` at most, up to a `multiple`.

    With `upscale` its longer side is `max_side`, however small it is.
    """
    ratio = settings.max_side / max(height, width)
    high, wide = (max(1, round(side * (ratio if settings.upscale else min(1.0, ratio)))) for side in (height, width))
    return -(-high // settings.multiple) * settings.multiple, -(-wide // settings.multiple) * settings.multiple


def _resize(image: Image, out: Image, antialias: bool) -> Image:
    """Bilinear, as these models were trained and measured; with `antialias`, averages of areas where it shrinks."""
    height, width = out.shape[:2]
    shrinks_y, shrinks_x = height < image.shape[0], width < image.shape[1]
    if antialias and shrinks_y and shrinks_x:
        return np.asarray(cv2.resize(image, (width, height), dst=out, interpolation=cv2.INTER_AREA))
    if antialias and (shrinks_y or shrinks_x):
        # OpenCV averages areas only where both sides shrink.
        half = (width, image.shape[0]) if shrinks_x else (image.shape[1], height)
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA))
    return np.asarray(cv2.resize(image, (width, height), dst=out, interpolation=cv2.INTER_LINEAR))
