"""YOLO heads: v5 and v7 (`anchor`), v8, 11, 12, 26 as exported raw (`anchor-free`), v10 and 26 end to end (`end2end`).

    anchor       [1, N, 5 + classes + extra]     rows; score = objectness * class
    anchor-free  [1, 4 + classes + extra, N]     channels; a class score is the score
    end2end      [1, N, 6 + extra]               x1, y1, x2, y2, score, class; merged in the file

Boxes are centre x, centre y, width, height in pixels of the input (end2end: corners, but centre and size where boxes
are turned). Extra: as many mask coefficients as there are prototypes; K keypoints of x, y and perhaps a certainty; an
angle in radians, clockwise. Scores and certainties are sigmoid already. The manifest states which head it is, never the
model's name. Source: ultralytics, nn/modules/head.py and utils/nms.py (read for the meaning of the tensors).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from prelabel.image.family import (
    Array,
    Candidates,
    ClassNumbers,
    Decoder,
    centred,
    most_likely,
    require_fractions,
    require_shape,
)
from prelabel.image.letterbox import Placement
from prelabel.models.families import YoloDecode
from prelabel.models.manifest import Manifest
from prelabel.models.onnx_file import ModelRefused


class Yolo(Decoder):
    """Decoder of family `yolo`."""

    least_with_area = 0.1  # distances to the edges without an activation may be below 0 where nothing is

    def __init__(self, manifest: Manifest, settings: YoloDecode) -> None:
        super().__init__(manifest)
        self._settings = settings
        self._classes = len(manifest.names)
        self._numbers = ClassNumbers(manifest, range(self._classes), holes=False)
        self.merged = settings.head == "end2end"
        if settings.task == "pose" and settings.keypoints is None:
            raise ModelRefused(
                f"{manifest.name} finds keypoints, but nothing says how many.",
                hint="Add keypoints = [17, 3] (how many, numbers each) under [decode].",
            )
        if (settings.task == "segment") != ("prototypes" in manifest.outputs):
            word = "needs" if settings.task == "segment" else "has no use for"
            raise ModelRefused(f"{manifest.name} of task {settings.task} {word} an output prototypes.")

    def check(self, outputs: Mapping[str, Array], place: Placement) -> None:
        values = outputs["predictions"]
        extra = self._extra(outputs)
        if self._settings.task == "segment":
            require_shape(self.name, "prototypes", outputs["prototypes"], (1, "masks", "h", "w"))
        head = self._settings.head
        if head == "end2end":
            require_shape(self.name, "predictions", values, (1, "N", 6 + extra))
            rows = values[0]
            require_fractions(self.name, "scores", rows[:, 4])
            # Rows without an object may be filled up with anything.
            self._numbers.places(rows[rows[:, 4] > 0, 5])
        elif head == "anchor":
            require_shape(self.name, "predictions", values, (1, "N", 5 + self._classes + extra))
            require_fractions(self.name, "scores", values[0, :, 4 : 5 + self._classes])
        else:
            require_shape(self.name, "predictions", values, (1, 4 + self._classes + extra, "N"))
            require_fractions(self.name, "scores", values[0, 4 : 4 + self._classes])

    def decode(self, outputs: Mapping[str, Array], place: Placement, least: float) -> Candidates:
        values = outputs["predictions"][0]
        head = self._settings.head
        if head == "end2end":
            return self._finished(values, least)
        first = 4
        if head == "anchor":
            # A class score is 1 at most, so the objectness alone rules out nearly all rows.
            rows = values[values[:, 4] >= least]
            rows[:, 5 : 5 + self._classes] *= rows[:, 4:5]
            values, first = rows.T, 5
        _, rows, scores, classes = most_likely(values, first, self._classes, least, self.own)
        return self._with_extra(centred(*rows[:4]), scores, classes, rows[first + self._classes :].T)

    def prototypes(self, outputs: Mapping[str, Array]) -> Array | None:
        return outputs["prototypes"][0] if self._settings.task == "segment" else None

    def _finished(self, values: Array, least: float) -> Candidates:
        rows = values[values[:, 4] >= least]
        classes = self._numbers.places(rows[:, 5])
        rows, classes = rows[classes >= 0], classes[classes >= 0]
        corners = self._settings.task != "obb"
        boxes = rows[:, :4].astype(np.float64) if corners else centred(*rows.T[:4])
        return self._with_extra(boxes, np.minimum(rows[:, 4], 1), classes, rows[:, 6:])

    def _with_extra(self, boxes: Array, scores: Array, classes: Array, extra: Array) -> Candidates:
        task = self._settings.task
        return Candidates(
            boxes,
            scores,
            classes,
            angles=extra[:, 0] if task == "obb" else None,
            keypoints=self._keypoints(extra) if task == "pose" else None,
            coefficients=extra if task == "segment" else None,
        )

    def _keypoints(self, extra: Array) -> Array:
        assert self._settings.keypoints is not None, "the constructor refuses a pose model without"
        points = extra.reshape(len(extra), *self._settings.keypoints)
        if points.shape[2] == 3:
            return points
        # A head without certainties was trained on points that are all seen.
        return np.concatenate([points, np.ones_like(points[:, :, :1])], axis=2)

    def _extra(self, outputs: Mapping[str, Array]) -> int:
        task = self._settings.task
        if task == "segment":
            return outputs["prototypes"].shape[1] if outputs["prototypes"].ndim > 1 else 0
        if task == "pose" and self._settings.keypoints is not None:
            return self._settings.keypoints[0] * self._settings.keypoints[1]
        return 1 if task == "obb" else 0
