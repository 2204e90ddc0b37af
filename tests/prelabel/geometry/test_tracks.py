"""Tracks between their keyframes, and places cut at the edge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelabel.geometry.tracks import UprightBox, attributes_at, box_at, boxes_at
from wire.labels import Track

CASES = json.loads((Path(__file__).resolve().parents[3] / "wire/conformance/tracks.json").read_text("utf-8"))["cases"]
TIMES = [0, 40_000, 90_000, 130_000, 170_000, 210_000, 250_000]


def track(*rows: tuple[int, float, bool]) -> Track:
    return Track.model_validate(
        {
            "id": "t",
            "label": "person",
            "keyframes": [
                {"frame": f, "start_us": TIMES[f], "x": x, "y": 0, "width": 10, "height": 10, "visible": v}
                for f, x, v in rows
            ],
        }
    )


@pytest.mark.parametrize("case", [case for case in CASES if case["keyframes"]], ids=lambda case: case["name"])
def test_tracks_mean_what_the_corpus_says(case: dict[str, Any]) -> None:
    frame, times_us, wanted = case["frame"], case["times_us"], case["box"]
    if frame >= len(times_us):
        assert wanted is None  # a frame outside the table is never asked for: `compared_moments` keeps within it
        return
    label = Track.model_validate({"kind": "track", "id": "t", "label": "x", "keyframes": case["keyframes"]})
    box = box_at(label, frame, times_us[frame])
    assert (box and box._asdict()) == (wanted and pytest.approx(wanted, abs=1e-6))
    boxes, seen = boxes_at(label, np.array([frame]), np.array([times_us[frame]]))
    assert bool(seen[0]) == (wanted is not None)
    if wanted:
        x, y, width, height = (wanted[name] for name in ("x", "y", "width", "height"))
        assert boxes[0].tolist() == pytest.approx([x, y, x + width, y + height], abs=1e-6)


@pytest.mark.parametrize(
    ("rows", "frame", "x"),
    [
        ([(1, 0.0, True), (3, 90.0, True)], 0, None),  # before the first keyframe
        ([(1, 0.0, True), (3, 90.0, True)], 1, 0.0),
        ([(1, 0.0, True), (3, 90.0, True)], 2, 50.0),  # 50 of 90 ms: linear in time, not in frames
        ([(1, 0.0, True), (3, 90.0, True)], 3, 90.0),  # the last keyframe's frame belongs to the track
        ([(1, 0.0, True), (3, 90.0, True)], 4, None),  # and nothing after it
        ([(1, 7.0, True), (3, 7.0, False)], 2, 7.0),  # held up to a hidden keyframe
        ([(1, 7.0, True), (3, 7.0, False)], 3, None),
        ([(1, 7.0, True), (3, 7.0, False), (5, 20.0, True)], 4, None),  # absent until the next visible one
        ([(1, 7.0, True), (3, 7.0, False), (5, 20.0, True)], 5, 20.0),
        ([(2, 7.0, True)], 2, 7.0),
        ([(2, 7.0, True)], 3, None),
    ],
)
def test_place_of_a_track(rows: list[tuple[int, float, bool]], frame: int, x: float | None) -> None:
    place = box_at(track(*rows), frame, TIMES[frame])
    assert (place.x if place else None) == x


def test_attributes_hold_from_their_keyframe_on() -> None:
    rows = track((0, 0.0, True), (2, 0.0, True), (4, 0.0, True)).to_json()
    rows["keyframes"][1]["attributes"] = {"occluded": True}
    rows["attributes"] = {"who": "a"}
    label = Track.model_validate(rows)
    assert attributes_at(label, 1) == {"who": "a"}
    assert attributes_at(label, 3) == {"who": "a", "occluded": True}
    assert attributes_at(label, 4) == {"who": "a"}


boxes = st.builds(
    UprightBox,
    st.floats(-100, 100),
    st.floats(-100, 100),
    st.floats(0.1, 200),
    st.floats(0.1, 200),
)


@given(boxes, st.floats(1, 300), st.floats(1, 300))
def test_clipping_stays_inside(place: UprightBox, width: float, height: float) -> None:
    inside = place.clipped(width, height)
    if inside is None:
        assert place.x >= width or place.y >= height or place.x + place.width <= 0 or place.y + place.height <= 0
    else:
        assert inside.x >= 0 and inside.y >= 0
        assert inside.x + inside.width <= width + 1e-9 and inside.y + inside.height <= height + 1e-9
        assert inside.area <= place.area + 1e-6
