"""A box planted in a network's output comes back within half a pixel, whatever the picture's size."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.detection import Detection, open_detector
from prelabel.image.letterbox import input_size, letterbox, stretch
from prelabel.package import open_model
from tests.prelabel import graphs

sides = st.integers(24, 2000)
fractions = st.floats(0, 1)


@st.composite
def boxes_in_pictures(draw: st.DrawFn) -> tuple[int, int, tuple[float, float, float, float]]:
    """Picture width and height, and a box inside of it of a twelfth of the sides or more."""
    width, height = draw(sides), draw(sides)
    w = width * draw(st.floats(1 / 12, 0.95))
    h = height * draw(st.floats(1 / 12, 0.95))
    return width, height, ((width - w) * draw(fractions), (height - h) * draw(fractions), w, h)


def picture(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), 90, dtype=np.uint8)


def detect(model: object, toml: str, image: np.ndarray) -> list[Detection]:
    with tempfile.TemporaryDirectory() as folder:
        package = open_model(graphs.save_package(Path(folder) / "planted", model, toml))
        return open_detector(package).detect(image)


def assert_same(found: list[Detection], box: tuple[float, float, float, float], label: str) -> None:
    assert len(found) == 1
    one = found[0]
    assert one.label == label
    x, y, w, h = box
    ends = (one.x, one.y, one.x + one.width, one.y + one.height)
    assert ends == pytest.approx((x, y, x + w, y + h), abs=0.5)


def letterbox_scales(width: int, height: int, net_width: int, net_height: int) -> tuple[float, float]:
    """How far each axis is really scaled when the picture is fitted in: whole pixels, so not by one ratio."""
    ratio = min(net_width / width, net_height / height)
    return max(1, round(width * ratio)) / width, max(1, round(height * ratio)) / height


@settings(max_examples=60, deadline=None)
@given(boxes_in_pictures(), st.integers(1, 20), st.integers(1, 20), st.sampled_from((8, 16, 32)))
def test_yolox_boxes_come_back(case: tuple, rows: int, columns: int, stride: int) -> None:
    width, height, box = case
    net_height, net_width = rows * 32, columns * 32
    sx, sy = letterbox_scales(width, height, net_width, net_height)
    planted = graphs.yolox_rows(net_height, net_width, 3)
    inside = (box[0] * sx, box[1] * sy, box[2] * sx, box[3] * sy)
    graphs.plant_yolox(planted, net_height, net_width, stride, inside, 2)
    toml = graphs.manifest("yolox", *graphs.YOLOX_IO, ["person", "cup", "chair"])
    found = detect(graphs.yolox(net_height, net_width, planted), toml, picture(width, height))
    assert_same(found, box, "chair")
    assert found[0].score == pytest.approx(0.81)


@settings(max_examples=40, deadline=None)
@given(boxes_in_pictures(), st.sampled_from((8, 16, 32)))
def test_yunet_boxes_come_back(case: tuple, stride: int) -> None:
    width, height, box = case
    net_width, net_height = (-(-max(1, round(side * min(1, 640 / max(width, height)))) // 32) * 32
                             for side in (width, height))  # fmt: skip
    sx, sy = letterbox_scales(width, height, net_width, net_height)
    maps = graphs.yunet_maps()
    graphs.plant_yunet(maps, stride, (box[0] * sx, box[1] * sy, box[2] * sx, box[3] * sy))
    toml = graphs.manifest("yunet", *graphs.YUNET_IO, ["face"])
    found = detect(graphs.yunet(maps), toml, picture(width, height))
    assert_same(found, box, "face")
    assert found[0].score == pytest.approx(0.9)


@settings(max_examples=40, deadline=None)
@given(boxes_in_pictures())
def test_centerface_boxes_come_back(case: tuple) -> None:
    width, height, box = case
    net_width, net_height = (-(-max(1, round(side * min(1, 640 / max(width, height)))) // 32) * 32
                             for side in (width, height))  # fmt: skip
    sx, sy = net_width / width, net_height / height
    maps = graphs.centerface_maps()
    graphs.plant_centerface(maps, (box[0] * sx, box[1] * sy, box[2] * sx, box[3] * sy))
    toml = graphs.manifest("centerface", *graphs.CENTERFACE_IO, ["face"])
    assert_same(detect(graphs.centerface(maps), toml, picture(width, height)), box, "face")


@settings(max_examples=60, deadline=None)
@given(st.integers(40, 700), st.integers(40, 700), st.integers(2, 20), st.integers(2, 20), st.booleans())
def test_the_picture_lies_where_the_placement_says(
    width: int, height: int, rows: int, columns: int, kept: bool
) -> None:
    """A picture whose brightness tells its column (then its row): the input's cells show where they came from."""
    net_height, net_width = rows * 32, columns * 32
    for axis, side in ((1, width), (0, height)):
        ramp = (np.arange(side) + 0.5) / side * 255
        image = np.zeros((height, width, 3))
        image += ramp[np.newaxis, :, np.newaxis] if axis == 1 else ramp[:, np.newaxis, np.newaxis]
        draw = letterbox if kept else stretch
        arguments = (net_height, net_width, 114) if kept else (net_height, net_width)
        canvas, placement = draw(np.rint(image).astype(np.uint8), *arguments)
        scale = placement.scale_x if axis == 1 else placement.scale_y
        cells = np.arange(1, round(side * scale) - 1)
        cells = cells[((cells + 0.5) / scale > 1) & ((cells + 0.5) / scale < side - 1)]
        line = canvas[0, cells, 0] if axis == 1 else canvas[cells, 0, 0]
        expected = (cells + 0.5) / scale / side * 255
        assert np.abs(line - expected).max(initial=0) <= 1.5


def test_the_rest_of_the_input_is_padding() -> None:
    canvas, placement = letterbox(picture(200, 100), 320, 320, 114)
    assert (canvas[:160] == 90).all()
    assert (canvas[160:] == 114).all()
    assert (placement.scale_x, placement.scale_y) == (1.6, 1.6)


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(640, 360, (384, 640)), (1280, 720, (384, 640)), (33, 31, (32, 64)), (1, 1, (32, 32)), (4000, 10, (32, 640))],
)
def test_input_size(width: int, height: int, expected: tuple[int, int]) -> None:
    assert input_size(picture(width, height), 32, 640) == expected


def test_boxes_in_the_padding_are_no_detections() -> None:
    rows = graphs.yolox_rows(320, 320, 1)
    graphs.plant_yolox(rows, 320, 320, 8, (100, 200, 40, 40), 0)  # below a picture of 320 x 160
    graphs.plant_yolox(rows, 320, 320, 8, (100, 140, 40, 40), 0)  # half below it: cut at its edge
    toml = graphs.manifest("yolox", *graphs.YOLOX_IO, ["person"])
    (one,) = detect(graphs.yolox(320, 320, rows), toml, picture(320, 160))
    assert (one.y, one.height) == pytest.approx((140, 20), abs=1e-3)
