"""What an ONNX file declares about itself, read or changed without the `onnx` package and without its weights.

An ONNX file is one protobuf message (onnx.proto, ModelProto). Field numbers used here: ModelProto ir_version 1,
graph 7, metadata_props 14; GraphProto initializer 5, input 11, output 12, value_info 13; TensorProto data_type 2,
name 8, raw_data 9, external_data 13, data_location 14; ValueInfoProto name 1, type 2; TypeProto tensor_type 1; Tensor
elem_type 1, shape 2; TensorShapeProto dim 1; Dimension dim_value 1, dim_param 2; StringStringEntryProto key 1, value 2.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prelabel.models.protobuf import (
    BYTES,
    VARINT,
    NotProtobuf,
    bytes_field,
    bytes_of,
    fields,
    number_field,
    number_of,
    text_of,
    varint,
)
from wire.errors import GleanerError

Dims = Sequence[int | str]

# From this version of the format on, an initializer need not be listed as an input of the graph too.
INITIALIZERS_APART = 4
_EXTERNAL = 1
_FLOAT16 = 10
# TensorProto.DataType of onnx.proto, the numeric ones.
_DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 16: "bfloat16",
}  # fmt: skip


class ModelRefused(GleanerError):
    """A model file does not load, or does not do what its manifest states."""

    code = "model-refused"
    status = 422
    hint = "Compare the file with what its model.toml says of it (docs/models.md)."


@dataclass(frozen=True)
class Declared:
    """An input or output as the file declares it: a free size is None, and so is a shape that is not declared.

    `dtype` is numpy's word for the element type, `other` for what is no tensor of numbers.
    """

    shape: tuple[int | None, ...] | None
    dtype: str

    def __str__(self) -> str:
        sizes = "?" if self.shape is None else ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"[{sizes}]"


@dataclass(frozen=True)
class OnnxDescription:
    """What an ONNX file declares about itself.

    `metadata` is what its exporter wrote; `outside` names the files its weights lie in, if not in itself;
    `half_floats`: most bytes of its weights are of float16.
    """

    metadata: Mapping[str, str]
    inputs: Mapping[str, Declared]
    outputs: Mapping[str, Declared]
    outside: tuple[str, ...] = ()
    half_floats: bool = False


def describe_onnx(path: Path) -> OnnxDescription:
    """What a model file declares about itself. The file is mapped, so only the pages that are used are read.

    Raises:
        ModelRefused: it is no ONNX model, cut off, or has its weights in another file.
    """
    found = _described(path)
    if isinstance(found, str):
        raise ModelRefused(f"{path} cannot be used as a model: {found}.", hint="Download the model file again.")
    if found.outside:
        others = ", ".join(found.outside[:3])
        there = all((path.parent / name).is_file() for name in found.outside)
        raise ModelRefused(
            f"{path} keeps its weights in another file ({others}{'' if there else ', which is missing'}).",
            hint="A package is one model file: save it with the weights inside (onnx.save_model of onnx.load).",
        )
    return found


def has_half_floats(path: Path) -> bool:
    """Whether the file is a network whose weights are float16 for the most part."""
    found = _described(path)
    return not isinstance(found, str) and found.half_floats


def why_not_onnx(path: Path) -> str | None:
    """What is wrong with a file that should be an ONNX model, as the end of a sentence; None if nothing shows."""
    found = _described(path)
    return found if isinstance(found, str) else None


def free_sizes(model: bytes, dims: Mapping[str, Dims]) -> bytes:
    """The same network with other declared sizes for the inputs and outputs named in `dims`.

    A number stays fixed, a word becomes a free size. Graph inputs that only repeat an initializer are dropped
    (onnxruntime may then fold them: CenterFace runs in half the time), and so are the intermediate shapes, which
    would contradict the new sizes. Weights and nodes are copied byte for byte.

    Raises:
        NotProtobuf: `model` is cut off or no ONNX file.
    """
    chunks: list[bytes | memoryview] = []
    for number, wire_type, whole, payload in fields(memoryview(model)):
        if number == 7 and wire_type == BYTES:
            chunks.append(bytes_field(7, _free_graph(payload, dims)))
        elif number == 1 and wire_type == VARINT:
            chunks.append(number_field(1, max(varint(whole, 1)[0], INITIALIZERS_APART)))
        else:
            chunks.append(whole)
    return b"".join(chunks)


def with_weights(model: bytes, weights: bytes) -> bytes:
    """The same network with its weights inside, which `model` places at offsets in a file of the bytes `weights`.

    Raises:
        NotProtobuf: `model` is no ONNX file, or `weights` ends before a weight does.
    """
    source = memoryview(weights)
    chunks: list[bytes | memoryview] = []
    for number, wire_type, whole, payload in fields(memoryview(model)):
        if number == 7 and wire_type == BYTES:
            graph = [
                bytes_field(5, _inside(row, source)) if field == 5 and number_of(row, 14) == _EXTERNAL else one
                for field, _, one, row in fields(payload)
            ]
            chunks.append(bytes_field(7, b"".join(graph)))
        else:
            chunks.append(whole)
    return b"".join(chunks)


def _inside(tensor: memoryview, weights: memoryview) -> bytes:
    places = (row for number, _, _, row in fields(tensor) if number == 13)
    place = {text_of(row, 1): text_of(row, 2) for row in places}
    start, length = int(place["offset"]), int(place["length"])
    if start + length > len(weights):
        raise NotProtobuf("the weights are cut off")
    rest = b"".join(whole for number, _, whole, _ in fields(tensor) if number not in (13, 14))
    return rest + bytes_field(9, bytes(weights[start : start + length]))


def _described(path: Path) -> OnnxDescription | str:
    """The facts of a file, or what is wrong with it as the end of a sentence."""
    size = path.stat().st_size
    if not size:
        return "it is empty"
    with path.open("rb") as source:
        data = memoryview(mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ))
    head = bytes(data[:512])
    if head.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer, not the model itself"
    if head.lstrip()[:1] in (b"<", b"{", b"#") or (b"\0" not in head and head.isascii()):
        return "it is a text file, not an ONNX model"
    try:
        metadata: dict[str, str] = {}
        graph: memoryview | None = None
        for number, kind, _, payload in fields(data):
            if number == 7 and kind == BYTES:
                graph = payload
            elif number == 14 and kind == BYTES:
                metadata[text_of(payload, 1)] = text_of(payload, 2)
        return "it holds no network" if graph is None else _describe_graph(graph, metadata)
    except NotProtobuf:
        return f"it is cut off or damaged ({size} bytes)"


def _describe_graph(graph: memoryview, metadata: dict[str, str]) -> OnnxDescription:
    weights: set[str] = set()
    outside: set[str] = set()
    half_bytes = 0
    inputs: dict[str, Declared] = {}
    outputs: dict[str, Declared] = {}
    for number, kind, _, payload in fields(graph):
        if kind != BYTES:
            continue
        if number == 5:
            weights.add(text_of(payload, 8))
            half_bytes += len(payload) if number_of(payload, 2) == _FLOAT16 else 0
            if number_of(payload, 14) == _EXTERNAL:
                outside.add(_location(payload))
        elif number in (11, 12):
            (inputs if number == 11 else outputs)[text_of(payload, 1)] = _declared(payload)
    return OnnxDescription(
        metadata=metadata,
        # Old files list their weights among the inputs too.
        inputs={name: row for name, row in inputs.items() if name not in weights},
        outputs=outputs,
        outside=tuple(sorted(outside)),
        half_floats=half_bytes > len(graph) / 2,
    )


def _location(tensor: memoryview) -> str:
    entries = (payload for number, kind, _, payload in fields(tensor) if number == 13 and kind == BYTES)
    return next((text_of(entry, 2) for entry in entries if text_of(entry, 1) == "location"), "not named")


def _declared(value: memoryview) -> Declared:
    kind = bytes_of(value, 2)
    tensor = None if kind is None else bytes_of(kind, 1)
    if tensor is None:
        return Declared(None, "other")
    shape = bytes_of(tensor, 2)
    sizes = None if shape is None else tuple(_size(row) for number, _, _, row in fields(shape) if number == 1)
    return Declared(sizes, _DTYPES.get(number_of(tensor, 1) or 0, "other"))


def _size(dimension: memoryview) -> int | None:
    size = number_of(dimension, 1)
    return size if size is not None and size > 0 else None


def _free_graph(graph: memoryview, dims: Mapping[str, Dims]) -> bytes:
    weights = {text_of(payload, 8) for number, _, _, payload in fields(graph) if number == 5}
    chunks: list[bytes | memoryview] = []
    for number, _, whole, payload in fields(graph):
        if number == 13:
            continue
        name = text_of(payload, 1) if number in (11, 12) else ""
        if number == 11 and name not in dims and name in weights:
            continue
        if number in (11, 12) and name in dims:
            chunks.append(bytes_field(number, _with_shape(payload, (2, 1, 2), _shape(dims[name]))))
        else:
            chunks.append(whole)
    return b"".join(chunks)


def _with_shape(message: memoryview, path: tuple[int, ...], shape: bytes) -> bytes:
    """`message` with the field at `path` (field numbers, outside in) replaced by `shape`, or added."""
    number, rest = path[0], path[1:]
    chunks: list[bytes | memoryview] = []
    found = False
    for field, wire_type, whole, payload in fields(message):
        if field == number and wire_type == BYTES:
            found = True
            chunks.append(bytes_field(number, _with_shape(payload, rest, shape) if rest else shape))
        else:
            chunks.append(whole)
    if not found:
        chunks.append(bytes_field(number, _with_shape(memoryview(b""), rest, shape) if rest else shape))
    return b"".join(chunks)


def _shape(dims: Dims) -> bytes:
    rows = (number_field(1, dim) if isinstance(dim, int) else bytes_field(2, dim.encode()) for dim in dims)
    return b"".join(bytes_field(1, row) for row in rows)
