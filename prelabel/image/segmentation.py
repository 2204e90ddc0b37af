"""Semantic segmentation: a class for every pixel, as one mask per class.

logits    [1, classes, h, w]: resized to the picture, then the highest wins
classes   [1, h, w] or [1, 1, h, w]: numbers; each pixel takes the cell it lies in
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from prelabel.geometry import rle
from prelabel.geometry.detection import SCORE_DECIMALS
from prelabel.image.classification import activated, sums_to_one
from prelabel.image.family import channel_places, require_fractions, require_shape
from prelabel.image.letterbox import Placement
from prelabel.image.masks import on_picture
from prelabel.image.network import PictureNetwork
from prelabel.media.pictures import Image
from prelabel.models.effective_settings import Settings, package_settings
from prelabel.models.families import Activation, SegmentationDecode
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage
from wire.labels import Label, Mask, Rle, Source

Array = NDArray[Any]
_STRIP_PIXELS = 1_000_000  # resized maps of all classes of a large picture would not fit into memory
_NOWHERE = -1


@dataclass(frozen=True)
class ClassMask:
    """All pixels of one class. `score`: its mean probability where it wins, None where the file gives none."""

    label: str
    score: float | None
    mask: Rle


class Segmenter:
    """A loaded segmentation model; made by `open_segmenter`, for one thread at a time."""

    def __init__(self, network: PictureNetwork) -> None:
        self.package = network.package
        self.source: Source = network.package.source
        self._network = network
        self._settings = cast(SegmentationDecode, self.package.manifest.decode)
        values = network.dry_run()[0]["map"]
        self._activation = self._check(values)

    def settings_by_source(self) -> dict[Source, Settings]:
        return {self.source: package_settings(self.package)}

    def regions(self, image: Image) -> list[ClassMask]:
        """What a picture H x W x 3 (uint8, BGR) consists of, in the order of `names`, without the background.

        Connected pieces under `[decode] min_area` pixels are left out.

        Raises:
            ValueError, PictureTooLarge, ModelRefused: as `PictureNetwork.run`.
        """
        outputs, place = self._network.run(image)
        values = outputs["map"]
        scores: dict[int, float] = {}
        if self._settings.form == "classes":
            numbers = _nearest(self._named(values.reshape(values.shape[-2:])), place)
        else:
            planes, places = self._planes(values[0])
            numbers = _winners(planes, places, place)
            scores = _scores(planes, places, self._activation, place)
        found = []
        # Of a model's hundred names a picture shows a few: only those are searched for pieces.
        rows = [np.bincount(row + 1, minlength=len(self.package.manifest.names) + 1) for row in numbers]
        counts = np.sum(rows, axis=0)
        for number in np.flatnonzero(counts[1:] >= self._settings.min_area).tolist():
            mask = _pieces(numbers == number, self._settings.min_area)
            if mask.any():
                found.append(ClassMask(self.package.manifest.names[number], scores.get(number), _encoded(mask)))
        return found

    def labels(self, image: Image) -> list[Label]:
        """`regions` as masks `m1`, `m2`, …; raises as it does."""
        return [
            Mask(
                id=f"m{number}",
                label=region.label,
                score=None if region.score is None else round(min(region.score, 1.0), SCORE_DECIMALS),
                rle=region.mask,
            )
            for number, region in enumerate(self.regions(image), start=1)
        ]

    def _check(self, values: Array) -> Activation:
        """Refuse a map that is not the form's; what makes its planes probabilities."""
        name, settings = self.package.name, self._settings
        if settings.form == "classes":
            if values.ndim not in (3, 4) or set(values.shape[:-2]) != {1} or 0 in values.shape:
                raise ModelRefused(f"{name} gives a map of shape {list(values.shape)}, not [1, h, w] of class numbers.")
            return "none"
        require_shape(name, "map", values, (1, "classes", "h", "w"))
        if values.shape[1] > 1:
            self._places(values.shape[1])
            return settings.activation or ("none" if sums_to_one(values[0], axis=0) else "softmax")
        if settings.activation not in ("none", "sigmoid") or len(self.package.manifest.names) != 1:
            raise ModelRefused(
                f"{name} gives a map of one channel: it needs one name, and its activation said.",
                hint='Add activation = "none" (0..1 already) or activation = "sigmoid" under [decode].',
            )
        if settings.activation == "none":
            require_fractions(name, "map", values)
        return settings.activation

    def _places(self, channels: int) -> Array:
        names = self.package.manifest.names
        return channel_places(self.package.name, channels, names, self._settings.background)

    def _planes(self, values: Array) -> tuple[Array, Array]:
        """Maps that compete for the pixels, and their places in `names`; a single one competes with its opposite."""
        values = np.where(np.isfinite(values).all(axis=0), values, np.float32(np.nan))
        if len(values) > 1:
            return values, self._places(len(values))
        opposite = 1 - values if self._activation == "none" else -values
        return np.concatenate([values, opposite]), np.array([0, _NOWHERE])

    def _named(self, numbers: Array) -> Array:
        """Class numbers as places in `names`; numbers past them (255 for unknown, say) are nowhere."""
        places: Array = np.rint(np.nan_to_num(numbers, nan=_NOWHERE)).astype(np.int64)
        names, background = len(self.package.manifest.names), self._settings.background
        places[(places < 0) | (places >= names)] = _NOWHERE
        if background is not None:
            places[places == background] = _NOWHERE
        return places


