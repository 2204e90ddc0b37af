"""The few bytes of an ONNX file this project looks at or changes itself, without the `onnx` package.

An ONNX file is one protobuf message (onnx.proto, ModelProto). Field numbers used here: ModelProto ir_version 1,
graph 7; GraphProto initializer 5, input 11, output 12, value_info 13; TensorProto name 8; ValueInfoProto name 1,
type 2; TypeProto tensor_type 1; Tensor shape 2; TensorShapeProto dim 1; Dimension dim_value 1, dim_param 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

Dims = Sequence[int | str]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# From this version of the format on, an initializer need not be listed as an input of the graph too.
INITIALIZERS_APART = 4


class NotProtobuf(ValueError):
    """The bytes end in the middle of a field or are no protobuf message at all."""


def free_sizes(model: bytes, dims: Mapping[str, Dims]) -> bytes:
    """The same network with other declared sizes for the inputs and outputs named in `dims`.

    A number stays fixed, a word becomes a free size. Graph inputs that only repeat an initializer are dropped
    (onnxruntime may then fold them: CenterFace runs in half the time), and so are the intermediate shapes, which
    would contradict the new sizes. Weights and nodes are copied byte for byte.

    Raises:
        NotProtobuf: `model` is cut off or no ONNX file.
    """
    chunks: list[bytes | memoryview] = []
    for number, wire_type, whole, payload in _fields(memoryview(model)):
        if number == 7 and wire_type == BYTES:
            chunks.append(_message(7, _free_graph(payload, dims)))
        elif number == 1 and wire_type == VARINT:
            chunks.append(_number(1, max(_varint(whole, 1)[0], INITIALIZERS_APART)))
        else:
            chunks.append(whole)
    return b"".join(chunks)


def why_not_onnx(path: Path) -> str | None:
    """What is wrong with a file that should be an ONNX model, as the end of a sentence; None if nothing shows."""
    data = path.read_bytes()
    if not data:
        return "it is empty"
    head = data[:512]
    if head.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer, not the model itself"
    if head.lstrip()[:1] in (b"<", b"{", b"#") or (b"\0" not in head and head.isascii()):
        return "it is a text file, not an ONNX model"
    try:
        numbers = {number for number, *_ in _fields(memoryview(data))}
    except NotProtobuf:
        return f"it is cut off or damaged ({len(data)} bytes)"
    return None if 7 in numbers else "it holds no network"


def _free_graph(graph: memoryview, dims: Mapping[str, Dims]) -> bytes:
    weights = {_text(payload, 8) for number, _, _, payload in _fields(graph) if number == 5}
    chunks: list[bytes | memoryview] = []
    for number, _, whole, payload in _fields(graph):
        if number == 13:
            continue
        name = _text(payload, 1) if number in (11, 12) else ""
        if number == 11 and name not in dims and name in weights:
            continue
        if number in (11, 12) and name in dims:
            chunks.append(_message(number, _with_shape(payload, (2, 1, 2), _shape(dims[name]))))
        else:
            chunks.append(whole)
    return b"".join(chunks)


def _with_shape(message: memoryview, path: tuple[int, ...], shape: bytes) -> bytes:
    """`message` with the field at `path` (field numbers, outside in) replaced by `shape`, or added."""
    number, rest = path[0], path[1:]
    chunks: list[bytes | memoryview] = []
    found = False
    for field, wire_type, whole, payload in _fields(message):
        if field == number and wire_type == BYTES:
            found = True
            chunks.append(_message(number, _with_shape(payload, rest, shape) if rest else shape))
        else:
            chunks.append(whole)
    if not found:
        chunks.append(_message(number, _with_shape(memoryview(b""), rest, shape) if rest else shape))
    return b"".join(chunks)


def _shape(dims: Dims) -> bytes:
    rows = (_number(1, dim) if isinstance(dim, int) else _message(2, dim.encode()) for dim in dims)
    return b"".join(_message(1, row) for row in rows)


def _fields(message: memoryview) -> Iterator[tuple[int, int, memoryview, memoryview]]:
    """(field number, wire type, whole field, payload) of each field in order."""
    at = 0
    while at < len(message):
        start = at
        key, at = _varint(message, at)
        wire_type = key & 7
        if wire_type == VARINT:
            payload = at
            _, at = _varint(message, at)
        elif wire_type == BYTES:
            length, payload = _varint(message, at)
            at = payload + length
        elif wire_type in (FIXED64, FIXED32):
            payload = at
            at += 8 if wire_type == FIXED64 else 4
        else:
            raise NotProtobuf(f"wire type {wire_type}")
        if at > len(message) or key >> 3 == 0:
            raise NotProtobuf("cut off")
        yield key >> 3, wire_type, message[start:at], message[payload:at]


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise NotProtobuf("cut off")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _encoded(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _encoded(field << 3 | VARINT) + _encoded(value)


def _message(field: int, payload: bytes) -> bytes:
    return _encoded(field << 3 | BYTES) + _encoded(len(payload)) + payload


def _text(message: memoryview, number: int) -> str:
    return next(
        (bytes(payload).decode(errors="replace") for field, kind, _, payload in _fields(message)
         if field == number and kind == BYTES),
        "",
    )  # fmt: skip
