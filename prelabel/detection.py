"""A loaded image model: a picture in, detections out."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from prelabel.boxes import Detection
from prelabel.image.centerface import Centerface, free_dims
from prelabel.image.family import Decoder
from prelabel.image.letterbox import Image
from prelabel.image.nms import keep_best
from prelabel.image.yolox import Yolox
from prelabel.image.yunet import Yunet
from prelabel.manifest import Manifest
from prelabel.package import ModelPackage
from prelabel.runtime import ModelRefused, Session, check_finite, load
from wire.labels import Source

DECODERS: dict[str, Callable[[Manifest, tuple[int, int] | None], Decoder]] = {
    "yolox": Yolox,
    "yunet": Yunet,
    "centerface": Centerface,
}
__all__ = ["Detection", "Detector", "open_detector"]
_TRIAL_HEIGHT, _TRIAL_WIDTH = 360, 640


class Detector:
    """An image model of any family; made by `open_detector`. `detect` is for one thread at a time."""

    def __init__(self, package: ModelPackage, session: Session, decoder: Decoder) -> None:
        self.package = package
        self.source: Source = package.source
        self.names: tuple[str, ...] = tuple(package.manifest.names)
        self.score = package.manifest.thresholds.score
        self.floor = package.manifest.thresholds.floor
        self._session = session
        self._decoder = decoder
        self._wanted = sorted(package.manifest.outputs.values())

    def detect(self, image: Image, least: float | None = None, only: Collection[str] | None = None) -> list[Detection]:
        """What the model sees in a picture H x W x 3 (uint8, BGR), best first.

        Args:
            least: the least score to report; the manifest's `score` when None. A tracker wants `self.floor`.
            only: the words that count; all of `names` when None.

        Raises:
            ValueError: not a picture of that shape and type.
            ModelRefused: the network fails on it.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(f"a picture is H x W x 3 of uint8, not {image.shape} of {image.dtype}")
        thresholds = self.package.manifest.thresholds
        least = thresholds.score if least is None else least
        tensor, placement = self._decoder.prepare(image)
        height, width = tensor.shape[2:]
        found = self._decoder.decode(self._run(tensor), height, width, least)
        boxes = placement.to_picture(found.boxes)
        good = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        if only is not None:
            good &= np.isin(found.classes, [number for number, name in enumerate(self.names) if name in only])
        inside = np.flatnonzero(good)
        boxes, scores, classes = boxes[inside], found.scores[inside], found.classes[inside]
        kept = keep_best(boxes, scores, classes, thresholds.iou, thresholds.maximum)
        return [
            Detection(x1, y1, x2 - x1, y2 - y1, self.names[number], score)
            for (x1, y1, x2, y2), number, score in zip(
                boxes[kept].tolist(), classes[kept].tolist(), scores[kept].tolist(), strict=True
            )
        ]

    def try_out(self) -> None:
        """Run a black picture through the network and hold its answer against the manifest.

        Raises:
            ModelRefused: shapes are not those of the family, classes do not match `names`, values are not finite.
        """
        tensor, _ = self._decoder.prepare(np.zeros((_TRIAL_HEIGHT, _TRIAL_WIDTH, 3), dtype=np.uint8))
        outputs = self._run(tensor)
        height, width = tensor.shape[2:]
        self._decoder.check(outputs, height, width)
        check_finite(self.package.name, outputs)

    def _run(self, tensor: Image) -> dict[str, Image]:
        manifest = self.package.manifest
        values = self._session.run({manifest.inputs["image"]: tensor}, self._wanted)
        return {role: values[name] for role, name in manifest.outputs.items()}


def open_detector(package: ModelPackage, threads: int = 1) -> Detector:
    """Load an image model and try it out.

    Args:
        threads: threads within the network; one leaves the other cores to the recorder.

    Raises:
        ModelRefused: not an image model, does not load, or does not do what its manifest says.
    """
    manifest = package.manifest
    if package.family not in DECODERS:
        raise ModelRefused(f"{package.name} is a model of family {package.family}, which finds nothing in pictures.")
    # The published CenterFace pins its sizes in the file.
    free = free_dims(manifest) if package.family == "centerface" else None
    session = load(package.path, package.name, threads, free)
    session.require(manifest.inputs, manifest.outputs)
    decoder = DECODERS[package.family](manifest, _fixed_size(session, manifest))
    detector = Detector(package, session, decoder)
    detector.try_out()
    return detector


def _fixed_size(session: Session, manifest: Manifest) -> tuple[int, int] | None:
    """(height, width) that the file or the manifest fixes. Raises ModelRefused when the two differ."""
    shape = session.inputs[manifest.inputs["image"]].shape
    if len(shape) != 4 or shape[1] not in (3, None):
        raise ModelRefused(f"{manifest.name} takes {list(shape)}, not a picture of three channels [N, 3, H, W].")
    height, width = shape[2:]
    declared = (height, width) if height is not None and width is not None else None
    if declared and manifest.input.size and declared != manifest.input.size:
        raise ModelRefused(
            f"{manifest.name} takes pictures of {list(declared)}, its model.toml says {list(manifest.input.size)}."
        )
    return declared or manifest.input.size
