"""Boxes planted in the tensors of YuNet come back, whatever the picture's size."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.prelabel import graphs
from tests.prelabel.image import plants


@settings(max_examples=40, deadline=None)
@given(plants.boxed_frames(), st.sampled_from((8, 16, 32)))
def test_yunet_boxes_come_back(case: tuple, stride: int) -> None:
    width, height, box = case
    there = plants.way("letterbox-top-left", width, height, *plants.free_net(width, height))
    maps = graphs.yunet_maps()
    graphs.plant_yunet(maps, stride, there.box(box))
    toml = graphs.manifest("yunet", *graphs.YUNET_IO, ["face"])
    plants.assert_same(
        plants.detector(graphs.yunet(maps), toml).detect(plants.picture(width, height)), box, "face", 0.9
    )
