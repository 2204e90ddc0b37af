"""The three networks of OCR as small graphs whose answers follow from the picture itself, and pages of real print."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from prelabel.models.package import ModelPackage, open_model
from tests.prelabel import graphs

IO = ({"image": "x"}, {"map": "y"})


def package(folder: Path, model: onnx.ModelProto, part: str, extra: str = "", name: str | None = None) -> ModelPackage:
    """A package of one part; `extra` is TOML that follows `part` in its `[decode]`."""
    text = graphs.manifest("ocr", *IO, [], f'[decode]\npart = "{part}"\n{extra}')
    text = text.replace('name = "planted"', f'name = "{name or part}"').replace("names = []\n", "")
    return open_model(graphs.save_package(folder, model, text))


def graph(
    nodes: list[onnx.NodeProto],
    weights: dict[str, np.ndarray],
    into: Sequence[int | str] = ("n", 3, "h", "w"),
    out: Sequence[int | str] = ("n", "a", "b", "c"),
    element: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """A model of one input `x` and one output `y`."""
    return helper.make_model(
        helper.make_graph(
            nodes,
            "planted",
            [helper.make_tensor_value_info("x", element, list(into))],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, list(out))],
            [numpy_helper.from_array(values, name) for name, values in weights.items()],
        ),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )


def detection(channel: int = 0, into: Sequence[int | str] = ("n", 3, "h", "w")) -> onnx.ModelProto:
    """Probability of text = brightness 0..1 of one channel of what goes in, which is normalised to -1..1."""
    weights = {
        "from": np.array([channel]), "to": np.array([channel + 1]), "axis": np.array([1]),
        "half": np.array(0.5, dtype=np.float32), "zero": np.array(0, np.float32), "one": np.array(1, np.float32),
    }  # fmt: skip
    nodes = [
        helper.make_node("Slice", ["x", "from", "to", "axis"], ["plane"]),
        helper.make_node("Mul", ["plane", "half"], ["halved"]),
        helper.make_node("Add", ["halved", "half"], ["bright"]),
        helper.make_node("Clip", ["bright", "zero", "one"], ["y"]),
    ]
    return graph(nodes, weights, into, ("n", 1, "h", "w"))


def planted_map(values: np.ndarray) -> onnx.ModelProto:
    """Probability of text = the upper left part of these values, as large as what goes in."""
    weights = {"values": values[np.newaxis, np.newaxis].astype(np.float32), "two": np.array([2]), "four": np.array([4]),
               "zeros": np.zeros(2, dtype=np.int64)}  # fmt: skip
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Slice", ["shape", "two", "four"], ["sides"]),
        helper.make_node("Slice", ["values", "zeros", "sides", "axes"], ["y"]),
    ]
    return graph(nodes, {**weights, "axes": np.array([2, 3])}, ("n", 3, "h", "w"), ("n", 1, "h", "w"))


def direction(left: int = 48) -> onnx.ModelProto:
    """Upside down with the probability that is the brightness of the `left` first columns."""
    weights = {
        "from": np.array([0]), "to": np.array([left]), "axis": np.array([3]),
        "half": np.array(0.5, dtype=np.float32), "one": np.array(1, dtype=np.float32), "flat": np.array([-1, 1]),
    }  # fmt: skip
    nodes = [
        helper.make_node("Slice", ["x", "from", "to", "axis"], ["begin"]),
        helper.make_node("ReduceMean", ["begin"], ["mean"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Mul", ["mean", "half"], ["halved"]),
        helper.make_node("Add", ["halved", "half"], ["deep"]),
        helper.make_node("Reshape", ["deep", "flat"], ["head"]),
        helper.make_node("Sub", ["one", "head"], ["upright"]),
        helper.make_node("Concat", ["upright", "head"], ["y"], axis=1),
    ]
    return graph(nodes, weights, ("n", 3, "h", "w"), ("n", 2))


CELL = 8


def recognition(characters: int) -> onnx.ModelProto:
    """Every 8 columns are a character: its number is their brightness above grey, 0 (grey, and padding) the blank."""
    weights = {
        "most": np.array(characters, dtype=np.float32), "depth": np.array([characters + 1]),
        "values": np.array([0, 1], dtype=np.float32), "flat": np.array([0, -1]), "zero": np.array(0, dtype=np.float32),
    }  # fmt: skip
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["columns"], axes=[1, 2], keepdims=1),
        helper.make_node("AveragePool", ["columns"], ["cells"], kernel_shape=[1, CELL], strides=[1, CELL]),
        helper.make_node("Reshape", ["cells", "flat"], ["level"]),
        helper.make_node("Max", ["level", "zero"], ["bright"]),
        helper.make_node("Mul", ["bright", "most"], ["exact"]),
        helper.make_node("Round", ["exact"], ["number"]),
        helper.make_node("Cast", ["number"], ["index"], to=TensorProto.INT64),
        helper.make_node("OneHot", ["index", "depth", "values"], ["y"], axis=-1),
    ]
    return graph(nodes, weights, ("n", 3, 48, "w"), ("n", "t", characters + 1))


def bars(numbers: Sequence[int], characters: int, height: int = 48) -> np.ndarray:
    """The line that `recognition(characters)` reads as these numbers, 8 columns each."""
    levels = np.array([round(127.5 + 127.5 * number / characters) for number in numbers], dtype=np.uint8)
    row = np.repeat(levels, CELL)
    return np.repeat(np.repeat(row[np.newaxis], height, axis=0)[:, :, np.newaxis], 3, axis=2)


def constant(values: np.ndarray) -> onnx.ModelProto:
    """Answers with the same values [1, T, K] to every line of a batch."""
    weights = {"values": values.astype(np.float32), "tail": np.array(values.shape[1:]), "first": np.array([0]),
               "second": np.array([1])}  # fmt: skip
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Slice", ["shape", "first", "second"], ["count"]),
        helper.make_node("Concat", ["count", "tail"], ["wanted"], axis=0),
        helper.make_node("Expand", ["values", "wanted"], ["y"]),
    ]
    return graph(nodes, weights, ("n", 3, "h", "w"), ("n", *values.shape[1:]))


def surer_when_bright(bright: float, dark: float) -> onnx.ModelProto:
    """Reads `c` with a certainty that goes from `dark` to `bright` with the first 8 columns; two more letters share
    the rest with the blank."""
    weights = {
        "from": np.array([0]), "to": np.array([8]), "axis": np.array([3]), "flat": np.array([-1, 1, 1]),
        "slope": np.array((bright - dark) / 2, dtype=np.float32), "one": np.array(1, dtype=np.float32),
        "middle": np.array((bright + dark) / 2, dtype=np.float32), "three": np.array(3, dtype=np.float32),
    }  # fmt: skip
    nodes = [
        helper.make_node("Slice", ["x", "from", "to", "axis"], ["begin"]),
        helper.make_node("ReduceMean", ["begin"], ["mean"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Reshape", ["mean", "flat"], ["level"]),
        helper.make_node("Mul", ["level", "slope"], ["part"]),
        helper.make_node("Add", ["part", "middle"], ["sure"]),
        helper.make_node("Sub", ["one", "sure"], ["left"]),
        helper.make_node("Div", ["left", "three"], ["rest"]),
        helper.make_node("Concat", ["rest", "rest", "rest", "sure"], ["y"], axis=2),
    ]
    return graph(nodes, weights, ("n", 3, 48, "w"), ("n", 1, 4))


def page(
    lines: Sequence[str],
    size: int = 28,
    ink: tuple[int, int, int] = (0, 0, 0),
    paper: tuple[int, int, int] = (255, 255, 255),
    width: int = 900,
    columns: int = 1,
) -> np.ndarray:
    """Lines of print in OpenCV's own sans face, one below the other, column by column."""
    font = cv2.FontFace("sans")
    rows = -(-len(lines) // columns)
    picture = np.full((2 * size * (rows + 1), width, 3), paper, dtype=np.uint8)
    for number, line in enumerate(lines):
        at = (size + number // rows * (width // columns), 2 * size * (number % rows + 1))
        cv2.putText(picture, line, at, ink, font, size, 400)
    return picture


def edits(truth: str, said: str) -> float:
    """Character error rate: the fewest insertions, deletions and replacements, over the length of the truth."""
    row = list(range(len(said) + 1))
    for number, letter in enumerate(truth, start=1):
        before, row[0] = row[0], number
        for at, other in enumerate(said, start=1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (letter != other))
    return row[-1] / len(truth)
