"""What a family of detectors knows: what its tensors mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prelabel.image.letterbox import Placement
from prelabel.models.manifest import Manifest
from prelabel.models.onnx_file import ModelRefused

Array = NDArray[Any]
# A bad model may call every cell a cup; merging is quadratic, so only the best go into it.
MAX_CANDIDATES = 3000
_SLACK = 1e-3
_SOME = 1e-9  # more than a score of 0
_MIN_NEAR = 0.5  # share of the boxes whose centres lie within the input, or outside it by no more than its size
_FRACTIONS = 2.0  # pixels: an input is larger, a fraction is not


@dataclass(frozen=True)
class Candidates:
    """What a decoder finds: N boxes (x1, y1, x2, y2) in pixels of the input, N scores 0..1, N class numbers.

    `angles`: N radians clockwise about the centres of the boxes. `keypoints`: N x K x (x, y, certainty 0..1).
    `coefficients`: N x M weights of the M mask prototypes.
    """

    boxes: Array
    scores: Array
    classes: Array
    angles: Array | None = None
    keypoints: Array | None = None
    coefficients: Array | None = None

    def take(self, index: Array) -> Candidates:
        """Those at `index` (numbers or truth values), in that order."""
        more: dict[str, Array | None] = {
            name: None if (value := getattr(self, name)) is None else value[index]
            for name in ("angles", "keypoints", "coefficients")
        }
        return Candidates(self.boxes[index], self.scores[index], self.classes[index], **more)


class Decoder(ABC):
    """One family of detectors. `outputs` is keyed by role, as in the manifest, and of float32 or whole numbers.

    `merged`: the file gives each object once, so nothing is merged here.
    `least_with_area`: the least share of the boxes that have an area; a head that was trained little has few.
    """

    merged = False
    least_with_area = 0.5

    def __init__(self, manifest: Manifest) -> None:
        self.name = manifest.name
        self.names = manifest.names
        thresholds = manifest.thresholds
        # Where names have thresholds of their own: a class that reaches its own comes before a likelier one below its.
        self.own: Array | None = (
            np.array([thresholds.of(name) for name in manifest.names]) if thresholds.scores else None
        )

    def feeds(self, place: Placement) -> dict[str, Array]:
        """Inputs besides the picture, by role."""
        return {}

    @abstractmethod
    def check(self, outputs: Mapping[str, Array], place: Placement) -> None:
        """Raise ModelRefused unless the outputs of a dry run have this family's shapes and ranges."""

    def check_boxes(self, outputs: Mapping[str, Array], place: Placement) -> bool:
        """Hold the boxes of a dry run against the input; whether there were any.

        Raises:
            ModelRefused: they cannot be boxes: most have no area or lie outside of the input, or all fit into a pixel.
        """
        # A merged file fills up with rows of score 0, in which anything may stand; others with rows of zeros.
        boxes = self.decode(outputs, place, _SOME if self.merged else 0.0).boxes
        boxes = boxes[np.isfinite(boxes).all(axis=1) & boxes.any(axis=1)]
        if not len(boxes):
            return False
        size = np.array((place.input_width, place.input_height))
        area = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2 / size
        near = ((centre > -1) & (centre < 2)).all(axis=1)
        fault = None
        if area.mean() < self.least_with_area:
            fault = f"{int((~area).sum())} of {len(boxes)} have no width or no height"
        elif near.mean() < _MIN_NEAR:
            fault = f"{int((~near).sum())} of {len(boxes)} lie far outside of the picture"
        elif float(np.abs(boxes).max()) <= _FRACTIONS:
            fault = f"all {len(boxes)} lie within the first pixels of the picture, as fractions of it would"
        if fault is not None:
            raise ModelRefused(
                f"The boxes of {self.name} cannot be boxes: {fault}.",
                hint="Compare the form, order and unit of its boxes with [decode] in model.toml; export it with its "
                "boxes decoded.",
            )
        return True

    @abstractmethod
    def decode(self, outputs: Mapping[str, Array], place: Placement, least: float) -> Candidates:
        """Everything scored `least` or more, before overlapping boxes are merged; NaN is never enough."""

    def prototypes(self, outputs: Mapping[str, Array]) -> Array | None:
        """The M x h x w mask prototypes over the whole input, of a family that has them."""
        return None