def open_segmenter(package: ModelPackage, threads: int = 1) -> Segmenter:
    """Load a segmentation model and try it out.

    Raises:
        ModelRefused: does not load, or does not do what its manifest states.
    """
    return Segmenter(PictureNetwork(package, threads))


def _winners(planes: Array, places: Array, place: Placement) -> Array:
    """For each pixel of the picture the place in `names` of the class whose resized map is highest there."""
    height, width = place.height, place.width
    winners = np.full((height, width), _NOWHERE, dtype=np.int32)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        best = np.full((bottom - top, width), -np.inf, dtype=np.float32)
        for plane, number in zip(planes, places.tolist(), strict=True):
            values = on_picture(plane, place, (0, top, width, bottom))
            wins = values > best
            np.copyto(best, values, where=wins)
            winners[top:bottom][wins] = number
    return _seen(winners, place)


def _nearest(numbers: Array, place: Placement) -> Array:
    """For each pixel of the picture the number of the cell it lies in."""
    rows, columns = _centres(place)
    row = np.floor(rows * numbers.shape[0] / place.input_height).astype(np.intp)
    column = np.floor(columns * numbers.shape[1] / place.input_width).astype(np.intp)
    row, column = np.clip(row, 0, numbers.shape[0] - 1), np.clip(column, 0, numbers.shape[1] - 1)
    return _seen(numbers[row][:, column], place)


def _seen(numbers: Array, place: Placement) -> Array:
    """Pixels that the input does not show (it may show the middle only) are of no class."""
    rows, columns = _centres(place)
    numbers[(rows < 0) | (rows >= place.input_height)] = _NOWHERE
    numbers[:, (columns < 0) | (columns >= place.input_width)] = _NOWHERE
    return numbers


def _centres(place: Placement) -> tuple[Array, Array]:
    """Where the centres of the picture's rows and columns lie in the input."""
    rows = (np.arange(place.height) + 0.5) * place.scale_y + place.top
    return rows, (np.arange(place.width) + 0.5) * place.scale_x + place.left


def _scores(planes: Array, places: Array, activation: Activation, place: Placement) -> dict[int, float]:
    """Mean probability of each class over the cells of the map that it wins, padding apart.

    A class that wins between cells only gets its highest probability.
    """
    rows = (np.arange(planes.shape[1]) + 0.5) * place.input_height / planes.shape[1] - place.top
    columns = (np.arange(planes.shape[2]) + 0.5) * place.input_width / planes.shape[2] - place.left
    inside = ((rows >= 0) & (rows < place.height * place.scale_y))[:, np.newaxis]
    inside = inside & ((columns >= 0) & (columns < place.width * place.scale_x)) & np.isfinite(planes[0])
    # Two opposite planes v and -v are of one sigmoid, each for itself.
    chances = activated(planes.astype(np.float64), activation, axis=0)
    winner = np.where(inside, planes.argmax(axis=0), _NOWHERE)
    found = {}
    for channel, number in enumerate(places.tolist()):
        if number != _NOWHERE:
            cells = chances[channel][winner == channel]
            found[number] = float(cells.mean() if cells.size else chances[channel][inside].max(initial=0))
    return found


def _pieces(mask: Array, least: int) -> Array:
    """The mask without its connected pieces (corners connect) of fewer than `least` pixels."""
    count, numbers, facts, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = facts[:count, cv2.CC_STAT_AREA] >= least
    large[0] = False
    return np.asarray(large[numbers])


def _encoded(mask: Array) -> Rle:
    """Run lengths of the mask, worked out over its own rows and columns only."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    part = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return rle.encode(part, mask.shape[0], mask.shape[1], int(rows[0]), int(columns[0]))
