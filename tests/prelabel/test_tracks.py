"""Tracks over synthetic motion with known truth: crossings, gaps, flicker, uneven frames; and over a real video."""

from __future__ import annotations

from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.boxes import Detection
from prelabel.detection import open_detector
from prelabel.package import open_model
from prelabel.tracks import Tracker, TrackPath
from tests import needs

FRAME_US = 40_000


def seen(
    x: float, y: float = 100, w: float = 80, h: float = 200, label: str = "person", score: float = 0.9
) -> Detection:
    return Detection(x, y, w, h, label, score)


def track(frames: dict[int, list[Detection]], step_us: int = FRAME_US, **settings: int) -> list[TrackPath]:
    tracker = Tracker(0.5, **settings)
    for frame in sorted(frames):
        tracker.push(frame, frame * step_us, frames[frame])
    return tracker.finish()


def test_one_walker_is_one_track() -> None:
    frames = {frame: [seen(3 * frame)] for frame in range(50)}
    (path,) = track(frames)
    assert [point.frame for point in path.points] == list(range(50))
    assert path.label == "person" and path.hits == 50 and path.score == pytest.approx(0.9)
    assert [point.x for point in path.points] == [3 * frame for frame in range(50)]


def test_three_looks_a_second_are_enough_for_a_walker() -> None:
    """A step of 48 pixels with a box of 60: hardly any overlap from look to look."""
    frames = {frame: [seen(48 * number, w=60)] for number, frame in enumerate(range(0, 100, 8))}
    (path,) = track(frames)
    assert path.hits == 13


def test_two_who_pass_each_other_keep_their_tracks() -> None:
    frames = {
        frame: [seen(10 * frame, y=100), seen(600 - 10 * frame, y=130)][:: 1 if frame % 2 else -1]
        for frame in range(61)
    }
    first, second = track(frames)
    for path, start, step in ((first, 0, 10), (second, 600, -10)):
        rows = [point.x for point in path.points]
        assert rows == [start + step * frame for frame in range(61)] or rows == [
            600 - start - step * frame for frame in range(61)
        ]


def test_a_gap_is_interpolated_in_time_and_marked() -> None:
    frames = {frame: [] if 4 <= frame <= 8 else [seen(10 * frame)] for frame in range(20)}
    (path,) = track(frames)
    assert [point.frame for point in path.points if point.interpolated] == [4, 5, 6, 7, 8]
    assert [point.x for point in path.points] == pytest.approx([10 * frame for frame in range(20)])
    assert path.hits == 15


def test_who_comes_back_much_later_is_a_new_track() -> None:
    frames = {frame: [] if 10 <= frame <= 60 else [seen(100)] for frame in range(80)}
    assert [(path.points[0].frame, path.points[-1].frame) for path in track(frames)] == [(0, 9), (61, 79)]


def test_flicker_is_dropped() -> None:
    frames = {frame: [seen(300)] if frame in (3, 4) else [] for frame in range(20)}
    frames[10] = [seen(500)]
    assert track(frames) == []
    assert len(track(frames, least_hits=2)) == 1


def test_weak_sightings_hold_a_track_but_start_none() -> None:
    frames = {frame: [seen(5 * frame, score=0.2 if 5 <= frame < 12 else 0.9)] for frame in range(20)}
    (path,) = track(frames)
    assert path.hits == 20
    assert track({frame: [seen(5 * frame, score=0.3)] for frame in range(20)}) == []


def test_weak_sightings_before_the_start_are_taken_from_behind() -> None:
    frames = {frame: [seen(5 * frame, score=0.2 if frame < 6 else 0.9)] for frame in range(20)}
    (path,) = track(frames)
    assert path.points[0].frame == 0 and path.hits == 20


def test_another_label_is_another_track() -> None:
    frames = {frame: [seen(100), seen(104, label="chair")] for frame in range(10)}
    assert sorted(path.label for path in track(frames)) == ["chair", "person"]


def test_nothing_in_nothing_out() -> None:
    assert track({}) == []
    assert track({frame: [] for frame in range(5)}) == []


@pytest.mark.parametrize(("frame", "time_us"), [(3, 200_000), (4, 120_000), (2, 200_000)])
def test_frames_must_rise(frame: int, time_us: int) -> None:
    tracker = Tracker()
    tracker.push(3, 120_000, [])
    with pytest.raises(ValueError, match="rise"):
        tracker.push(frame, time_us, [])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_point_is_a_sighting_or_between_two(data: st.DataObject) -> None:
    """Any detections at any frames: tracks share no sighting, rise, and begin and end with one."""
    numbers = sorted(data.draw(st.sets(st.integers(0, 200), max_size=25)))
    coordinate = st.floats(0, 300).map(lambda value: round(value, 1))
    size, label = st.floats(1, 200), st.sampled_from(["a", "b"])
    detection = st.builds(Detection, coordinate, coordinate, size, size, label, st.floats(0, 1))
    frames = {number: data.draw(st.lists(detection, max_size=5)) for number in numbers}
    used: list[tuple[int, float, float, float, float, str, float]] = []
    for path in track(frames):
        rows = path.points
        assert path.hits >= 3 and not rows[0].interpolated and not rows[-1].interpolated
        assert [row.frame for row in rows] == [n for n in numbers if rows[0].frame <= n <= rows[-1].frame]
        for row in rows:
            if row.score is not None:
                used.append((row.frame, row.x, row.y, row.width, row.height, path.label, row.score))
    given_rows = [
        (number, one.x, one.y, one.width, one.height, one.label, one.score)
        for number in numbers
        for one in frames[number]
    ]
    for row in used:
        given_rows.remove(row)  # a sighting belongs to one track at most


def test_six_people_who_walk_by_one_after_the_other() -> None:
    """The real video at two looks a second: six people, six tracks."""
    detector = open_detector(open_model(needs.testdata("models/yolox_nano.onnx")), threads=2)
    tracker = Tracker(detector.score)
    with av.open(str(needs.testdata("media/one-by-one-person-detection.mp4"))) as source:
        for number, frame in enumerate(source.decode(video=0)):
            if number % 5 == 0:
                picture = frame.reformat(640, 360).to_ndarray(format="bgr24")
                found = detector.detect(np.ascontiguousarray(picture), detector.floor, only={"person"})
                tracker.push(number, number * 100_000, found)
    paths = tracker.finish()
    assert len(paths) == 6 and {path.label for path in paths} == {"person"}
    assert all(a.points[-1].frame < b.points[0].frame for a, b in pairwise(paths))
