"""Networks that say what a test planted, and refuse to say anything of a bright picture: for maskings of known places.

Real graphs, run by onnxruntime; only their answers are made up.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from prelabel.audio.vad import VadModel
from prelabel.image.detector import Detector, open_detector
from prelabel.models.package import open_model
from prelabel.redaction.people_finder import PeopleFinder
from tests.prelabel import graphs

SIDE = 416  # of the people network's input
BRIGHT = 180.0  # mean of its input from which the people network gives nothing but NaN
Box = tuple[float, float, float, float]


def faces(folder: Path, *boxes: Box) -> Detector:
    """A face detector that finds these boxes (x, y, width, height in pixels of the picture it gets)."""
    maps = graphs.centerface_maps()
    for box in boxes:
        graphs.plant_centerface(maps, box)
    manifest = graphs.manifest("centerface", *graphs.CENTERFACE_IO, ["face"])
    return open_detector(open_model(graphs.save_package(folder / "faces", graphs.centerface(maps), manifest)))


def people(folder: Path, picture: tuple[int, int], *boxes: Box) -> Detector:
    """A detector of people in pictures of one size (width, height) that finds these boxes of it; NaN when bright."""
    rows = graphs.yolox_rows(SIDE, SIDE, 1)
    scale = SIDE / max(picture)
    for x, y, width, height in boxes:
        planted = (x * scale, y * scale, width * scale, height * scale)
        graphs.plant_yolox(rows, SIDE, SIDE, 32, planted, 0)
    model = _refusing(graphs.yolox(SIDE, SIDE, rows))
    manifest = graphs.manifest("yolox", *graphs.YOLOX_IO, ["person"])
    return open_detector(open_model(graphs.save_package(folder / "people", model, manifest)))


def finder(folder: Path, picture: tuple[int, int], face: list[Box], person: list[Box]) -> PeopleFinder:
    return PeopleFinder(faces(folder, *face), people(folder, picture, *person))


def voice(folder: Path) -> VadModel:
    """Hears speech where samples are large: the probability is the mean of the window."""
    manifest = graphs.manifest("vad", *graphs.VAD_IO, ["speech"])
    return VadModel(open_model(graphs.save_package(folder / "voice", graphs.vad(), manifest)))


def _refusing(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same answers, plus 0 * log(BRIGHT - mean of the picture): nothing, and NaN when the picture is brighter."""
    graph = model.graph
    graph.node[0].output[0] = "plain"
    graph.node.extend(
        [
            helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
            helper.make_node("Sub", ["bright", "mean"], ["room"]),
            helper.make_node("Log", ["room"], ["log"]),
            helper.make_node("Mul", ["log", "nothing"], ["added"]),
            helper.make_node("Add", ["plain", "added"], ["output"]),
        ]
    )
    for name, value in (("bright", BRIGHT), ("nothing", 0.0)):
        graph.initializer.append(numpy_helper.from_array(np.array(value, dtype=np.float32), name))
    assert graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT
    return model
