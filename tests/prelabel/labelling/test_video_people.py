"""A real film of six people, every frame of it, beside the same network run without any of this project's code."""

from __future__ import annotations

import pytest

from benchmarks.keyframes import MODEL, VIDEO, Comparison, compare
from prelabel.tracking.smoothing import TRUE_TO
from tests import needs


@pytest.fixture(scope="module")
def got() -> Comparison:
    return compare(needs.testdata(VIDEO), needs.testdata(MODEL))


@pytest.mark.timeout(900)
def test_whom_the_plain_run_finds_is_found_on_every_frame(got: Comparison) -> None:
    assert got.frames == 1394 and got.people_frames > 1000
    assert got.missed_by_detector == [] and got.missed_by_tracks == []
    assert got.tracks == 6


@pytest.mark.timeout(900)
def test_few_keyframes_give_the_smoothed_tracks_back(got: Comparison) -> None:
    assert got.visible_frames >= got.people_frames
    assert 5 * got.keyframes <= got.visible_frames
    assert got.least_iou >= 0.9
    assert got.least_true >= TRUE_TO - 1e-6
