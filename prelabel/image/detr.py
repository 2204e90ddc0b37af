"""Detection transformers: RT-DETR and D-FINE (`deploy`), RF-DETR and other raw heads (`logits`). Nothing to merge.

    deploy   boxes [1, N, 4], scores [1, N], labels [1, N]; boxes are fractions, or in the units of a second input
             target_size [1, 2] that holds the size they come back in
    logits   boxes [1, N, 4] as fractions, logits [1, N, channels]; every query and channel is one candidate
    joined   boxes [1, N, 4 + classes], RT-DETR as ultralytics up to 8.4.46 exports it: probabilities beside each box,
             of which the largest counts
    rows     boxes [1, N, 6], RT-DETR as ultralytics from 8.4.47 on exports it: each box, its score and class number

As the size they come back in the input's own is given, so that the one way back from the input serves all fits, and
width and height may be told apart. Sources: lyuwenyu/RT-DETR and Peterande/D-FINE, tools/inference/onnx_inf.py;
roboflow/rf-detr, models/postprocess; ultralytics, models/rtdetr/predict.
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
    preferred,
    require_fractions,
    require_shape,
)
from prelabel.image.letterbox import Placement
from prelabel.models.families import DetrDecode
from prelabel.models.manifest import Manifest
from prelabel.models.onnx_file import ModelRefused

_FLAT = 60.0  # beyond it a sigmoid does not change any more, and exp would overflow


WANTED = {
    "deploy": {"boxes", "scores", "labels"},
    "logits": {"boxes", "logits"},
    "joined": {"boxes"},
    "rows": {"boxes"},
}


class Detr(Decoder):
    """Decoder of family `detr`."""

    merged = True

    def __init__(self, manifest: Manifest, settings: DetrDecode) -> None:
        super().__init__(manifest)
        self._settings = settings
        wanted = WANTED[settings.form]
        if set(manifest.outputs) != wanted:
            words = ", ".join(sorted(wanted))
            raise ModelRefused(f"{manifest.name} of form {settings.form} needs the outputs {words}.")
        asked = "target_size" in manifest.inputs
        if asked != (settings.target is not None) or (settings.unit == "target" and not asked):
            raise ModelRefused(
                f"{manifest.name}: the input target_size, target and unit under [decode] do not fit together.",
                hint='Name the input target_size and say what it holds: target = "width-height" or "height-width".',
            )
        ids = settings.class_ids
        self._words = manifest.names
        self._channels = len(self.names) if ids is None else max(ids) + 1
        self._numbers = ClassNumbers(manifest, range(len(self.names)) if ids is None else ids, holes=ids is not None)

    def feeds(self, place: Placement) -> dict[str, Array]:
        if self._settings.target is None:
            return {}
        size = [place.input_width, place.input_height]
        return {"target_size": np.array([size if self._settings.target == "width-height" else size[::-1]])}

    def check(self, outputs: Mapping[str, Array], place: Placement) -> None:
        if self._settings.form == "joined":
            require_shape(self.name, "boxes", outputs["boxes"], (1, "N", 4 + self._channels))
            require_fractions(self.name, "boxes", outputs["boxes"][:, :, 4:])
            self._refuse_numbers(outputs["boxes"][0, :, 4:])
            return
        if self._settings.form == "rows":
            require_shape(self.name, "boxes", outputs["boxes"], (1, "N", 6))
            rows = outputs["boxes"][0]
            require_fractions(self.name, "scores", rows[:, 4])
            self._numbers.places(rows[rows[:, 4] > 0, 5])
            return
        require_shape(self.name, "boxes", outputs["boxes"], (1, "N", 4))
        count = outputs["boxes"].shape[1]
        if self._settings.form == "deploy":
            require_shape(self.name, "scores", outputs["scores"], (1, count))
            require_shape(self.name, "labels", outputs["labels"], (1, count))
            self._numbers.places(outputs["labels"][0][outputs["scores"][0] > 0])
            require_fractions(self.name, "scores", outputs["scores"])
            return
        require_shape(self.name, "logits", outputs["logits"], (1, count, "classes"))
        channels = outputs["logits"].shape[2]
        if self._settings.class_ids is None and channels != len(self.names):
            raise ModelRefused(
                f"{self.name} gives {channels} classes and has {len(self.names)} names.",
                hint="Name them all, or give class_ids under [decode]: the channel of each name.",
            )
        if self._numbers.highest >= channels:
            raise ModelRefused(f"{self.name} gives {channels} classes; its class_ids go up to {self._numbers.highest}.")

    def _refuse_numbers(self, chances: Array) -> None:
        """Probabilities of two classes look like a score and a class number, but are never whole in every row."""
        numbers = chances[:, 1] if chances.shape[1] == 2 else chances[:0, 0]
        if len(numbers) > 1 and chances[:, 0].any() and np.isin(numbers, (0, 1)).all():
            raise ModelRefused(
                f"{self.name} gives whole numbers as the probability of {self._words[1]}: they are class numbers.",
                hint='Write form = "rows" under [decode] in model.toml.',
            )

    def decode(self, outputs: Mapping[str, Array], place: Placement, least: float) -> Candidates:
        if self._settings.form == "deploy":
            scores = outputs["scores"][0]
            near = np.flatnonzero(scores >= least)
            scores, classes = scores[near], self._numbers.places(outputs["labels"][0][near])
        elif self._settings.form == "rows":
            scores = outputs["boxes"][0, :, 4]
            near = np.flatnonzero(scores >= least)
            scores, classes = scores[near], self._numbers.places(outputs["boxes"][0, near, 5])
        elif self._settings.form == "joined":
            chances = outputs["boxes"][0, :, 4:]
            own = None
            if self.own is not None:
                places = self._numbers.places(np.arange(chances.shape[1]))
                own = np.where(places >= 0, self.own[places], 1.0)
            best = preferred(chances.T, own).argmax(axis=0)
            scores = chances[np.arange(len(best)), best]
            near = np.flatnonzero(scores >= least)
            scores, classes = scores[near], self._numbers.places(best[near])
        else:
            near, scores, classes = self._likely(outputs["logits"][0], least)
        named = classes >= 0
        near, scores, classes = near[named], scores[named], classes[named]
        boxes = outputs["boxes"][0, near, :4].astype(np.float64)
        if self._settings.box == "cxcywh":
            boxes = centred(*boxes.T)
        if self._settings.unit == "normalised":
            boxes = boxes * np.array((place.input_width, place.input_height) * 2)
        return Candidates(boxes, np.minimum(scores, 1), classes)

    def _likely(self, logits: Array, least: float) -> tuple[Array, Array, Array]:
        # The sigmoid rises, so its inverse gives the threshold for logits; only theirs is worked out.
        enough = -np.inf if least <= 0 else np.inf if least >= 1 else np.log(least / (1 - least))
        near, channel = np.nonzero(logits >= enough - 1e-6)
        scores = 1 / (1 + np.exp(-np.clip(logits[near, channel].astype(np.float64), -_FLAT, _FLAT)))
        good = scores >= least
        return near[good], scores[good], self._numbers.places(channel[good])
