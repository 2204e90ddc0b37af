"""A world of coloured boxes and real networks that see them: which box is found when is then exactly known."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from prelabel.image.detector import Detector, open_detector
from prelabel.models.package import open_model
from prelabel.redaction.people_finder import PeopleFinder
from tests.prelabel import graphs

WIDTH, HEIGHT = 640, 352
# BGR. People are red and green, their faces blue and yellow; a face nobody finds is brown, magenta breaks the network.
RED, GREEN, BLUE, YELLOW, BROWN, MAGENTA = (
    (40, 40, 220), (40, 200, 40), (220, 60, 60), (40, 220, 220), (30, 70, 110), (230, 30, 230),
)  # fmt: skip
GREY = (128, 128, 128)
Box = tuple[int, int, int, int]
_FAR = 1e6


def picture(*boxes: tuple[tuple[int, int, int], Box]) -> np.ndarray:
    """Boxes (colour, (x, y, width, height)) on grey, later ones before earlier ones."""
    image = np.full((HEIGHT, WIDTH, 3), GREY, dtype=np.uint8)
    for colour, (x, y, width, height) in boxes:
        image[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)] = colour
    return image


def frame(*boxes: tuple[tuple[int, int, int], Box]) -> np.ndarray:
    return cv2.cvtColor(picture(*boxes), cv2.COLOR_BGR2YUV_I420)


def finder(folder: Path, side: tuple[int, int] = (HEIGHT, WIDTH)) -> PeopleFinder:
    """Faces are blue and yellow, people red and green."""
    return PeopleFinder(
        detector(folder / "faces", [BLUE, YELLOW], "face", side),
        detector(folder / "people", [RED, GREEN], "person", side),
    )


def detector(
    folder: Path, colours: list[tuple[int, int, int]], label: str, side: tuple[int, int] = (HEIGHT, WIDTH)
) -> Detector:
    text = graphs.manifest("yolox", *graphs.YOLOX_IO, [label])
    return open_detector(open_model(graphs.save_package(folder, network(colours, *side), text)))


def network(colours: list[tuple[int, int, int]], height: int, width: int) -> onnx.ModelProto:
    """YOLOX's tensors: for each colour one box around all its pixels, score 0.9; NaN where the picture has magenta."""
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []

    def constant(name: str, value: np.ndarray | float | list[int], kind: type = np.float32) -> str:
        weights.append(numpy_helper.from_array(np.array(value, dtype=kind), name))
        return name

    def node(kind: str, *inputs: str, name: str, **more: object) -> str:
        nodes.append(helper.make_node(kind, list(inputs), [name], **more))
        return name

    columns = constant("columns", np.arange(width).reshape(1, width))
    rows = constant("rows", np.arange(height).reshape(height, 1))
    far, near, few = constant("far", _FAR), constant("near", 90.0), constant("few", 12.0)
    one, eight, none = constant("one", 1.0), constant("eight", 8.0), constant("none", -_FAR)
    half, least, broken = constant("half", 0.5), constant("least", 1.0), constant("broken", np.nan)
    full, nothing = constant("full", 0.9), constant("nothing", 0.0)
    shape, axes = constant("shape", [1, 1, 1], np.int64), constant("axes", [1], np.int64)

    def where(colour: tuple[int, int, int], key: str) -> tuple[str, str]:
        wanted = constant(f"{key}_colour", np.array(colour).reshape(1, 3, 1, 1))
        away = node("Abs", node("Sub", "images", wanted, name=f"{key}_off"), name=f"{key}_abs")
        summed = node("ReduceSum", away, axes, name=f"{key}_sum", keepdims=0)
        hit = node("Less", summed, near, name=f"{key}_hit")
        counted = node("ReduceSum", node("Cast", hit, name=f"{key}_f", to=1), name=f"{key}_area", keepdims=0)
        return hit, node("Greater", counted, few, name=f"{key}_any")

    _, spoilt = where(MAGENTA, "spoilt")
    parts = []
    for number, colour in enumerate(colours):
        key = f"c{number}"
        hit, there = where(colour, key)
        edges = []
        for word, places in (("x", columns), ("y", rows)):
            low = node("Where", hit, places, far, name=f"{key}{word}_low")
            high = node(
                "Where", hit, node("Add", places, one, name=f"{key}{word}_next"), none, name=f"{key}{word}_high"
            )
            first = node("ReduceMin", low, name=f"{key}{word}_first", keepdims=0)
            last = node("ReduceMax", high, name=f"{key}{word}_last", keepdims=0)
            middle = node("Mul", node("Add", first, last, name=f"{key}{word}_both"), half, name=f"{key}{word}_mid")
            size = node("Max", node("Sub", last, first, name=f"{key}{word}_span"), least, name=f"{key}{word}_size")
            cell = constant(f"{key}{word}_cell", float(number if word == "x" else 0))
            scaled = node("Div", middle, eight, name=f"{key}{word}_cells")
            edges.append((
                node("Sub", scaled, cell, name=f"{key}{word}_value"),
                node("Log", node("Div", size, eight, name=f"{key}{word}_share"), name=f"{key}{word}_log"),
            ))  # fmt: skip
        score = node("Where", there, full, nothing, name=f"{key}_plain")
        score = node("Where", spoilt, broken, score, name=f"{key}_score")
        values = [edges[0][0], edges[1][0], edges[0][1], edges[1][1], score, one]
        shaped = [node("Reshape", value, shape, name=f"{key}_v{at}") for at, value in enumerate(values)]
        parts.append(node("Concat", *shaped, name=f"{key}_row", axis=2))
    cells = graphs.yolox_rows(height, width, 1).shape[1]
    rest = constant("rest", np.zeros((1, cells - len(colours), 6)))
    node("Concat", *parts, rest, name="output", axis=1)
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, height, width])
    out = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, cells, 6])
    graph = helper.make_graph(nodes, "colours", [image], [out], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
