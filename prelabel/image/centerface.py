"""CenterFace: faces, RGB 0..255, the picture stretched to multiples of 32.

Heatmap, scale and offset at a quarter of the input: size = exp(scale) * 4, centre = (cell + offset + 0.5) * 4,
first channel y, second x. Source: Star-Clouds/CenterFace, and deface/centerface.py of ORB-HD/deface.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from prelabel.image.family import Array, Candidates, Decoder, centred, require_shape
from prelabel.image.letterbox import Placement
from prelabel.models.manifest import Manifest
from prelabel.models.onnx_file import Dims

STRIDE = 4
_LARGEST = 20.0  # exp of more is no size, only an overflow


class Centerface(Decoder):
    """Decoder of family `centerface`."""

    def check(self, outputs: Mapping[str, Array], place: Placement) -> None:
        height, width = place.input_height // STRIDE, place.input_width // STRIDE
        for role, channels in (("heatmap", 1), ("scale", 2), ("offset", 2)):
            require_shape(self.name, role, outputs[role], (1, channels, height, width))

    def decode(self, outputs: Mapping[str, Array], place: Placement, least: float) -> Candidates:
        heatmap = outputs["heatmap"][0, 0]
        row, column = np.nonzero(heatmap >= least)
        size_y, size_x = np.exp(np.minimum(outputs["scale"][0][:, row, column], _LARGEST)) * STRIDE
        offset_y, offset_x = outputs["offset"][0][:, row, column]
        boxes = centred((column + offset_x + 0.5) * STRIDE, (row + offset_y + 0.5) * STRIDE, size_x, size_y)
        scores = np.clip(heatmap[row, column], 0, 1)
        return Candidates(boxes, scores, np.zeros(len(row), dtype=np.intp))


def free_dims(manifest: Manifest) -> dict[str, Dims]:
    """The tensors of a CenterFace file with free height and width.

    The published export declares 10 x 3 x 32 x 32, though the network is convolutional throughout: onnxruntime
    refuses every other picture until the declaration is changed.
    """
    channels = {"heatmap": 1, "scale": 2, "offset": 2}
    outputs: dict[str, Dims] = {
        manifest.outputs[role]: (1, count, "rows", "columns") for role, count in channels.items()
    }
    return {manifest.inputs["image"]: (1, 3, "height", "width"), **outputs}
