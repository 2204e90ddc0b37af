"""YOLO heads with planted objects, at every size of picture."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from prelabel.geometry import rle
from prelabel.image.detector import open_detector
from prelabel.image.yolo import Yolo
from prelabel.models.families import YoloDecode
from prelabel.models.manifest import manifest_of
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import open_model
from tests.prelabel import graphs
from tests.prelabel.image import plants

NAMES = ["person", "cup", "chair"]
CELLS = 300
FITS = ("letterbox-centre", "letterbox-top-left", "stretch")
nets = st.tuples(st.integers(4, 20), st.integers(4, 20)).map(lambda sides: (sides[0] * 32, sides[1] * 32))


def toml(
    head: str, net: tuple[int, int], fit: str = "letterbox-centre", more: str = "", prototypes: bool = False
) -> str:
    outputs = {"predictions": "out"} | ({"prototypes": "protos"} if prototypes else {})
    extra = f'[input]\nsize = [{net[1]}, {net[0]}]\nfit = "{fit}"\n[decode]\nhead = "{head}"\n{more}\n'
    return graphs.manifest("yolo", {"image": "image"}, outputs, NAMES, extra)


def raw(rows: list[tuple[plants.Box, int, float, list[float]]], extra: int = 0) -> np.ndarray:
    """Channels x cells: noise boxes with scores under any threshold, then the planted ones (box by its middle)."""
    out = np.random.default_rng(3).uniform(0, 0.02, (1, 4 + len(NAMES) + extra, CELLS)).astype(np.float32)
    out[0, :4] *= 5000
    for at, (box, label, score, more) in enumerate(rows):
        cell = 17 * at + 5
        out[0, :4, cell] = box
        out[0, 4 + label, cell] = score
        out[0, 4 + len(NAMES) :, cell] = more
    return out


def anchored(channels: np.ndarray, objectness: float) -> np.ndarray:
    """The same as rows of v5: objectness beside class scores that are so much higher."""
    rows = channels.transpose(0, 2, 1)
    present = np.where(rows[:, :, 4 : 4 + len(NAMES)].max(axis=2, keepdims=True) > 0.1, objectness, 0.01)
    classes = rows[:, :, 4 : 4 + len(NAMES)] / np.maximum(present, objectness)
    return np.concatenate([rows[:, :, :4], present, classes, rows[:, :, 4 + len(NAMES) :]], axis=2).astype(np.float32)


def finished(
    rows: list[tuple[plants.Box, int, float, list[float]]], extra: int = 0, turned: bool = False
) -> np.ndarray:
    """[1, 300, 6 + extra]: corners (middle and size where turned), score, class; the rest filled up with zeros."""
    out = np.zeros((1, CELLS, 6 + extra), np.float32)
    for at, (box, label, score, more) in enumerate(rows):
        x, y, w, h = box
        out[0, at, :4] = box if turned else (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        out[0, at, 4:6] = score, label
        out[0, at, 6:] = more
    return out


def head_of(
    head: str, rows: list[tuple[plants.Box, int, float, list[float]]], extra: int = 0, turned: bool = False
) -> np.ndarray:
    if head == "end2end":
        return finished(rows, extra, turned)
    return anchored(raw(rows, extra), 0.95) if head == "anchor" else raw(rows, extra)


@pytest.mark.parametrize("head", ["anchor", "anchor-free", "end2end"])
@settings(max_examples=40, deadline=None)
@given(plants.boxed_frames(), nets, st.sampled_from(FITS), st.integers(0, 2), st.floats(0.31, 0.94))
def test_a_planted_box_comes_back(
    head: str, case: tuple, net: tuple[int, int], fit: str, label: int, score: float
) -> None:
    width, height, box = case
    inside = plants.middle(plants.way(fit, width, height, *net).box(box))
    model = graphs.constant({"out": head_of(head, [(inside, label, score, [])])}, (1, 3, net[1], net[0]))
    found = plants.detector(model, toml(head, net, fit)).detect(plants.picture(width, height))
    plants.assert_same(found, box, NAMES[label], score)


@settings(max_examples=20, deadline=None)
@given(plants.boxed_frames())
def test_a_network_of_any_size_takes_the_picture_as_it_is(case: tuple) -> None:
    width, height, box = case
    ratio = min(1, 640 / max(width, height))
    net = tuple(math.ceil(max(1, round(side * ratio)) / 32) * 32 for side in (width, height))
    inside = plants.middle(plants.way("letterbox-centre", width, height, *net).box(box))
    model = graphs.constant({"out": raw([(inside, 1, 0.5, [])])})
    text = graphs.manifest(
        "yolo", {"image": "image"}, {"predictions": "out"}, NAMES, '[decode]\nhead = "anchor-free"\n'
    )
    plants.assert_same(plants.detector(model, text).detect(plants.picture(width, height)), box, "cup", 0.5)


def test_overlapping_boxes_are_merged_within_their_class_unless_the_file_did_it() -> None:
    near, far = (100.0, 100.0, 80.0, 60.0), (300.0, 200.0, 80.0, 60.0)
    rows = [(near, 0, 0.5, []), ((102.0, 101.0, 80.0, 60.0), 0, 0.8, []), (near, 1, 0.6, []), (far, 0, 0.7, [])]
    for head, expected in (
        ("anchor-free", [("person", 0.8), ("person", 0.7), ("cup", 0.6)]),
        ("anchor", [("person", 0.8), ("person", 0.7), ("cup", 0.6)]),
        ("end2end", [("person", 0.8), ("person", 0.7), ("cup", 0.6), ("person", 0.5)]),
    ):
        model = graphs.constant({"out": head_of(head, rows)}, (1, 3, 320, 416))
        found = plants.detector(model, toml(head, (416, 320))).detect(plants.picture(416, 320))
        assert [(one.label, round(one.score, 4)) for one in found] == expected, head


@pytest.mark.parametrize("head", ["anchor", "anchor-free", "end2end"])
@settings(max_examples=25, deadline=None)
@given(st.data(), nets, st.integers(2, 3))
def test_keypoints_come_back(head: str, data: st.DataObject, net: tuple[int, int], numbers: int) -> None:
    width, height = data.draw(plants.frames())
    box = data.draw(plants.boxes_in(width, height))
    there = plants.way("letterbox-centre", width, height, *net)
    points = [(data.draw(st.floats(0, width)), data.draw(st.floats(0, height))) for _ in range(5)]
    seen = [data.draw(st.booleans()) for _ in points] if numbers == 3 else [True] * 5
    more: list[float] = []
    for (x, y), sure in zip(points, seen, strict=True):
        more += [*there.point(x, y), *([0.9 if sure else 0.2] if numbers == 3 else [])]
    rows = [(plants.middle(there.box(box)), 0, 0.75, more)]
    model = graphs.constant({"out": head_of(head, rows, 5 * numbers)}, (1, 3, net[1], net[0]))
    text = toml(head, net, more=f'task = "pose"\nkeypoints = [5, {numbers}]')
    (one,) = plants.detector(model, text).detect(plants.picture(width, height))
    plants.assert_same([one], box, "person", 0.75)
    assert one.keypoints is not None and len(one.keypoints) == 5
    for (x, y, v), (true_x, true_y), sure in zip(one.keypoints, points, seen, strict=True):
        on_edge = min(true_x, true_y, width - true_x, height - true_y) < 1e-3  # either side of it, by a rounding
        if not sure or (on_edge and v == 0):
            assert (x, y, v) == (0, 0, 0)
        else:
            assert v == 2 and (x, y) == pytest.approx((true_x, true_y), abs=0.5)


def test_a_keypoint_in_the_padding_is_not_labelled() -> None:
    rows = [((200.0, 200.0, 50.0, 50.0), 0, 0.75, [200.0, 200.0, 0.9, 200.0, 20.0, 0.9])]
    model = graphs.constant({"out": head_of("anchor-free", rows, 6)}, (1, 3, 416, 416))
    text = toml("anchor-free", (416, 416), more='task = "pose"\nkeypoints = [2, 3]')
    (one,) = plants.detector(model, text).detect(plants.picture(416, 208))  # its top is at 104 of the input
    assert one.keypoints == ((200.0, 96.0, 2), (0.0, 0.0, 0))


@pytest.mark.parametrize("head", ["anchor-free", "end2end"])
@settings(max_examples=40, deadline=None)
@given(st.data(), nets, st.floats(-math.pi / 4, 3 * math.pi / 4))
def test_turned_boxes_come_back(head: str, data: st.DataObject, net: tuple[int, int], angle: float) -> None:
    width, height = data.draw(st.tuples(st.integers(64, 4000), st.integers(64, 4000)))
    short = min(width, height)
    w, h = short * data.draw(st.floats(0.1, 0.6)), short * data.draw(st.floats(0.1, 0.6))
    cx, cy = width * data.draw(st.floats(0.3, 0.7)), height * data.draw(st.floats(0.3, 0.7))
    true = turned_corners(cx, cy, w, h, angle)
    there = plants.way("letterbox-centre", width, height, *net)
    placed = [there.point(*corner) for corner in true]
    side = (placed[1][0] - placed[0][0], placed[1][1] - placed[0][1])
    area = abs(sum(a[0] * b[1] - a[1] * b[0] for a, b in zip(placed, placed[1:] + placed[:1], strict=True))) / 2
    length = math.hypot(*side)
    rows = [((*there.point(cx, cy), length, area / length), 2, 0.6, [math.atan2(side[1], side[0])])]
    model = graphs.constant({"out": head_of(head, rows, 1, turned=True)}, (1, 3, net[1], net[0]))
    (one,) = plants.detector(model, toml(head, net, more='task = "obb"')).detect(plants.picture(width, height))
    assert one.label == "chair" and one.rotation is not None and -90 <= one.rotation < 90
    back = turned_corners(
        one.x + one.width / 2, one.y + one.height / 2, one.width, one.height, math.radians(one.rotation)
    )
    for x, y in true:
        assert min(math.hypot(x - bx, y - by) for bx, by in back) < 0.5


def turned_corners(cx: float, cy: float, w: float, h: float, angle: float) -> list[tuple[float, float]]:
    """Corners of a rectangle turned clockwise on a screen whose y runs down."""
    along, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
    return [
        (cx + i * w / 2 * along[0] + j * h / 2 * across[0], cy + i * w / 2 * along[1] + j * h / 2 * across[1])
        for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]


def test_turned_boxes_that_cross_stay_and_those_that_coincide_are_merged() -> None:
    long = (200.0, 200.0, 200.0, 20.0)
    rows = [(long, 0, 0.9, [0.0]), (long, 0, 0.8, [math.pi / 2]), ((201.0, 201.0, 198.0, 21.0), 0, 0.7, [0.02])]
    model = graphs.constant({"out": head_of("anchor-free", rows, 1)}, (1, 3, 416, 416))
    found = plants.detector(model, toml("anchor-free", (416, 416), more='task = "obb"')).detect(
        plants.picture(416, 416)
    )
    assert [(round(one.score, 2), round(one.rotation or 0)) for one in found] == [(0.9, 0), (0.8, -90)]


@pytest.mark.parametrize("head", ["anchor", "anchor-free", "end2end"])
@settings(max_examples=20, deadline=None)
@given(st.data(), nets)
def test_masks_come_back(head: str, data: st.DataObject, net: tuple[int, int]) -> None:
    """Two ellipses, each the positive part of one smooth prototype, against ellipses drawn by their formula."""
    width, height = data.draw(st.tuples(st.integers(100, 1500), st.integers(100, 1500)) | st.just((4000, 3000)))
    there = plants.way("letterbox-centre", width, height, *net)
    # Large enough for twelve cells of the prototypes, which are four pixels of the input wide.
    least = 48 / min(width * there.sx, height * there.sy)
    assume(least < 0.9)
    boxes = [data.draw(plants.boxes_in(width, height, least, 0.95)) for _ in range(2)]
    rows_at, columns_at = (np.arange(net[1] // 4) * 4.0 + 2, np.arange(net[0] // 4) * 4.0 + 2)
    x, y = (columns_at - there.left) / there.sx, (rows_at - there.top) / there.sy
    protos = np.random.default_rng(5).normal(size=(1, 8, net[1] // 4, net[0] // 4)).astype(np.float32)
    rows = []
    for label, box in enumerate(boxes):
        protos[0, 3 + label] = ellipse(box, x[np.newaxis], y[:, np.newaxis])
        rows.append((plants.middle(there.box(box)), label, 0.9 - label / 10, np.eye(8)[3 + label].tolist()))
    model = graphs.constant({"out": head_of(head, rows, 8), "protos": protos}, (1, 3, net[1], net[0]))
    found = plants.detector(model, toml(head, net, more='task = "segment"', prototypes=True)).detect(
        plants.picture(width, height)
    )
    assert [one.label for one in found] == ["person", "cup"]
    for one, box in zip(found, boxes, strict=True):
        plants.assert_same([one], box, one.label, one.score)
        assert one.mask is not None and one.mask.size == (height, width)
        mask = rle.decode(one.mask)
        true = ellipse(box, np.arange(width)[np.newaxis] + 0.5, np.arange(height)[:, np.newaxis] + 0.5) > 0
        assert (mask & true).sum() / (mask | true).sum() > 0.95


def ellipse(box: plants.Box, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Positive inside the ellipse that fills a box."""
    cx, cy, w, h = plants.middle(box)
    return 1 - ((x - cx) / (w / 2)) ** 2 - ((y - cy) / (h / 2)) ** 2


