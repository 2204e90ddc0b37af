"""Small networks whose answers are known: the tensors of each family with planted objects, built with `onnx`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Planted maps are cut to the size of the input, so they have to be as large as the largest input: 640 / 4.
MOST = 640


def save_package(folder: Path, model: onnx.ModelProto | bytes, manifest: str, sha256: str | None = None) -> Path:
    """A model package folder; `manifest` is TOML without the sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    data = model if isinstance(model, bytes) else model.SerializeToString()
    (folder / "model.onnx").write_bytes(data)
    digest = sha256 or hashlib.sha256(data).hexdigest()
    (folder / "model.toml").write_text(f'sha256 = "{digest}"\n{manifest}', encoding="utf-8")
    return folder


def manifest(family: str, inputs: dict[str, str], outputs: dict[str, str], names: list[str], extra: str = "") -> str:
    rows = [
        'name = "planted"',
        'version = "1"',
        f'family = "{family}"',
        'licence = "Apache-2.0"',
        f"names = {names}".replace("'", '"'),
        "[inputs]",
        *(f'{role} = "{name}"' for role, name in inputs.items()),
        "[outputs]",
        *(f'{role} = "{name}"' for role, name in outputs.items()),
        extra,
    ]
    return "\n".join(rows) + "\n"


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    weights: list[onnx.TensorProto],
) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "planted", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def _tensor(name: str, values: np.ndarray) -> onnx.TensorProto:
    return numpy_helper.from_array(values, name)


# ---------------------------------------------------------------- any outputs, whatever goes in
def constant(
    outputs: dict[str, np.ndarray],
    image: tuple[int | str, ...] = (1, 3, "height", "width"),
    dtype: int = TensorProto.FLOAT,
    more_inputs: dict[str, tuple[int, tuple[int | str, ...]]] | None = None,
    lit: dict[str, np.ndarray] | None = None,
    declared: bool = True,
    lit_above: float = 0.5,
) -> onnx.ModelProto:
    """Gives `outputs` for every picture; `lit` (some of them) instead for one with a value above `lit_above`.

    `more_inputs`: name -> (type, shape). Without `declared` the file says nothing of the outputs' sizes.
    """
    inputs = [helper.make_tensor_value_info("image", dtype, list(image))]
    inputs += [
        helper.make_tensor_value_info(name, kind, list(shape)) for name, (kind, shape) in (more_inputs or {}).items()
    ]
    nodes, weights, infos = [], [], []
    if lit:
        nodes = [
            helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMax", ["floats"], ["brightest"], keepdims=0),
            helper.make_node("Greater", ["brightest", "dark"], ["is_lit"]),
        ]
        weights.append(_tensor("dark", np.float32(lit_above)))
    for name, values in outputs.items():
        weights.append(_tensor(f"{name}_planted", values))
        if lit and name in lit:
            weights.append(_tensor(f"{name}_lit", lit[name]))
            nodes.append(helper.make_node("Where", ["is_lit", f"{name}_lit", f"{name}_planted"], [name]))
        else:
            nodes.append(helper.make_node("Identity", [f"{name}_planted"], [name]))
        shape = list(values.shape) if declared else [f"{name}_{axis}" for axis in range(values.ndim)]
        infos.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(values.dtype), shape))
    return _model(nodes, inputs, infos, weights)


def echo(image: tuple[int | str, ...], dtype: int = TensorProto.FLOAT) -> onnx.ModelProto:
    """Gives back the tensor it is given, as `seen`: what a network really gets of a picture."""
    tensor = helper.make_tensor_value_info("image", dtype, list(image))
    seen = helper.make_tensor_value_info("seen", dtype, list(image))
    return _model([helper.make_node("Identity", ["image"], ["seen"])], [tensor], [seen], [])


# ---------------------------------------------------------------- YOLOX: one fixed size
YOLOX_IO = ({"image": "images"}, {"predictions": "output"})


