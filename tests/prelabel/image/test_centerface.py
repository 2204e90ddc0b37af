"""Boxes planted in the tensors of CenterFace come back, whatever the picture's size."""

from __future__ import annotations

from hypothesis import given, settings

from tests.prelabel import graphs
from tests.prelabel.image import plants


@settings(max_examples=40, deadline=None)
@given(plants.boxed_frames())
def test_centerface_boxes_come_back(case: tuple) -> None:
    width, height, box = case
    there = plants.way("stretch", width, height, *plants.free_net(width, height))
    maps = graphs.centerface_maps()
    graphs.plant_centerface(maps, there.box(box))
    toml = graphs.manifest("centerface", *graphs.CENTERFACE_IO, ["face"])
    found = plants.detector(graphs.centerface(maps), toml).detect(plants.picture(width, height))
    plants.assert_same(found, box, "face", 0.9)