@pytest.mark.parametrize(
    ("head", "more", "outputs", "words"),
    [
        ("anchor-free", "", {"out": np.zeros((1, 85, 30))}, r"shape \[1, 85, 30\], its family needs \[1, 7, N\]"),
        ("anchor-free", "", {"out": np.zeros((1, 30, 7))}, r"needs \[1, 7, N\]"),
        ("anchor", "", {"out": np.zeros((1, 30, 7))}, r"needs \[1, N, 8\]"),
        ("end2end", "", {"out": np.zeros((1, 30, 7))}, r"needs \[1, N, 6\]"),
        ("anchor-free", 'task = "segment"', {"out": np.zeros((1, 24, 30))}, "needs an output prototypes"),
        ("anchor-free", "", {"out": np.full((1, 7, 30), 4.2)}, r"scores from 0 to 4\.2, not scores from 0 to 1"),
        ("anchor-free", "", {"out": np.full((1, 7, 30), np.nan)}, "not finite"),
        (
            "end2end",
            "",
            {"out": np.full((1, 30, 6), 0.9) + np.eye(6)[5] * 6},
            "class number 7, which is not one of its 3",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, head: str, more: str, outputs: dict[str, np.ndarray], words: str
) -> None:
    planted = {name: values.astype(np.float32) for name, values in outputs.items()}
    model = graphs.constant(planted, (1, 3, 64, 64), declared=False)
    with pytest.raises(ModelRefused, match=words):
        open_detector(open_model(graphs.save_package(tmp_path / "own", model, toml(head, (64, 64), more=more))))


@pytest.mark.parametrize("head", ["anchor", "anchor-free", "end2end"])
def test_nan_at_run_time_is_no_detection(head: str) -> None:
    good, bad = (100.0, 100.0, 80.0, 60.0), (300.0, 200.0, 80.0, 60.0)
    clean = head_of(head, [])
    rows = [(good, 0, 0.8, []), ((math.nan, 200.0, 80.0, 60.0), 0, 0.7, []), (bad, 1, math.nan, [])]
    model = graphs.constant({"out": clean}, (1, 3, 320, 416), lit={"out": head_of(head, rows)})
    detector = plants.detector(model, toml(head, (416, 320)))
    assert detector.detect(np.zeros((320, 416, 3), np.uint8)) == []
    plants.assert_same(detector.detect(np.full((320, 416, 3), 200, np.uint8)), (60, 70, 80, 60), "person", 0.8)


def test_a_strict_detector_refuses_nan_at_run_time(tmp_path: Path) -> None:
    rows = head_of("anchor-free", [((100.0, 100.0, 80.0, 60.0), 0, 0.8, [])])
    lit = rows.copy()
    lit[0, 5, 0] = math.nan
    model = graphs.constant({"out": rows}, (1, 3, 320, 416), lit={"out": lit})
    package = open_model(graphs.save_package(tmp_path / "own", model, toml("anchor-free", (416, 320))))
    bright = np.full((320, 416, 3), 200, np.uint8)
    assert [one.label for one in open_detector(package).detect(bright)] == ["person"]
    strict = open_detector(package).strict()
    assert [one.label for one in strict.detect(plants.picture(416, 320))] == ["person"]
    with pytest.raises(ModelRefused, match="not finite in its output 'predictions'"):
        strict.detect(bright)


@settings(max_examples=30, deadline=None)
@given(plants.frames(), st.floats(0.2, 1.5), st.floats(0.2, 1.5), st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_a_box_past_the_edge_comes_back_cut(frame: tuple[int, int], w: float, h: float, x: float, y: float) -> None:
    """Its middle is in the picture, its ends need not be."""
    width, height = frame
    box = (width * (x - w / 2), height * (y - h / 2), width * w, height * h)
    inside = plants.middle(plants.way("letterbox-centre", width, height, 416, 320).box(box))
    model = graphs.constant({"out": raw([(inside, 1, 0.75, [])])}, (1, 3, 320, 416))
    found = plants.detector(model, toml("anchor-free", (416, 320))).detect(plants.picture(width, height))
    left, top, right, bottom = plants.corners(box)
    cut = max(0, left), max(0, top), min(width, right), min(height, bottom)
    plants.assert_same(found, (cut[0], cut[1], cut[2] - cut[0], cut[3] - cut[1]), "cup", 0.75)


def test_a_model_that_sees_things_everywhere_cannot_stall_the_device() -> None:
    rng = np.random.default_rng(1)
    out = rng.uniform(0.5, 1, (1, 7, 25_000)).astype(np.float32)
    out[0, :4] = rng.uniform(20, 300, (4, 25_000))
    detector = plants.detector(graphs.constant({"out": out}, (1, 3, 320, 320)), toml("anchor-free", (320, 320)))
    found = detector.detect(plants.picture(320, 320))
    assert 0 < len(found) <= 100
    assert found[0].score == pytest.approx(float(out[0, 4:].max()))


def test_how_many_keypoints_has_to_be_said() -> None:
    settings = YoloDecode(task="pose", head="anchor-free")
    table = {
        "name": "m", "version": "1", "family": "yolo", "licence": "MIT", "sha256": "0" * 64, "names": NAMES,
        "inputs": {"image": "i"}, "outputs": {"predictions": "o"}, "decode": settings.to_json(),
    }  # fmt: skip
    with pytest.raises(ModelRefused, match="finds keypoints, but nothing says how many"):
        Yolo(manifest_of(table, "here"), settings)
