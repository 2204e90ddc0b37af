"""SSD: TensorFlow's object detection (`detections`, merged in the file) and priors already decoded (`candidates`).

    detections   boxes [1, N, 4], scores [1, N], classes [1, N] (any numbers), perhaps count [1]; torchvision's have no
                 first axis, and N may be 0
    candidates   boxes [1, N, 4], scores [1, N, channels], of which one may be the background

Boxes are fractions or pixels of the input, y1, x1, y2, x2 or x1, y1, x2, y2. Sources: TensorFlow models,
object_detection/exporter_lib_v2.py; Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from prelabel.image.family import (
    Array,
    Candidates,
    ClassNumbers,
    Decoder,
    channel_places,
    most_likely,
    require_fractions,
    require_shape,
)
from prelabel.image.letterbox import Placement
from prelabel.models.families import SsdDecode
from prelabel.models.manifest import Manifest
from prelabel.models.onnx_file import ModelRefused


class Ssd(Decoder):
    """Decoder of family `ssd`."""

    def __init__(self, manifest: Manifest, settings: SsdDecode) -> None:
        super().__init__(manifest)
        self._settings = settings
        self.merged = settings.form == "detections"
        if self.merged and "classes" not in manifest.outputs:
            raise ModelRefused(f"{manifest.name} gives merged detections and needs an output classes.")
        ids = settings.class_ids
        numbers = range(settings.first_class, settings.first_class + len(self.names)) if ids is None else ids
        self._numbers = ClassNumbers(manifest, numbers, holes=ids is not None)

    def check(self, outputs: Mapping[str, Array], place: Placement) -> None:
        outputs = _batched(outputs)
        boxes = outputs["boxes"]
        count = boxes.shape[1] if boxes.ndim > 1 else 0
        require_shape(self.name, "boxes", boxes, (1, count if self.merged else "N", 4))
        require_shape(self.name, "scores", outputs["scores"], (1, count) if self.merged else (1, count, "classes"))
        require_fractions(self.name, "scores", outputs["scores"])
        if self.merged:
            require_shape(self.name, "classes", outputs["classes"], (1, count))
            self._numbers.places(outputs["classes"][0][outputs["scores"][0] > 0])
        else:
            self._channels(outputs["scores"])

    def decode(self, outputs: Mapping[str, Array], place: Placement, least: float) -> Candidates:
        outputs = _batched(outputs)
        rows = outputs["scores"][0]
        if self.merged:
            there = len(rows) if "count" not in outputs else int(np.nan_to_num(outputs["count"].ravel()[0]))
            near = np.flatnonzero(rows[: max(there, 0)] >= least)
            classes = self._numbers.places(outputs["classes"][0][near])
            near, classes = near[classes >= 0], classes[classes >= 0]
            scores = np.minimum(rows[near], 1)
        else:
            places = self._channels(outputs["scores"])
            channels = np.flatnonzero(places >= 0)
            own = None if self.own is None else self.own[places[channels]]
            near, _, scores, classes = most_likely(rows.T[channels], 0, len(channels), least, own)
            classes = places[channels][classes]
        boxes = outputs["boxes"][0][near].astype(np.float64)
        if self._settings.box == "yxyx":
            boxes = boxes[:, (1, 0, 3, 2)]
        if self._settings.unit == "normalised":
            boxes = boxes * np.array((place.input_width, place.input_height) * 2)
        return Candidates(boxes, scores, classes)

    def _channels(self, scores: Array) -> Array:
        return channel_places(self.name, scores.shape[2], self.names, self._settings.background)


def _batched(outputs: Mapping[str, Array]) -> Mapping[str, Array]:
    """The outputs of one picture with the axis of the pictures before them, where the file leaves it out."""
    if outputs["boxes"].ndim != 2:
        return outputs
    return {role: value if role == "count" else value[np.newaxis] for role, value in outputs.items()}