def require_shape(name: str, role: str, value: Array, expected: Sequence[int | str]) -> None:
    """Raise ModelRefused unless `value` has the shape; a word means any size of 1 or more."""
    fits = len(value.shape) == len(expected) and all(
        there > 0 if isinstance(wanted, str) else there == wanted
        for there, wanted in zip(value.shape, expected, strict=True)
    )
    if not fits:
        shape = ", ".join(str(size) for size in expected)
        raise ModelRefused(f"{name} gives {role} of shape {list(value.shape)}, its family needs [{shape}].")


def require_fractions(name: str, role: str, values: Array) -> None:
    """Raise ModelRefused unless all values are 0..1: scores after their activation."""
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if low < -_SLACK or high > 1 + _SLACK:
        raise ModelRefused(
            f"{name} gives {role} from {low:.3g} to {high:.3g}, not scores from 0 to 1.",
            hint="Export it with its sigmoid, or name the form of its output in model.toml.",
        )


def most_likely(
    channels: Array, first: int, count: int, least: float, own: Array | None = None
) -> tuple[Array, Array, Array, Array]:
    """(numbers, all channels, scores, classes) of the columns whose best class scores `least` or more.

    The best score of every column comes before its class: thousands of columns, a few of them interesting.

    Args:
        channels: channels x N, of which `count` from `first` on are the scores of the classes.
        own: each class's own threshold, where they differ.
    """
    near = np.flatnonzero(channels[first : first + count].max(axis=0) >= least)
    picked = channels[:, near]
    classes = preferred(picked[first : first + count], own).argmax(axis=0)
    return near, picked, np.minimum(picked[first + classes, np.arange(len(near))], 1), classes


def preferred(scores: Array, own: Array | None) -> Array:
    """Scores classes x N, those that reach their class's own threshold raised above all others."""
    return scores if own is None else scores + 2 * (scores >= own[:, np.newaxis])


def centred(x: Array, y: Array, width: Array, height: Array) -> Array:
    """Boxes by centre and size as N x (x1, y1, x2, y2)."""
    boxes = np.empty((len(x), 4))
    half_width, half_height = width / 2, height / 2
    boxes[:, 0], boxes[:, 2] = x - half_width, x + half_width
    boxes[:, 1], boxes[:, 3] = y - half_height, y + half_height
    return boxes


class ClassNumbers:
    """From the number the file gives to the place of its word in `names`.

    Args:
        numbers: the file's number of each name.
        holes: numbers that are none of them are left out (COCO's have holes); otherwise they are refused, because
            then the names do not belong to the file.
    """

    def __init__(self, manifest: Manifest, numbers: Sequence[int], holes: bool) -> None:
        if len(numbers) != len(manifest.names) or len(set(numbers)) != len(numbers):
            raise ModelRefused(
                f"{manifest.name} has {len(set(numbers))} different class_ids for {len(manifest.names)} names."
            )
        self._name = manifest.name
        self._count = len(numbers)
        self._holes = holes
        self._place = np.full(max(numbers) + 1, -1, dtype=np.intp)
        self._place[list(numbers)] = np.arange(len(numbers))

    @property
    def highest(self) -> int:
        return len(self._place) - 1

    def places(self, numbers: Array) -> Array:
        """The places of rounded numbers in `names`, -1 for those to leave out (NaN is nobody's number).

        Raises:
            ModelRefused: a number that is no name's, of a file without holes.
        """
        whole = np.rint(np.nan_to_num(numbers, nan=-1.0)).astype(np.int64)
        known = (whole >= 0) & (whole <= self.highest)
        places = np.where(known, self._place[np.where(known, whole, 0)], -1)
        wrong = (places < 0) & np.isfinite(numbers)
        if not self._holes and wrong.any():
            strange = int(whole[wrong][0])
            raise ModelRefused(
                f"{self._name} gives the class number {strange}, which is not one of its {self._count} names.",
                hint="Compare names (and class_ids or first_class under [decode]) with what the model was trained on.",
            )
        return places


def channel_places(name: str, count: int, names: Sequence[str], background: int | None) -> Array:
    """The place in `names` of each of `count` channels; -1 for the background.

    `names` may name the background too, or leave it out.

    Raises:
        ModelRefused: neither way the names are as many as the channels.
    """
    if background is not None and background >= count:
        raise ModelRefused(f"{name} has {count} channels, so channel {background} cannot be its background.")
    if count == len(names):
        places = np.arange(count)
        places[[] if background is None else [background]] = -1
        return places
    if background is not None and count == len(names) + 1:
        return np.insert(np.arange(len(names)), background, -1)
    raise ModelRefused(
        f"{name} has {count} class channels and {len(names)} names.",
        hint="Name every channel in order; of one that means nothing say its number: background = 0 under [decode].",
    )