def yolox_rows(height: int, width: int, classes: int) -> np.ndarray:
    cells = sum((height // stride) * (width // stride) for stride in (8, 16, 32))
    return np.zeros((1, cells, 5 + classes), dtype=np.float32)


def plant_yolox(
    rows: np.ndarray, height: int, width: int, stride: int, box: tuple[float, float, float, float], label: int
) -> None:
    """Put a box (x, y, width, height in pixels of the input) with objectness and class score 0.9 into its cell."""
    x, y, w, h = box
    column, row = int((x + w / 2) // stride), int((y + h / 2) // stride)
    start = sum((height // s) * (width // s) for s in (8, 16, 32) if s < stride)
    at = start + row * (width // stride) + column
    centre = ((x + w / 2) / stride - column, (y + h / 2) / stride - row)
    rows[0, at, :5] = (*centre, np.log(w / stride), np.log(h / stride), 0.9)
    rows[0, at, 5:] = 0.01
    rows[0, at, 5 + label] = 0.9


def yolox(height: int, width: int, rows: np.ndarray) -> onnx.ModelProto:
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, height, width])
    out = helper.make_tensor_value_info("output", TensorProto.FLOAT, list(rows.shape))
    return _model([helper.make_node("Identity", ["rows"], ["output"])], [image], [out], [_tensor("rows", rows)])


def yolox_by_brightness(height: int, width: int, rows: np.ndarray) -> onnx.ModelProto:
    """As `yolox`, with scores in proportion to how bright the picture is."""
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, height, width])
    out = helper.make_tensor_value_info("output", TensorProto.FLOAT, list(rows.shape))
    score = np.zeros_like(rows)
    score[..., 4] = 1 / 255
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["score", "mean"], ["brightness"]),
        helper.make_node("Add", ["brightness", "others"], ["factors"]),
        helper.make_node("Mul", ["rows", "factors"], ["output"]),
    ]
    others = (score == 0).astype(np.float32)
    return _model(nodes, [image], [out], [_tensor("rows", rows), _tensor("score", score), _tensor("others", others)])


# ---------------------------------------------------------------- maps cut to the size of the input
def _cut(name: str, stride: int, axes: tuple[int, int]) -> list[onnx.NodeProto]:
    """Nodes that cut the planted map `NAME_map` to input height / stride x input width / stride."""
    return [
        helper.make_node("Div", ["sides", f"stride_{stride}"], [f"{name}_ends"]),
        helper.make_node("Slice", [f"{name}_map", "zeros", f"{name}_ends", f"axes_{axes[0]}"], [f"{name}_cut"]),
    ]


def _sides() -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    nodes = [
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Slice", ["shape", "two", "four"], ["sides"]),
    ]
    weights = [
        _tensor("two", np.array([2], dtype=np.int64)),
        _tensor("four", np.array([4], dtype=np.int64)),
        _tensor("zeros", np.zeros(2, dtype=np.int64)),
        _tensor("axes_1", np.array([1, 2], dtype=np.int64)),
        _tensor("axes_2", np.array([2, 3], dtype=np.int64)),
        *(_tensor(f"stride_{stride}", np.array([stride, stride], dtype=np.int64)) for stride in (4, 8, 16, 32)),
    ]
    return nodes, weights


# ---------------------------------------------------------------- YuNet: any size, NHWC maps flattened to cells
YUNET_ROLES = [f"{kind}_{stride}" for kind in ("cls", "obj", "bbox") for stride in (8, 16, 32)]
YUNET_IO = ({"image": "image"}, {role: role for role in YUNET_ROLES})


