"""Pictures of any size, boxes in them, and where the formulas of each fit say they lie in a network's input.

Written out on its own, from the definitions: nothing here comes from the code under test.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import strategies as st

from prelabel.geometry.detection import Detection
from prelabel.image.detector import Detector, open_detector
from prelabel.models.package import open_model
from tests.prelabel import graphs

Box = tuple[float, float, float, float]
ODD_FRAMES = ((1, 1), (1, 4000), (4000, 1), (31, 17), (640, 640), (1279, 719), (719, 1279), (4000, 3000), (333, 1000))
_fractions = st.floats(0, 1)


@dataclass(frozen=True)
class Way:
    """input place = picture place * (sx, sy) + (left, top)"""

    sx: float
    sy: float
    left: float
    top: float

    def box(self, box: Box) -> Box:
        """x, y, width, height of the picture as x, y, width, height of the input."""
        x, y, width, height = box
        return x * self.sx + self.left, y * self.sy + self.top, width * self.sx, height * self.sy

    def point(self, x: float, y: float) -> tuple[float, float]:
        return x * self.sx + self.left, y * self.sy + self.top


def free_net(width: int, height: int) -> tuple[int, int]:
    """Input of a network of any size: the picture's, 640 at most, up to multiples of 32."""
    ratio = min(1, 640 / max(width, height))
    return tuple(math.ceil(max(1, round(side * ratio)) / 32) * 32 for side in (width, height))  # type: ignore[return-value]


def way(fit: str, width: int, height: int, net_width: int, net_height: int) -> Way:
    """r = min(W/w, H/h) (max for a crop), new size = round(size * r), pads = round(d/2 - .1), by axis."""
    if fit == "stretch":
        return Way(net_width / width, net_height / height, 0, 0)
    if fit == "crop-centre":
        r = max(net_width / width, net_height / height)
        new_width, new_height = max(net_width, round(width * r)), max(net_height, round(height * r))
        left, top = -((new_width - net_width) // 2), -((new_height - net_height) // 2)
        return Way(new_width / width, new_height / height, left, top)
    r = min(net_width / width, net_height / height)
    new_width, new_height = max(1, round(width * r)), max(1, round(height * r))
    if fit == "letterbox-top-left":
        return Way(new_width / width, new_height / height, 0, 0)
    left, top = round((net_width - new_width) / 2 - 0.1), round((net_height - new_height) / 2 - 0.1)
    return Way(new_width / width, new_height / height, left, top)


def frames(least: int = 24, most: int = 2000) -> st.SearchStrategy[tuple[int, int]]:
    """(width, height) of pictures: any, and the sizes that are known for trouble."""
    anything = st.tuples(st.integers(least, most), st.integers(least, most))
    odd = [size for size in ODD_FRAMES if least <= min(size)]
    return anything | st.sampled_from(odd)


@st.composite
def boxes_in(draw: st.DrawFn, width: int, height: int, least: float = 1 / 12, most: float = 0.95) -> Box:
    """A box inside a picture, its sides these shares of the picture's."""
    w = width * draw(st.floats(least, most))
    h = height * draw(st.floats(least, most))
    return (width - w) * draw(_fractions), (height - h) * draw(_fractions), w, h


@st.composite
def boxed_frames(draw: st.DrawFn) -> tuple[int, int, Box]:
    width, height = draw(frames())
    return width, height, draw(boxes_in(width, height))


def picture(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), 90, dtype=np.uint8)


def detector(model: onnx.ModelProto, toml: str) -> Detector:
    with tempfile.TemporaryDirectory() as folder:
        return open_detector(open_model(graphs.save_package(Path(folder) / "planted", model, toml)))


def ends(one: Detection) -> Box:
    return one.x, one.y, one.x + one.width, one.y + one.height


def corners(box: Box) -> Box:
    return box[0], box[1], box[0] + box[2], box[1] + box[3]


def middle(box: Box) -> Box:
    """x, y, width, height as centre x, centre y, width, height."""
    return box[0] + box[2] / 2, box[1] + box[3] / 2, box[2], box[3]


def assert_same(found: list[Detection], box: Box, label: str, score: float) -> None:
    """One detection, within half a pixel of the box at each of its ends."""
    assert [one.label for one in found] == [label]
    assert ends(found[0]) == pytest.approx(corners(box), abs=0.5)
    assert found[0].score == pytest.approx(score, abs=1e-6)


INPUT = '[input]\nsize = [32, 32]\ncolour = "RGB"\nfit = "crop-centre"\nscale = 0.00392156862745098\n'
