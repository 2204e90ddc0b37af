"""One door for every family that looks at pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from prelabel.labelling.picture_models import open_picture_model
from prelabel.models.onnx_file import ModelRefused
from prelabel.models.package import open_model
from tests.prelabel import graphs

INPUT = '[input]\nsize = [64, 64]\ncolour = "RGB"\nfit = "stretch"\nscale = 1.0\n[decode]\n'


def test_every_family_gives_labels_of_its_kind(tmp_path: Path) -> None:
    image = {"image": "image"}
    raw = np.zeros((1, 6, 9), np.float32)
    raw[0, :, 3] = 32, 32, 20, 10, 0.1, 0.75
    cases = {
        "yolo": ({"predictions": "o"}, INPUT + 'head = "anchor-free"\n', {"o": raw}, [("box", "cup", 0.75)]),
        "classification": ({"scores": "o"}, INPUT, {"o": np.array([[0.2, 0.8]], np.float32)}, [("choice", "cup", 0.8)]),
        "segmentation": (
            {"map": "o"}, INPUT + 'form = "classes"\n', {"o": np.ones((1, 8, 8), np.int64)}, [("mask", "cup", None)],
        ),
    }  # fmt: skip
    for family, (outputs, extra, planted, expected) in cases.items():
        text = graphs.manifest(family, image, outputs, ["person", "cup"], extra)
        package = open_model(graphs.save_package(tmp_path / family, graphs.constant(planted, (1, 3, 64, 64)), text))
        model = open_picture_model(package)
        assert model.package is package and model.source == package.source
        labels = model.labels(np.full((128, 128, 3), 90, np.uint8))
        assert [(one.kind, one.label, one.score and pytest.approx(one.score)) for one in labels] == expected


def test_what_hears_does_not_see(tmp_path: Path) -> None:
    text = graphs.manifest("vad", *graphs.VAD_IO, ["speech"])
    with pytest.raises(ModelRefused, match="family vad, which does not look at pictures"):
        open_picture_model(open_model(graphs.save_package(tmp_path / "voice", graphs.vad(), text)))
