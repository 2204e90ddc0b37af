"""Networks that read their answer out of the samples they are given, and sounds in which such answers lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from prelabel.models.package import ModelPackage, open_model
from tests.prelabel import graphs

ROW = 320  # samples of a CTC row: 20 ms at 16 kHz


def value(name: str, shape: Sequence[int | str], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, list(shape))


def model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    **weights: np.ndarray,
) -> onnx.ModelProto:
    tensors = [numpy_helper.from_array(np.asarray(values), name) for name, values in weights.items()]
    graph = helper.make_graph(nodes, "planted", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def scorer(shape: Sequence[int | str], classes: int, rows: int = 1) -> onnx.ModelProto:
    """The score of class c is the mean of the c-th part of the window, whatever shape it comes in."""
    nodes = [
        helper.make_node("Reshape", ["audio", "parts"], ["cut"]),
        helper.make_node("ReduceMean", ["cut"], ["scores"], axes=[2], keepdims=0),
    ]
    parts = np.array([rows, classes, -1], dtype=np.int64)
    return model(nodes, [value("audio", shape)], [value("scores", ["rows", classes])], parts=parts)


def feature_scorer(frames: int, bands: int, shape: Sequence[int | str]) -> onnx.ModelProto:
    """The scores are the means over time of the features as they come in, so a test sees what went in."""
    nodes = [
        helper.make_node("Reshape", ["audio", "parts"], ["cut"]),
        helper.make_node("ReduceMean", ["cut"], ["scores"], axes=[1], keepdims=0),
    ]
    parts = np.array([1, frames, bands], dtype=np.int64)
    return model(nodes, [value("audio", shape)], [value("scores", [1, bands])], parts=parts)


def ctc(tokens: int, length: int | str = "n", *, lengths: bool = False, scale: float = 50.0) -> onnx.ModelProto:
    """Row t says token k when the samples of row t are k / tokens: logits -scale |mean * tokens - k|.

    With `lengths` it takes the number of samples and gives the number of rows that count, and the rows past those are
    of the last token.
    """
    inputs, outputs = [value("audio", [1, length])], [value("tokens", [1, "t", tokens])]
    weights = {
        "axis": np.array([1], dtype=np.int64),
        "count": np.float32(tokens),
        "numbers": np.arange(tokens, dtype=np.float32),
        "scale": np.float32(-scale),
    }
    nodes = [
        helper.make_node("Unsqueeze", ["audio", "axis"], ["channel"]),
        helper.make_node("AveragePool", ["channel"], ["means"], kernel_shape=[ROW], strides=[ROW]),
        helper.make_node("Transpose", ["means"], ["columns"], perm=[0, 2, 1]),
        helper.make_node("Mul", ["columns", "count"], ["said"]),
        helper.make_node("Sub", ["said", "numbers"], ["off"]),
        helper.make_node("Abs", ["off"], ["far"]),
        helper.make_node("Mul", ["far", "scale"], ["tokens"]),
    ]
    if lengths:
        inputs.append(value("n_samples", [1], TensorProto.INT64))
        outputs.append(value("n_rows", [1], TensorProto.INT64))
        weights["row"] = np.array(ROW, dtype=np.int64)
        nodes.append(helper.make_node("Div", ["n_samples", "row"], ["n_rows"]))
    return model(nodes, inputs, outputs, **weights)


def sound_of(rows: Sequence[int], tokens: int, row: int = ROW) -> np.ndarray:
    """The sound in which `ctc` reads these tokens."""
    return np.repeat(np.asarray(rows, dtype=np.float32) / np.float32(tokens), row)


def package(
    folder: Path,
    graph: onnx.ModelProto,
    family: str,
    names: list[str],
    extra: str = "",
    outputs: dict[str, str] | None = None,
    inputs: dict[str, str] | None = None,
) -> ModelPackage:
    role = {"ctc": "tokens"}.get(family, "scores")
    text = graphs.manifest(family, inputs or {"audio": "audio"}, outputs or {role: role}, names, extra)
    return open_model(graphs.save_package(folder, graph, text))


def recogniser(
    folder: Path, graph: onnx.ModelProto, alphabet: list[str], extra: str = "", *, lengths: bool = False
) -> ModelPackage:
    """A CTC package of 20 ms rows; blank is token 0. `extra`: the rest of `[decode]`, and tables after it."""
    listed = "[" + ", ".join(f'"{token}"' for token in alphabet) + "]"
    decode = f"[decode]\nalphabet = {listed}\nblank = 0\nframe_ms = 20\n{extra}"
    inputs = {"audio": "audio"} | ({"length": "n_samples"} if lengths else {})
    outputs = {"tokens": "tokens"} | ({"length": "n_rows"} if lengths else {})
    return package(folder, graph, "ctc", [], decode, outputs, inputs)


# Twenty tokens: with so many even the last one's samples, 0.95, are a plain sound.
ALPHABET = ["", " ", *"abcdefghijklmnopqr"]
TOKENS = len(ALPHABET)


def spelled(word: str) -> list[int]:
    """Rows in which a word is said: each letter for two rows, a blank between."""
    return [row for letter in word for row in (ALPHABET.index(letter), ALPHABET.index(letter), 0)]
