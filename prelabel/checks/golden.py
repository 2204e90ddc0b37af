"""The golden sample: what a model must find in a picture or sound that its package names.

It is run when a model is installed and whenever it is checked: wrong preprocessing, a wrong head or a processor that
computes otherwise show here, while every tensor has the right shape.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from prelabel.checks.any_model import AnyModel
from prelabel.checks.samples import SampleSound, read_sample
from prelabel.geometry.rle import decode
from prelabel.media.pictures import Image
from prelabel.models.catalogue import CacheUnwritable, ModelUnavailable
from prelabel.models.download import Progress
from prelabel.models.manifest import Thresholds
from wire.errors import GleanerError
from wire.labels import Box, Choice, Interval, Keypoints, Label, Mask, Polygon, Text

MIN_IOU = 0.8
SCORE = 0.1
TIME_US = 50_000
TURN_DEGREES = 5.0
POINT = 0.05  # of the diagonal of a figure's box
_SHOWN = 4


class GoldenFailed(GleanerError):
    """A model does not find in its golden sample what its package expects. `facts` has `sample`, `expected`, `got`."""

    code = "model-golden-failed"
    status = 422
    hint = "Look at colour, fit, scale, mean and std under [input], and at [decode]; then at the order of the names."


def check_golden(model: AnyModel, progress: Progress | None = None) -> list[Label] | None:
    """Run the golden sample of a loaded model: what was found; None when its package names no sample.

    Raises:
        GoldenFailed: it finds something else.
        ManifestInvalid: the manifest names a sample there is not, or one of the wrong kind.
        ModelUnavailable and others of the catalogue: the sample is a picture that cannot be fetched.
    """
    manifest = model.package.manifest
    if manifest.golden is None:
        return None
    sample = read_sample(manifest.golden.sample, manifest.name, progress)
    expected = manifest.golden.labels()
    got = found_in(model, sample)
    complaints = compare(expected, got, manifest.thresholds)
    if complaints:
        name = manifest.golden.sample if len(manifest.golden.sample) < 40 else "of its manifest"
        raise GoldenFailed(
            f"{manifest.name} fails on its golden sample {name}: {'; '.join(complaints[:_SHOWN])}.",
            sample=name,
            expected=[summary(one) for one in expected],
            got=[summary(one) for one in got],
        )
    return got


def golden_or_why(model: AnyModel) -> tuple[list[Label] | None, str | None]:
    """`check_golden`, and a sentence instead where its sample is a picture that cannot be had here.

    Raises:
        GoldenFailed, ManifestInvalid: as `check_golden`.
    """
    try:
        return check_golden(model), None
    except (ModelUnavailable, CacheUnwritable) as error:
        return None, f"its golden sample was NOT run: {error}"


def found_in(model: AnyModel, sample: Image | SampleSound) -> list[Label]:
    """What a model finds in a sample. Raises GoldenFailed for a sound before a model of pictures and the like."""
    try:
        return model.labels(sample)
    except ValueError as error:
        raise GoldenFailed(
            f"The golden sample of {model.package.name} is of the wrong kind: {error}.", hint="Name another sample."
        ) from error


def compare(expected: Sequence[Label], got: Sequence[Label], thresholds: Thresholds) -> list[str]:
    """What differs, each as part of a sentence; nothing when the answer is as good as the expected one.

    Boxes, polygons and masks overlap by `MIN_IOU`, times differ by `TIME_US` at most, scores by `SCORE`; text and
    choices are equal. What lies within `SCORE` of its threshold may be found or not.
    """
    left = list(got)
    complaints = []
    for one in expected:
        best = max(left, key=lambda other: _likeness(one, other), default=None)
        if best is not None and _likeness(one, best) > 0 and not (why := _unlike(one, best)):
            left.remove(best)
        elif _certain(one, thresholds):
            complaints.append(
                f"expected {summary(one)}, got {summary(best)}{why}"
                if best is not None and _likeness(one, best) > 0
                else f"expected {summary(one)}, got nothing like it"
            )
            if best is not None and _likeness(one, best) > 0:
                left.remove(best)
    return complaints + [f"got {summary(one)}, which was not expected" for one in left if _certain(one, thresholds)]


def summary(label: Label) -> str:
    """A label in a few words."""
    score = "" if label.score is None else f" {label.score:.2f}"
    words = f"{label.kind} {label.label}{score}"
    if isinstance(label, Box):
        return f"{words} at {label.x:.0f}, {label.y:.0f} of {label.width:.0f} x {label.height:.0f}"
    if isinstance(label, Interval):
        said = "" if label.text is None else f" {label.text!r}"
        return f"{words}{said} from {label.start_us / 1e6:.2f} to {label.end_us / 1e6:.2f} s"
    if isinstance(label, Text):
        return f"{words} {label.text!r}"
    if isinstance(label, Polygon | Keypoints):
        x, y, right, bottom = _bounds(label)
        return f"{words} within {x:.0f}, {y:.0f} and {right:.0f}, {bottom:.0f}"
    return words


def _certain(label: Label, thresholds: Thresholds) -> bool:
    return label.score is None or label.score >= thresholds.of(label.label) + SCORE


def _likeness(one: Label, other: Label) -> float:
    """How much two labels may be of one thing, 0 for not at all."""
    if one.kind != other.kind or one.label != other.label:
        return 0.0
    if isinstance(one, Interval) and isinstance(other, Interval):
        shared = min(one.end_us, other.end_us) - max(one.start_us, other.start_us)
        return max(0.0, shared / (max(one.end_us, other.end_us) - min(one.start_us, other.start_us)))
    if isinstance(one, Text) and isinstance(other, Text):
        return 2.0 if one.text == other.text else 1.0
    if isinstance(one, Choice):
        return 1.0
    return _overlap(one, other)


def _unlike(one: Label, other: Label) -> str:
    """Why two labels of one thing are not the same, empty when they are."""
    if one.score is not None and other.score is not None and abs(one.score - other.score) > SCORE:
        return ", another score"
    if isinstance(one, Interval) and isinstance(other, Interval):
        if max(abs(one.start_us - other.start_us), abs(one.end_us - other.end_us)) > TIME_US:
            return ", another time"
        return ", another text" if one.text is not None and one.text != other.text else ""
    if isinstance(one, Text) and isinstance(other, Text):
        return "" if one.text == other.text else ", another text"
    if isinstance(one, Choice):
        return ""
    if isinstance(one, Keypoints) and isinstance(other, Keypoints):
        return "" if _near(one, other) else ", other points"
    if isinstance(one, Box) and isinstance(other, Box) and abs(_turn(one, other)) > TURN_DEGREES:
        return ", another rotation"
    overlap = _overlap(one, other)
    return "" if overlap >= MIN_IOU else f", which overlap by {overlap:.2f} only"


def _turn(one: Box, other: Box) -> float:
    """Degrees between two rotations; a rectangle turned by half looks the same."""
    return ((one.rotation or 0.0) - (other.rotation or 0.0) + 90) % 180 - 90


def _overlap(one: Label, other: Label) -> float:
    if isinstance(one, Polygon) and isinstance(other, Polygon) and one.kind == "polygon":
        first, second = (np.array(row.points, dtype=np.float32) for row in (one, other))
        shared = cv2.intersectConvexConvex(cv2.convexHull(first), cv2.convexHull(second))[0]
        return _ratio(shared, cv2.contourArea(first), cv2.contourArea(second))
    if isinstance(one, Mask) and isinstance(other, Mask):
        if one.rle.size != other.rle.size:
            return 0.0
        drawn, there = decode(one.rle), decode(other.rle)
        return _ratio(float((drawn & there).sum()), float(drawn.sum()), float(there.sum()))
    a, b = _bounds(one), _bounds(other)
    size = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    return _ratio(float(size.prod()), float((a[2:] - a[:2]).prod()), float((b[2:] - b[:2]).prod()))


def _ratio(shared: float, first: float, second: float) -> float:
    whole = first + second - shared
    return shared / whole if whole > 0 else 0.0


def _near(one: Keypoints, other: Keypoints) -> bool:
    if len(one.points) != len(other.points):
        return False
    first, second = np.array(one.points), np.array(other.points)
    seen = (first[:, 2] > 0) & (second[:, 2] > 0)
    bounds = _bounds(one)
    allowed = POINT * float(np.hypot(*(bounds[2:] - bounds[:2])))
    return bool((first[:, 2] == second[:, 2]).all()) and bool(
        (np.hypot(*(first[seen, :2] - second[seen, :2]).T) <= allowed).all()
    )


def _bounds(label: Label) -> NDArray[np.float64]:
    """x, y, right, bottom of what has a place in a picture."""
    if isinstance(label, Box):
        return np.array([label.x, label.y, label.x + label.width, label.y + label.height])
    if isinstance(label, Polygon):
        points = np.array(label.points)
    elif isinstance(label, Keypoints):
        points = np.array([(x, y) for x, y, seen in label.points if seen] or [(0.0, 0.0)])
    else:
        return np.zeros(4)
    return np.concatenate([points.min(axis=0), points.max(axis=0)])
