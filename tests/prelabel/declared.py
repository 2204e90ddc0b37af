"""ONNX files that only declare: inputs and outputs of any shape, with what an exporter writes beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = list[int | str | None] | None

COCO8 = ["person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck"]


def declared(
    inputs: dict[str, Shape],
    outputs: dict[str, Shape],
    metadata: dict[str, str] | None = None,
    dtype: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """A file whose network is one constant: good to be read, not to be run."""
    graph = helper.make_graph(
        [helper.make_node("Identity", ["weight"], ["anything"])],
        "declared",
        [helper.make_tensor_value_info(name, dtype, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.zeros(3, np.float32), "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    return model


def ultralytics(task: str = "detect", names: list[str] | None = None, **more: Any) -> dict[str, str]:
    """The metadata that its exporter 8.4 writes; a keyword None leaves its key out."""
    rows = {
        "description": "Ultralytics YOLO11n model trained on /data/coco8.yaml",
        "author": "Ultralytics",
        "date": "2026-05-01T10:00:00+00:00",
        "version": "8.4.190",
        "license": "AGPL-3.0 License (https://ultralytics.com/license)",
        "docs": "https://docs.ultralytics.com",
        "stride": 32,
        "task": task,
        "head": "Detect",
        "batch": 1,
        "imgsz": [640, 640],
        "names": dict(enumerate(COCO8 if names is None else names)),
        "args": {"batch": 1, "dynamic": False, "nms": None},
        "channels": 3,
        "end2end": False,
        **more,
    }
    return {name: str(value) for name, value in rows.items() if value is not None}


def save(path: Path, model: onnx.ModelProto) -> Path:
    path.write_bytes(model.SerializeToString())
    return path
