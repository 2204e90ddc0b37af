"""Text areas: planted rectangles come back grown by DB's formula, at every frame size."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prelabel.models.families import OcrDecode
from prelabel.models.onnx_file import ModelRefused
from prelabel.text.detection import TextDetector, ordered, rectangles_of
from tests.prelabel.text import planted

DECODE = OcrDecode(part="detection")


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> TextDetector:
    """Finds what is bright in the blue channel; binarised in the middle, so that edges stay where they are drawn."""
    folder = tmp_path_factory.mktemp("detection")
    extra = "binarise = 0.5\n[input]\nmax_side = 1280"
    return TextDetector(planted.package(folder, planted.detection(), "detection", extra))


def rectangle(x: float, y: float, width: float, height: float) -> np.ndarray:
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])


# ---------------------------------------------------------------- the picture goes in and comes back
MAP = np.zeros((1280, 1280), dtype=np.float32)
SPOTS = [(8, 16, 40, 12), (100, 20, 18, 90), (200, 40, 33, 33), (300, 8, 160, 24)]
for _x, _y, _w, _h in SPOTS:
    MAP[_y : _y + _h, _x : _x + _w] = 0.9


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> TextDetector:
    """Finds SPOTS in the map whatever the picture."""
    folder = tmp_path_factory.mktemp("mapped")
    return TextDetector(planted.package(folder, planted.planted_map(MAP), "detection", "[input]\nmax_side = 1280"))


@settings(max_examples=80, deadline=None)
@given(height=st.integers(31, 3000), width=st.integers(31, 3000))
@example(height=720, width=1280)
@example(height=1499, width=733)
@example(height=480, width=640)
@example(height=3000, width=4000)
def test_planted_rectangles_come_back_at_every_frame_size(mapped: TextDetector, height: int, width: int) -> None:
    if max(height, width) > 8 * min(height, width):
        return
    ratio = min(max(1, 736 / min(height, width)), 1280 / max(height, width))
    rows, columns = (max(1, round(int(side * ratio) / 32)) * 32 for side in (height, width))
    expected = []
    for x, y, w, h in SPOTS:
        w, h = min(x + w, columns) - x, min(y + h, rows) - y
        grow = w * h * 1.6 / (2 * (w + h))
        if min(w, h) >= 3:
            corners = rectangle(x - grow, y - grow, w + 2 * grow, h + 2 * grow) * (width / columns, height / rows)
            corners = np.clip(corners, 0, (width, height))
            if np.ptp(corners, axis=0).min() > 3:
                expected.append(corners)
    found = sorted(one.points.tolist() for one in mapped.find(np.zeros((height, width, 3), dtype=np.uint8)))
    assert len(found) == len(expected)
    for one, corners in zip(found, sorted(corners.tolist() for corners in expected), strict=True):
        assert np.array(one) == pytest.approx(np.array(corners), abs=0.01)


@pytest.mark.parametrize("size", [(720, 1280), (1499, 733), (480, 640), (240, 320), (3000, 4000), (737, 1279)])
def test_what_is_bright_is_found_where_it_is(detector: TextDetector, size: tuple[int, int]) -> None:
    height, width = size
    left, top, w, h = width // 4, height // 3, width // 2, height // 12
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    picture[top : top + h, left : left + w, 0] = 255
    (found,) = detector.find(picture)
    ratio = min(max(1, 736 / min(size)), 1280 / max(size))
    along, down = (round(int(side * ratio) / 32) * 32 / side for side in (width, height))
    grow = w * along * h * down * 1.6 / (2 * (w * along + h * down))
    corners = rectangle(left - grow / along, top - grow / down, w + 2 * grow / along, h + 2 * grow / down)
    # A map has whole pixels, half a one off at each edge, and the growth follows the lower side.
    assert np.abs((found.points - corners) * (along, down)).max() < 1.3
    assert found.score > 0.8


@pytest.mark.parametrize("angle", [0, 7, -20, 40, 75])
def test_a_turned_rectangle_comes_back(detector: TextDetector, angle: float) -> None:
    picture = np.zeros((736, 1280, 3), dtype=np.uint8)
    column, row = np.meshgrid(np.arange(1280) + 0.5 - 640, np.arange(736) + 0.5 - 360)
    turn = np.deg2rad(angle)
    along, down = column * np.cos(turn) + row * np.sin(turn), row * np.cos(turn) - column * np.sin(turn)
    picture[(np.abs(along) <= 150) & (np.abs(down) <= 30), 0] = 255
    (found,) = detector.find(picture)
    grow = 300 * 60 * 1.6 / (300 + 60)
    want = cv2.boxPoints(((640, 360), (300 + grow, 60 + grow), angle))
    apart = np.linalg.norm(found.points[:, np.newaxis] - want[np.newaxis], axis=2).min(axis=1)
    assert apart.max() < 2.5
    # Clockwise, and the first corner is the upper one of the two left ones.
    x, y = found.points.T
    assert np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) > 0
    assert found.points[0, 1] <= sorted(found.points.tolist())[1][1]


def test_the_channel_it_looks_at_is_blue_unless_the_manifest_says_rgb(tmp_path: Path) -> None:
    picture = np.zeros((736, 736, 3), dtype=np.uint8)
    picture[300:400, 200:500, 2] = 255
    for colour, count in (("BGR", 0), ("RGB", 1)):
        package = planted.package(tmp_path / colour, planted.detection(), "detection", f'[input]\ncolour = "{colour}"')
        assert len(TextDetector(package).find(picture)) == count


def test_text_at_the_edge_of_a_strip_is_seen(detector: TextDetector) -> None:
    picture = np.zeros((28, 600, 3), dtype=np.uint8)
    picture[4:24, 100:400, 0] = 255
    (found,) = detector.find(picture)
    assert found.points[0] == pytest.approx([85, 0], abs=1.5)
    assert found.points[2] == pytest.approx([415, 28], abs=1.5)
    (turned,) = detector.find(np.ascontiguousarray(picture.transpose(1, 0, 2)))
    assert turned.points[0] == pytest.approx([0, 85], abs=1.5)


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (2000, 3), (31, 31), (4000, 5000), (60, 60_000)])
def test_a_picture_without_text_gives_nothing(detector: TextDetector, size: tuple[int, int]) -> None:
    assert detector.find(np.zeros((*size, 3), dtype=np.uint8)) == []


# ---------------------------------------------------------------- the map
@given(
    x=st.integers(0, 180), y=st.integers(0, 80), width=st.integers(1, 100), height=st.integers(1, 60),
    value=st.floats(0.3125, 1, width=32),
)  # fmt: skip
def test_one_rectangle_of_a_map(x: int, y: int, width: int, height: int, value: float) -> None:
    probability = np.zeros((120, 240), dtype=np.float32)
    probability[y : y + height, x : x + width] = value
    rows, columns = probability[y : y + height, x : x + width].shape
    found, scores = rectangles_of(probability, DECODE, 100)
    # The mean over a rectangle whose far border belongs to it: one row and one column of nothing, where there are any.
    window = probability[y : y + rows + 1, x : x + columns + 1]
    mean, grow = float(window.mean()), rows * columns * 1.6 / (2 * (rows + columns))
    if abs(mean - 0.5) < 0.01:
        return
    if min(rows, columns) < 3 or mean < 0.5 or min(rows, columns) + 2 * grow < 5:
        assert len(found) == len(scores) == 0
        return
    assert scores == pytest.approx([mean], abs=1e-5)
    want = rectangle(x - grow, y - grow, columns + 2 * grow, rows + 2 * grow)
    assert ordered(found)[0] == pytest.approx(want, abs=1e-3)


def test_what_lies_in_a_ring_counts_and_its_hole_does_not() -> None:
    probability = np.zeros((200, 200), dtype=np.float32)
    probability[10:190, 10:190] = 0.9
    probability[50:150, 50:150] = 0
    assert len(rectangles_of(probability, DECODE, 100)[0]) == 1
    # A hole so small that its border alone would make it count.
    probability[70:74, 20:24] = 0.29
    assert len(rectangles_of(probability, DECODE, 100)[0]) == 1
    probability[90:110, 80:120] = 0.9
    found, _ = rectangles_of(probability, DECODE, 100)
    assert sorted(np.ptp(one[:, 0]) > 100 for one in found) == [False, True]


def test_the_largest_are_looked_at_when_there_are_too_many() -> None:
    probability = np.zeros((300, 300), dtype=np.float32)
    for number in range(9):
        probability[number * 30 : number * 30 + 8, 10 : 20 + number * 20] = 0.9
    found, _ = rectangles_of(probability, DECODE, 3)
    tops = sorted(float(one[:, 1].min()) for one in found)
    assert len(tops) == 3 and tops[0] > 6 * 30 - 10


def test_thresholds_are_the_manifests() -> None:
    probability = np.full((100, 100), 0.05, dtype=np.float32)
    probability[20:60, 20:60] = 0.45
    assert len(rectangles_of(probability, DECODE, 10)[0]) == 0
    assert len(rectangles_of(probability, DECODE.model_copy(update={"box_score": 0.3}), 10)[0]) == 1
    small = np.zeros((100, 100), dtype=np.float32)
    small[20:23, 20:23] = 0.9
    # 3 pixels and their growth of 2.4 are enough, with a growth of 1.5 they are not.
    loose = DECODE.model_copy(update={"box_score": 0.3})
    assert len(rectangles_of(small, loose, 10)[0]) == 1
    assert len(rectangles_of(small, loose.model_copy(update={"unclip": 1.0}), 10)[0]) == 0
    lower = DECODE.model_copy(update={"box_score": 0.3, "binarise": 0.5})
    assert len(rectangles_of(probability, lower, 10)[0]) == 0
    wide = DECODE.model_copy(update={"box_score": 0.3, "unclip": 2.0})
    sides = [np.ptp(rectangles_of(probability, one, 10)[0][0][:, 0]) for one in (lower.model_copy(
        update={"binarise": 0.3}), wide)]  # fmt: skip
    assert sides == pytest.approx([40 + 32, 40 + 40], abs=0.01)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_no_text(value: float) -> None:
    probability = np.zeros((100, 100), dtype=np.float32)
    probability[20:60, 20:60] = value
    found, scores = rectangles_of(probability, DECODE, 10)
    assert np.isfinite(found).all() and np.isfinite(scores).all()


# ---------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("[input]\nmean = [0.5, 0.5]", "2 values of mean for 3 channels"),
        ("[input]\nstd = [0.0]", "std that is not above 0"),
        ('[input]\ncolour = "GRAY"', "Got: 1 Expected: 3"),
    ],
)
def test_manifests_that_do_not_fit(tmp_path: Path, extra: str, words: str) -> None:
    with pytest.raises(ModelRefused, match=words):
        TextDetector(planted.package(tmp_path, planted.detection(), "detection", extra))


def test_networks_that_are_no_text_detection(tmp_path: Path) -> None:
    half = planted.graph([planted.helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2])], {})
    with pytest.raises(
        ModelRefused, match=r"gives map of shape \[1, 3, 32, 32\], the detection needs \[1, 1, 64, 64\]"
    ):
        TextDetector(planted.package(tmp_path / "half", half, "detection"))
    raw = planted.graph([planted.helper.make_node("ReduceMean", ["x"], ["y"], axes=[1], keepdims=1)], {})
    with pytest.raises(ModelRefused, match=r"outside 0\.\.1"):
        TextDetector(planted.package(tmp_path / "raw", raw, "detection"))
    log = planted.graph(
        [planted.helper.make_node("ReduceMean", ["x"], ["m"], axes=[1], keepdims=1),
         planted.helper.make_node("Sqrt", ["m"], ["y"])], {},
    )  # fmt: skip
    with pytest.raises(ModelRefused, match="not finite"):
        TextDetector(planted.package(tmp_path / "log", log, "detection"))
    other = planted.package(tmp_path / "other", planted.direction(), "direction")
    with pytest.raises(ModelRefused, match="direction is the direction of OCR, not the detection"):
        TextDetector(other)


def test_a_network_of_one_size_gets_that_size(tmp_path: Path) -> None:
    package = planted.package(tmp_path, planted.detection(into=(1, 3, 320, 640)), "detection", "binarise = 0.5")
    picture = np.zeros((640, 640, 3), dtype=np.uint8)
    picture[200:300, 100:500, 0] = 255
    (found,) = TextDetector(package).find(picture)
    grow = 400 * 50 * 1.6 / (2 * 450)
    assert found.points == pytest.approx(rectangle(100 - grow, 200 - 2 * grow, 400 + 2 * grow, 100 + 4 * grow), abs=0.5)


def test_a_network_that_takes_bytes_and_one_that_takes_grey(tmp_path: Path) -> None:
    picture = np.zeros((736, 736, 3), dtype=np.uint8)
    picture[300:400, 200:500] = 255
    nodes = [
        planted.helper.make_node("Slice", ["x", "from", "to", "axis"], ["plane"]),
        planted.helper.make_node("Cast", ["plane"], ["level"], to=1),
        planted.helper.make_node("Div", ["level", "most"], ["bright"]),
        planted.helper.make_node("Transpose", ["bright"], ["y"], perm=[0, 3, 1, 2]),
    ]
    weights = {
        "from": np.array([0]), "to": np.array([1]), "axis": np.array([3]), "most": np.array(255, dtype=np.float32)
    }  # fmt: skip
    model = planted.graph(nodes, weights, ("n", "h", "w", 3), ("n", 1, "h", "w"), element=2)
    (found,) = TextDetector(planted.package(tmp_path / "bytes", model, "detection")).find(picture)
    grey = planted.detection(into=("n", 1, "h", "w"))
    package = planted.package(tmp_path / "grey", grey, "detection", '[input]\ncolour = "GRAY"')
    (other,) = TextDetector(package).find(picture)
    assert found.points == pytest.approx(other.points)
    scaled = planted.package(tmp_path / "scaled", model, "detection", "[input]\nscale = 0.5")
    with pytest.raises(ModelRefused, match="takes bytes, which are never scaled"):
        TextDetector(scaled)
