"""Boxes planted in the tensors of YOLOX come back, whatever the picture's size."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.prelabel import graphs
from tests.prelabel.image import plants


@settings(max_examples=60, deadline=None)
@given(plants.boxed_frames(), st.integers(1, 20), st.integers(1, 20), st.sampled_from((8, 16, 32)))
def test_yolox_boxes_come_back(case: tuple, rows: int, columns: int, stride: int) -> None:
    width, height, box = case
    net_height, net_width = rows * 32, columns * 32
    there = plants.way("letterbox-top-left", width, height, net_width, net_height)
    planted = graphs.yolox_rows(net_height, net_width, 3)
    graphs.plant_yolox(planted, net_height, net_width, stride, there.box(box), 2)
    toml = graphs.manifest("yolox", *graphs.YOLOX_IO, ["person", "cup", "chair"])
    found = plants.detector(graphs.yolox(net_height, net_width, planted), toml).detect(plants.picture(width, height))
    plants.assert_same(found, box, "chair", 0.81)


def test_boxes_in_the_padding_are_no_detections() -> None:
    rows = graphs.yolox_rows(320, 320, 1)
    graphs.plant_yolox(rows, 320, 320, 8, (100, 200, 40, 40), 0)  # below a picture of 320 x 160
    graphs.plant_yolox(rows, 320, 320, 8, (100, 140, 40, 40), 0)  # half below it: cut at its edge
    toml = graphs.manifest("yolox", *graphs.YOLOX_IO, ["person"])
    (one,) = plants.detector(graphs.yolox(320, 320, rows), toml).detect(plants.picture(320, 160))
    assert (one.y, one.height) == pytest.approx((140, 20), abs=1e-3)


def test_values_without_sense_are_no_detections() -> None:
    """A size of e^1000, a centre that is no number, a score that is none: nothing of it is found, nothing warns."""
    clean = graphs.yolox_rows(64, 64, 1)
    wild = clean.copy()
    wild[0, 0] = (math.nan, 0, 1, 1, 0.9, 0.9)
    wild[0, 1] = (0, 0, math.nan, 1, 0.9, 0.9)
    wild[0, 2] = (0, 0, 1, 1, math.nan, 0.9)
    wild[0, 3] = (0, 0, 1, 1, 0.9, math.nan)
    wild[0, 4] = (0, 0, -1000, 1, 0.9, 0.9)
    model = graphs.constant({"output": clean}, (1, 3, 64, 64), lit={"output": wild}, lit_above=150)
    toml = graphs.manifest("yolox", {"image": "image"}, {"predictions": "output"}, ["person"])
    detector = plants.detector(model, toml)
    with np.errstate(over="raise", divide="raise"):
        assert detector.detect(np.full((64, 64, 3), 200, np.uint8)) == []