def yunet_maps() -> dict[str, np.ndarray]:
    channels = {"cls": 1, "obj": 1, "bbox": 4}
    return {
        role: np.zeros(
            (1, MOST // int(role.split("_")[1]), MOST // int(role.split("_")[1]), channels[kind]), np.float32
        )
        for role in YUNET_ROLES
        for kind in [role.split("_")[0]]
    }


def plant_yunet(maps: dict[str, np.ndarray], stride: int, box: tuple[float, float, float, float]) -> None:
    x, y, w, h = box
    column, row = int((x + w / 2) // stride), int((y + h / 2) // stride)
    maps[f"cls_{stride}"][0, row, column] = 0.9
    maps[f"obj_{stride}"][0, row, column] = 0.9
    maps[f"bbox_{stride}"][0, row, column] = (
        (x + w / 2) / stride - column, (y + h / 2) / stride - row, np.log(w / stride), np.log(h / stride),
    )  # fmt: skip


def yunet(maps: dict[str, np.ndarray]) -> onnx.ModelProto:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])
    nodes, weights = _sides()
    outputs = []
    for role, values in maps.items():
        nodes += _cut(role, int(role.split("_")[1]), (1, 2))
        nodes.append(helper.make_node("Reshape", [f"{role}_cut", f"{role}_shape"], [role]))
        weights.append(_tensor(f"{role}_map", values))
        weights.append(_tensor(f"{role}_shape", np.array([1, -1, values.shape[3]], dtype=np.int64)))
        outputs.append(helper.make_tensor_value_info(role, TensorProto.FLOAT, [1, "cells", values.shape[3]]))
    return _model(nodes, [image], outputs, weights)


# ---------------------------------------------------------------- CenterFace: any size behind a declaration of 32 x 32
CENTERFACE_IO = ({"image": "image"}, {"heatmap": "537", "scale": "538", "offset": "539"})


def centerface_maps() -> dict[str, np.ndarray]:
    return {
        role: np.zeros((1, channels, MOST // 4, MOST // 4), np.float32)
        for role, channels in (("heatmap", 1), ("scale", 2), ("offset", 2))
    }


def plant_centerface(maps: dict[str, np.ndarray], box: tuple[float, float, float, float]) -> None:
    x, y, w, h = box
    column, row = int((x + w / 2) // 4), int((y + h / 2) // 4)
    maps["heatmap"][0, 0, row, column] = 0.9
    maps["scale"][0, :, row, column] = (np.log(h / 4), np.log(w / 4))
    maps["offset"][0, :, row, column] = ((y + h / 2) / 4 - row - 0.5, (x + w / 2) / 4 - column - 0.5)


def centerface(maps: dict[str, np.ndarray]) -> onnx.ModelProto:
    """Declares 10 x 3 x 32 x 32 and lists a weight among its inputs, as the published file does."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [10, 3, 32, 32])
    nodes, weights = _sides()
    outputs = []
    for role, values in maps.items():
        name = CENTERFACE_IO[1][role]
        nodes += _cut(role, 4, (2, 3))
        nodes.append(helper.make_node("Identity", [f"{role}_cut"], [name]))
        weights.append(_tensor(f"{role}_map", values))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [10, values.shape[1], 8, 8]))
    listed = helper.make_tensor_value_info("heatmap_map", TensorProto.FLOAT, list(maps["heatmap"].shape))
    return _model(nodes, [image, listed], outputs, weights)


# ---------------------------------------------------------------- voice activity: says what it was told
VAD_IO = (
    {"audio": "input", "state": "state", "sample_rate": "sr"},
    {"probability": "output", "state": "stateN"},
)


def vad() -> onnx.ModelProto:
    """Probability = mean of the window's samples; the state comes back unchanged."""
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", "samples"]),
        helper.make_tensor_value_info("state", TensorProto.FLOAT, [2, "n", 128]),
        helper.make_tensor_value_info("sr", TensorProto.INT64, []),
    ]
    outputs = [
        helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", 1]),
        helper.make_tensor_value_info("stateN", TensorProto.FLOAT, [2, "n", 128]),
    ]
    nodes = [
        helper.make_node("Slice", ["input", "from", "to", "axis"], ["window"]),
        helper.make_node("ReduceMean", ["window"], ["output"], axes=[1], keepdims=1),
        helper.make_node("Identity", ["state"], ["stateN"]),
    ]
    weights = [
        _tensor("from", np.array([64], dtype=np.int64)),
        _tensor("to", np.array([576], dtype=np.int64)),
        _tensor("axis", np.array([1], dtype=np.int64)),
    ]
    return _model(nodes, inputs, outputs, weights)
