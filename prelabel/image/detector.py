"""A loaded detector: a picture in, boxes out, with what the family knows besides (turn, keypoints, masks)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, cast

import numpy as np

from prelabel.geometry.detection import Detection
from prelabel.geometry.iou import iou_matrix, probable_iou_matrix, suppress_overlaps
from prelabel.image.centerface import Centerface, free_dims
from prelabel.image.detr import Detr
from prelabel.image.family import MAX_CANDIDATES, Array, Candidates, Decoder
from prelabel.image.labels import detection_labels
from prelabel.image.letterbox import Placement
from prelabel.image.masks import instance_mask
from prelabel.image.network import PictureNetwork
from prelabel.image.ssd import Ssd
from prelabel.image.yolo import Yolo
from prelabel.image.yolox import Yolox
from prelabel.image.yunet import Yunet
from prelabel.media.pictures import Image
from prelabel.models.effective_settings import Settings, package_settings
from prelabel.models.families import DetrDecode, SsdDecode, YoloDecode
from prelabel.models.manifest import Manifest
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import ModelPackage
from wire.labels import Label, Source

DECODERS: dict[str, Callable[[Manifest], Decoder]] = {
    "yolo": lambda manifest: Yolo(manifest, cast(YoloDecode, manifest.decode)),
    "yolox": Yolox,
    "ssd": lambda manifest: Ssd(manifest, cast(SsdDecode, manifest.decode)),
    "detr": lambda manifest: Detr(manifest, cast(DetrDecode, manifest.decode)),
    "yunet": Yunet,
    "centerface": Centerface,
}
# A head's certainty is of the point being there to see; below it the point is not labelled (COCO's v = 0).
_SEEN = 0.5
MAX_COMPLETE = 20_000  # candidates that a strict detector merges


class TooManyCandidates(Exception):
    """A strict detector sees more in one picture than it can merge; whoever asked decides what that means."""


class Detector:
    """A detector of any family; made by `open_detector`. `detect` is for one thread at a time."""

    def __init__(self, network: PictureNetwork, decoder: Decoder, complete: bool = False) -> None:
        self._complete = complete
        self.package = network.package
        self.source: Source = network.package.source
        self.names: tuple[str, ...] = tuple(network.package.manifest.names)
        thresholds = network.package.manifest.thresholds
        self.threshold = thresholds.of
        self._thresholds = np.array([thresholds.of(name) for name in self.names])
        self._least = float(self._thresholds.min())
        self.floor = min(thresholds.floor, self._least)
        self._network = network
        self._decoder = decoder

    def settings_by_source(self) -> dict[Source, Settings]:
        return {self.source: package_settings(self.package)}

    def detect(self, image: Image, least: float | None = None, only: Collection[str] | None = None) -> list[Detection]:
        """What the model sees in a picture H x W x 3 (uint8, BGR), best first.

        Args:
            least: the least score to report; each name's threshold when None. A tracker wants `self.floor`.
            only: the words that count; all of `names` when None.

        Raises:
            ValueError: not a picture of that shape and type.
            PictureTooLarge: more than `pictures.MAX_PIXELS`.
            ModelRefused: the network fails on it, or gives a class that has no name.
            TooManyCandidates: by a strict detector, more than it can merge.
        """
        outputs, place = self._network.run(image, self._decoder.feeds)
        found = self._decoder.decode(outputs, place, self._least if least is None else least)
        if least is None and self.package.manifest.thresholds.scores:
            found = found.take(np.flatnonzero(found.scores >= self._thresholds[found.classes]))
        if only is not None:
            found = found.take(np.isin(found.classes, [at for at, name in enumerate(self.names) if name in only]))
        if self._complete and len(found.scores) > MAX_COMPLETE:
            raise TooManyCandidates(f"{self.package.name} finds {len(found.scores)} candidates in one picture.")
        if not self._complete and len(found.scores) > MAX_CANDIDATES:
            found = found.take(np.argsort(-found.scores, kind="stable")[:MAX_CANDIDATES])
        found, boxes = self._merged(found, place)
        rows = zip(boxes.tolist(), found.classes.tolist(), found.scores.tolist(), strict=True)
        extras = self._extras(found, boxes, place, self._decoder.prototypes(outputs))
        if extras is None:
            return [
                Detection(x1, y1, x2 - x1, y2 - y1, self.names[number], score)
                for (x1, y1, x2, y2), number, score in rows
            ]
        return [
            Detection(row[0], row[1], row[2] - row[0], row[3] - row[1], self.names[number], score, **extra)
            for (row, number, score), extra in zip(rows, extras, strict=True)
        ]

    def strict(self) -> Detector:
        """The same detector, not loaded twice: `detect` leaves nothing out.

        It refuses an answer with NaN, and reports every detection, however many: `maximum` is for labelling.
        """
        return Detector(self._network.strict(), self._decoder, complete=True)

    def labels(self, image: Image) -> list[Label]:
        """What `detect` finds, as labels; raises as it does."""
        return detection_labels(self.detect(image))

    def dry_run(self) -> None:
        """Run a black picture through the network and hold its answer against the manifest.

        Where it finds nothing at all in black, its boxes are judged in dim noise.

        Raises:
            ModelRefused: shapes are not those of the family, classes do not match `names`, values are not finite, or
                boxes cannot be boxes.
        """
        outputs, place = self._network.dry_run(self._decoder.feeds)
        self._decoder.check(outputs, place)
        if not self._decoder.check_boxes(outputs, place):
            noise = np.random.default_rng(1).integers(0, 128, (place.height, place.width, 3), dtype=np.uint8)
            self._decoder.check_boxes(*self._network.run(noise, self._decoder.feeds))

    def _merged(self, found: Candidates, place: Placement) -> tuple[Candidates, Array]:
        """The candidates that stay, best first, and their boxes x1, y1, x2, y2 in pixels of the picture.

        Upright boxes are merged as the model gave them, then cut at the picture's edge; turned ones are not cut, but
        their centre lies inside of it. Boxes without an area there, and those with NaN, are none.
        """
        if found.angles is None:
            shapes = place.to_picture(found.boxes)
            inside = place.cut(shapes)
            # NaN compares false.
            good: Array = (inside[:, 2] > inside[:, 0]) & (inside[:, 3] > inside[:, 1])
        else:
            inside = shapes = place.turned_to_picture(_turned(found.boxes, found.angles))
            within = (shapes[:, :2] >= 0) & (shapes[:, :2] <= np.array((place.width, place.height)))
            good = np.asarray((shapes[:, 2:4] > 0).all(axis=1) & np.isfinite(shapes).all(axis=1) & within.all(axis=1))
        places = np.flatnonzero(good)
        if len(places) < len(good):
            found, shapes = found.take(places), shapes[places]
        kept = self._without_overlaps(found, shapes)
        found, inside = found.take(kept), inside[places[kept]]
        if found.angles is None:
            return found, inside
        half = inside[:, 2:4] / 2
        boxes = np.concatenate([inside[:, :2] - half, inside[:, :2] + half], axis=1)
        return Candidates(found.boxes, found.scores, found.classes, angles=inside[:, 4]), boxes

    def _without_overlaps(self, found: Candidates, shapes: Array) -> Array:
        thresholds = self.package.manifest.thresholds
        maximum = len(found.scores) if self._complete else thresholds.maximum
        if self._decoder.merged:
            return np.argsort(-found.scores, kind="stable")[:maximum]
        overlap = iou_matrix if found.angles is None else probable_iou_matrix
        classes = np.zeros_like(found.classes) if thresholds.agnostic else found.classes
        return suppress_overlaps(shapes, found.scores, classes, thresholds.iou, maximum, overlap)

    def _extras(
        self, found: Candidates, boxes: Array, place: Placement, prototypes: Array | None
    ) -> Sequence[dict[str, Any]] | None:
        """What each detection has besides its box, None when the family knows nothing more."""
        if found.angles is not None:
            return [{"rotation": angle} for angle in np.degrees(found.angles).tolist()]
        if found.keypoints is not None:
            return [{"keypoints": points} for points in _keypoints(found.keypoints, place)]
        if found.coefficients is not None and prototypes is not None:
            return [
                {"mask": instance_mask(prototypes, weights, box, place)}
                for weights, box in zip(found.coefficients, boxes, strict=True)
            ]
        return None


def open_detector(package: ModelPackage, threads: int = 1) -> Detector:
    """Load a detector and try it out.

    Args:
        threads: threads within the network; one leaves the other cores to the recorder.

    Raises:
        ModelRefused: not a detector, does not load, or does not do what its manifest states.
    """
    if package.family not in DECODERS:
        raise ModelRefused(f"{package.name} is a model of family {package.family}, which finds no boxes in pictures.")
    decoder = DECODERS[package.family](package.manifest)
    # The published CenterFace pins its sizes in the file.
    free = free_dims(package.manifest) if package.family == "centerface" else None
    detector = Detector(PictureNetwork(package, threads, free), decoder)
    detector.dry_run()
    return detector


def _turned(boxes: Array, angles: Array) -> Array:
    """Corner boxes and their angles as N x (centre x, centre y, width, height, radians)."""
    centre, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([centre, size, angles[:, np.newaxis].astype(np.float64)], axis=1)


def _keypoints(points: Array, place: Placement) -> list[tuple[tuple[float, float, int], ...]]:
    """N x K x (x, y, certainty) of the input as COCO's (x, y, v) of the picture; (0, 0, 0) is not labelled."""
    places = place.points_to_picture(points[:, :, :2])
    inside = (places >= 0) & (places <= np.array((place.width, place.height)))
    seen = (points[:, :, 2] >= _SEEN) & inside.all(axis=2)
    places = np.where(seen[:, :, np.newaxis], places, 0.0)
    marks = np.where(seen, 2, 0)
    return [
        tuple((x, y, v) for (x, y), v in zip(one, mark, strict=True))
        for one, mark in zip(places.tolist(), marks.tolist(), strict=True)
    ]
