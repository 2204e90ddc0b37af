"""Detection transformers with planted objects."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from prelabel.image.detector import open_detector
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import open_model
from tests.prelabel import graphs
from tests.prelabel.image import plants

NAMES = ["person", "cup", "chair"]
DEPLOY = {"boxes": "b", "scores": "s", "labels": "l"}
FITS = ("stretch", "letterbox-centre", "letterbox-top-left")


def toml(
    decode: str,
    net: tuple[int, int],
    outputs: dict[str, str],
    fit: str = "stretch",
    target: bool = False,
    more: str = "",
) -> str:
    inputs = {"image": "image"} | ({"target_size": "sizes"} if target else {})
    extra = f'[input]\nsize = [{net[1]}, {net[0]}]\nfit = "{fit}"\n{more}\n[decode]\n{decode}\n'
    return graphs.manifest("detr", inputs, outputs, NAMES, extra)


def deploy(fractions: np.ndarray, label: int, score: float, net: tuple[int, int], order: str, kind: int) -> object:
    """A graph as RT-DETR's deploy export: boxes = fractions times the second input, whatever is put there."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, net[1], net[0]])
    sizes = helper.make_tensor_value_info("sizes", kind, [1, 2])
    boxes = np.zeros((1, 300, 4), np.float32)
    boxes[0, 11] = fractions
    scores, labels = np.zeros((1, 300), np.float32), np.zeros((1, 300), np.int64)
    scores[0, 11], labels[0, 11] = score, label
    pick = [0, 1, 0, 1] if order == "width-height" else [1, 0, 1, 0]
    nodes = [
        helper.make_node("Cast", ["sizes"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["floats", "pick"], ["four"], axis=1),
        helper.make_node("Mul", ["boxes", "four"], ["b"]),
        helper.make_node("Identity", ["scores"], ["s"]),
        helper.make_node("Identity", ["labels"], ["l"]),
    ]
    outputs = [
        helper.make_tensor_value_info("b", TensorProto.FLOAT, [1, 300, 4]),
        helper.make_tensor_value_info("s", TensorProto.FLOAT, [1, 300]),
        helper.make_tensor_value_info("l", TensorProto.INT64, [1, 300]),
    ]
    weights = [
        numpy_helper.from_array(values, name)
        for name, values in (("boxes", boxes), ("scores", scores), ("labels", labels), ("pick", np.array(pick)))
    ]
    graph = helper.make_graph(nodes, "deploy", [image, sizes], outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@settings(max_examples=50, deadline=None)
@given(
    plants.boxed_frames(), st.integers(8, 20), st.integers(8, 20), st.sampled_from(FITS),
    st.sampled_from(("width-height", "height-width")), st.sampled_from((TensorProto.INT64, TensorProto.FLOAT)),
)  # fmt: skip
def test_deployed_boxes_come_back(case: tuple, rows: int, columns: int, fit: str, order: str, kind: int) -> None:
    width, height, box = case
    net = columns * 32, rows * 32
    x, y, w, h = plants.way(fit, width, height, *net).box(box)
    fractions = np.array([x / net[0], y / net[1], (x + w) / net[0], (y + h) / net[1]])
    decode = f'form = "deploy"\nbox = "xyxy"\nunit = "target"\ntarget = "{order}"'
    detector = plants.detector(
        deploy(fractions, 1, 0.625, net, order, kind), toml(decode, net, DEPLOY, fit, target=True)
    )  # type: ignore[arg-type]
    plants.assert_same(detector.detect(plants.picture(width, height)), box, "cup", 0.625)


@settings(max_examples=40, deadline=None)
@given(plants.boxed_frames(), st.sampled_from(FITS), st.floats(-0.8, 4))
def test_raw_logits_come_back(case: tuple, fit: str, logit: float) -> None:
    """RF-DETR: channels with holes; one query may be two things."""
    width, height, box = case
    net = 384, 384
    x, y, w, h = plants.middle(plants.way(fit, width, height, *net).box(box))
    boxes = np.random.default_rng(2).random((1, 50, 4)).astype(np.float32)
    logits = np.full((1, 50, 91), -6, np.float32)
    boxes[0, 9] = x / 384, y / 384, w / 384, h / 384
    logits[0, 9, 47], logits[0, 9, 62], logits[0, 9, 12] = logit, -0.6, 5  # 12 is a hole of COCO's numbers
    decode = 'form = "logits"\nbox = "cxcywh"\nunit = "normalised"\nclass_ids = [1, 47, 62]'
    more = "mean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]"
    outputs = {"boxes": "dets", "logits": "labels"}
    model = graphs.constant({"dets": boxes, "labels": logits}, (1, 3, 384, 384))
    found = plants.detector(model, toml(decode, net, outputs, fit, more=more)).detect(plants.picture(width, height))
    expected = {"cup": 1 / (1 + math.exp(-logit)), "chair": 1 / (1 + math.exp(0.6))}
    assert [one.label for one in found] == sorted(expected, key=lambda name: -expected[name])
    for one in found:
        plants.assert_same([one], box, one.label, expected[one.label])


@settings(max_examples=40, deadline=None)
@given(plants.boxed_frames(), st.floats(0.31, 0.99))
def test_rows_with_probabilities_come_back(case: tuple, score: float) -> None:
    """RT-DETR as ultralytics exports it: the largest probability of a row is its class."""
    width, height, box = case
    x, y, w, h = plants.middle(plants.way("stretch", width, height, 640, 640).box(box))
    rows = np.random.default_rng(2).random((1, 50, 7)).astype(np.float32)
    rows[0, :, 4:] *= 0.25
    rows[0, 9] = x / 640, y / 640, w / 640, h / 640, 0.3, score, 0.1
    decode = 'form = "joined"\nbox = "cxcywh"\nunit = "normalised"'
    text = toml(decode, (640, 640), {"boxes": "output0"})
    found = plants.detector(graphs.constant({"output0": rows}, (1, 3, 640, 640)), text)
    plants.assert_same(found.detect(plants.picture(width, height)), box, "cup", score)


@settings(max_examples=40, deadline=None)
@given(plants.boxed_frames(), st.floats(0.31, 0.99), st.integers(0, 2))
def test_rows_with_a_class_number_come_back(case: tuple, score: float, label: int) -> None:
    width, height, box = case
    x, y, w, h = plants.middle(plants.way("stretch", width, height, 640, 640).box(box))
    rows = np.random.default_rng(2).random((1, 50, 6)).astype(np.float32)
    rows[0, :, 4] *= 0.25
    rows[0, :, 5] = np.arange(50) % 3
    rows[0, 9] = x / 640, y / 640, w / 640, h / 640, score, label
    text = toml('form = "rows"\nbox = "cxcywh"\nunit = "normalised"', (640, 640), {"boxes": "output0"})
    found = plants.detector(graphs.constant({"output0": rows}, (1, 3, 640, 640)), text)
    plants.assert_same(found.detect(plants.picture(width, height)), box, NAMES[label], score)


@pytest.mark.parametrize(("form", "names"), [("joined", ["cup", "plate"]), ("rows", ["cup"])])
def test_class_numbers_are_no_probabilities(tmp_path: Path, form: str, names: list[str]) -> None:
    rows = np.random.default_rng(2).random((1, 50, 6)).astype(np.float32)
    rows[0, :, 5] = np.arange(50) % 2
    decode = f'[input]\nsize = [64, 64]\n[decode]\nform = "{form}"\nbox = "cxcywh"\nunit = "normalised"\n'
    text = graphs.manifest("detr", {"image": "image"}, {"boxes": "output0"}, names, decode)
    folder = graphs.save_package(tmp_path / "own", graphs.constant({"output0": rows}, (1, 3, 64, 64)), text)
    with pytest.raises(ModelRefused, match="class number"):
        open_detector(open_model(folder))


def test_boxes_of_one_place_are_not_merged() -> None:
    boxes = np.tile(np.array([0.5, 0.5, 0.2, 0.2], np.float32), (1, 3, 1))
    logits = np.array([[[2, -9, -9], [1, -9, -9], [-9, -9, 0]]], np.float32)
    decode = 'form = "logits"\nbox = "cxcywh"\nunit = "normalised"'
    model = graphs.constant({"dets": boxes, "labels": logits}, (1, 3, 64, 64))
    found = plants.detector(model, toml(decode, (64, 64), {"boxes": "dets", "logits": "labels"})).detect(
        plants.picture(64, 64), least=0.0
    )
    assert [(one.label, round(one.score, 3)) for one in found][:3] == [
        ("person", 0.881), ("person", 0.731), ("chair", 0.5),
    ]  # fmt: skip


def test_nan_at_run_time_is_no_detection() -> None:
    boxes = np.full((1, 3, 4), 0.5, np.float32)
    logits = np.full((1, 3, 3), -9, np.float32)
    lit_boxes, lit_logits = boxes.copy(), logits.copy()
    lit_boxes[0, 0, 1], lit_logits[0, 0, 0], lit_logits[0, 1, 1], lit_logits[0, 2, 2] = math.nan, 3, math.nan, 2
    model = graphs.constant(
        {"dets": boxes, "labels": logits}, (1, 3, 64, 64), lit={"dets": lit_boxes, "labels": lit_logits}
    )
    decode = 'form = "logits"\nbox = "cxcywh"\nunit = "normalised"'
    detector = plants.detector(model, toml(decode, (64, 64), {"boxes": "dets", "logits": "labels"}))
    assert [one.label for one in detector.detect(np.full((64, 64, 3), 200, np.uint8))] == ["chair"]


RAW = {"boxes": "b", "logits": "o"}
DEPLOYED = 'form = "deploy"\nbox = "xyxy"\nunit = '
LOGITS = 'form = "logits"\nbox = "xyxy"\nunit = "normalised"'


@pytest.mark.parametrize(
    ("decode", "outputs", "target", "words"),
    [
        (DEPLOYED + '"target"', DEPLOY, False, "do not fit together"),
        (DEPLOYED + '"target"', DEPLOY, True, "do not fit together"),
        (DEPLOYED + '"normalised"', {"boxes": "b", "scores": "s"}, False, "needs the outputs boxes, labels, scores"),
        (LOGITS, RAW, False, "91 classes and has 3"),
        (LOGITS.replace("logits", "joined"), {"boxes": "b"}, False, r"\[1, 9, 4\], its family needs \[1, N, 7\]"),
        (LOGITS + "\nclass_ids = [1, 2, 91]", RAW, False, "91 classes; its class_ids go up to 91"),
        (DEPLOYED + '"normalised"', DEPLOY, False, "class number 40, which is not one of its 3"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, decode: str, outputs: dict[str, str], target: bool, words: str
) -> None:
    planted = {
        "b": np.zeros((1, 9, 4), np.float32), "s": np.full((1, 9), 0.5, np.float32),
        "l": np.full((1, 9), 40, np.int64), "o": np.zeros((1, 9, 91), np.float32),
    }  # fmt: skip
    more = {"sizes": (TensorProto.INT64, (1, 2))} if target else None
    model = graphs.constant(planted, (1, 3, 64, 64), more_inputs=more, declared=False)
    text = toml(decode, (64, 64), outputs, target=target)
    with pytest.raises(ModelRefused, match=words):
        open_detector(open_model(graphs.save_package(tmp_path / "own", model, text)))
