"""Keyframes mean what the conformance corpus says, and as few as possible give the path back."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.geometry.tracks import INTERPOLATED, box_at
from prelabel.tracking.keyframes import MIN_GAP_US, ONE_LOOK_GAP_US, reduce
from prelabel.tracking.tracker import PathPoint, TrackPath
from wire.labels import Keyframe, Track


@st.composite
def paths(draw: st.DrawFn, most: int = 40) -> tuple[TrackPath, list[int]]:
    """A path over some frames of an uneven frame table; smooth, jittery or jumping."""
    count = draw(st.integers(1, most))
    steps = draw(st.lists(st.integers(1, 4), min_size=count, max_size=count))
    frames = np.cumsum(steps) - 1
    gaps = draw(st.lists(st.integers(5_000, 90_000), min_size=int(frames[-1]) + 6, max_size=int(frames[-1]) + 6))
    times = [0, *np.cumsum(gaps).tolist()][: int(frames[-1]) + draw(st.integers(1, 5))]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    jitter = draw(st.sampled_from((0.0, 1.0, 6.0, 60.0)))
    seconds = np.array([times[frame] / 1e6 for frame in frames])
    boxes = np.stack([50 + 120 * seconds, 30 + 10 * seconds, 60 + 5 * seconds, 120 + 0 * seconds], axis=1)
    boxes += rng.normal(0, jitter, boxes.shape)
    boxes[:, 2:] = np.maximum(boxes[:, 2:], 10)
    points = tuple(
        PathPoint(int(frame), times[frame], *map(float, box), 0.8) for frame, box in zip(frames, boxes, strict=True)
    )
    return TrackPath("person", points), times


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    inner = max(0.0, width) * max(0.0, height)
    return inner / (a[2] * a[3] + b[2] * b[3] - inner)


def worst(keyframes: list[Keyframe], path: TrackPath, times: list[int]) -> float:
    track = Track(id="t1", label="person", keyframes=keyframes)
    got = [(box_at(track, point.frame, times[point.frame]), point) for point in path.points]
    return min(0.0 if box is None else overlap(box, (p.x, p.y, p.width, p.height)) for box, p in got)


@settings(max_examples=150, deadline=None)
@given(paths(), st.sampled_from((0.5, 0.8, 0.9, 0.97)))
def test_the_path_comes_back(case: tuple[TrackPath, list[int]], iou: float) -> None:
    path, times = case
    keyframes = reduce(path, times, iou)
    track = Track(id="t1", label="person", keyframes=keyframes)
    assert worst(keyframes, path, times) >= min(iou, 0.995) - 1e-9
    assert all(row.start_us == times[row.frame] for row in keyframes)
    assert keyframes[0].frame == path.points[0].frame
    last = path.points[-1].frame
    visible = [row for row in keyframes if row.visible]
    assert visible[-1].frame == last
    if last + 1 < len(times):
        assert keyframes[-1].frame == last + 1 and not keyframes[-1].visible
        assert box_at(track, last + 1, times[last + 1]) is None
    else:
        assert keyframes[-1].visible
    if path.points[0].frame:
        first = path.points[0].frame
        assert box_at(track, first - 1, times[first - 1]) is None


@settings(max_examples=60, deadline=None)
@given(paths(most=9))
def test_fewer_keyframes_would_not_do(case: tuple[TrackPath, list[int]]) -> None:
    path, times = case
    visible = [row for row in reduce(path, times) if row.visible]
    if len(visible) <= 2:
        return
    rounded = [
        Keyframe(frame=p.frame, start_us=p.time_us, x=round(p.x, 2), y=round(p.y, 2), width=round(p.width, 2),
                 height=round(p.height, 2))
        for p in path.points
    ]  # fmt: skip
    for inner in combinations(rounded[1:-1], len(visible) - 3):
        assert worst([rounded[0], *inner, rounded[-1]], path, times) < 0.9


def line(frames: list[int], times: list[int]) -> TrackPath:
    return TrackPath("cup", tuple(PathPoint(n, times[n], n * 7.0, 5, 20, 30, 0.9) for n in frames))


def test_even_motion_needs_its_two_ends() -> None:
    times = list(range(0, 4_000_000, 40_000))
    assert [(row.frame, row.visible) for row in reduce(line(list(range(80)), times), times)] == [
        (0, True), (79, True), (80, False),
    ]  # fmt: skip


def test_a_torn_take_keeps_what_its_frame_table_has() -> None:
    times = list(range(0, 400_000, 40_000))
    path = line(list(range(5, 10)), times)
    assert [row.frame for row in reduce(path, times[:8])] == [5, 7]
    assert reduce(path, times[:5]) == []
    gap = TrackPath("cup", (*path.points[:2], PathPoint(7, times[7], 0, 0, 1, 1, None), path.points[4]))
    assert [row.frame for row in reduce(gap, times[:9])] == [5, 6, 7]


def test_one_sighting_is_one_keyframe_and_an_end() -> None:
    times = [0, 40_000, 80_000]
    assert [(row.frame, row.visible) for row in reduce(line([1], times), times)] == [(1, True), (2, False)]
    assert [(row.frame, row.visible) for row in reduce(line([2], times), times)] == [(2, True)]


def seen_at(looks: list[int], seen: set[int], times: list[int], speed: float = 7.0) -> TrackPath:
    """A thing that moves evenly, looked at on some frames and seen on fewer."""
    return TrackPath(
        "cup", tuple(PathPoint(n, times[n], n * speed, 5, 20, 30, 0.9 if n in seen else None) for n in looks)
    )


def marked_frames(keyframes: list[Keyframe], count: int) -> list[int]:
    """The frames whose keyframe, the last one at or before them, is visible and carries the mark."""
    found = []
    for frame in range(count):
        rows = [row for row in keyframes if row.frame <= frame]
        if rows and rows[-1].visible and rows[-1].attributes.get(INTERPOLATED) is True:
            found.append(frame)
    return found


def test_exactly_the_unseen_frames_are_marked() -> None:
    times = list(range(0, 2_000_000, 40_000))
    path = seen_at(list(range(40)), {*range(10), *range(20, 40)}, times)
    keyframes = reduce(path, times)
    assert [(row.frame, row.attributes, row.visible) for row in keyframes] == [
        (0, {}, True), (10, {INTERPOLATED: True}, True), (20, {}, True), (39, {}, True), (40, {}, False),
    ]  # fmt: skip
    assert marked_frames(keyframes, 50) == list(range(10, 20))


def test_a_gap_between_two_looks_begins_on_the_frame_after_the_sighting() -> None:
    """Every fifth frame is looked at: nobody saw it on frame 11 either, and where it was lies on the line."""
    times = list(range(0, 2_000_000, 40_000))
    keyframes = reduce(seen_at(list(range(0, 41, 5)), {0, 5, 10, 30, 35, 40}, times), times)
    assert marked_frames(keyframes, 50) == list(range(11, 30))
    assert [row.x for row in keyframes if row.frame == 11] == [77.0]


@pytest.mark.parametrize(
    ("seen", "step_us"),
    [
        ({*range(10), *range(11, 20)}, 200_000),  # one missed look at five looks a second
        ({*range(10), *range(11, 20)}, 499_999),  # … and at two, a little less than a second from sighting to sighting
        ({*range(10), *range(13, 20)}, 40_000),  # 160 ms from sighting to sighting
    ],
)
def test_a_short_gap_is_not_marked(seen: set[int], step_us: int) -> None:
    times = [number * step_us for number in range(25)]
    keyframes = reduce(seen_at(list(range(20)), seen, times), times)
    assert marked_frames(keyframes, 25) == [] and [row.frame for row in keyframes] == [0, 19, 20]


def test_one_missed_look_is_marked_where_looks_are_rare() -> None:
    """One look a second: for two seconds nobody saw the thing."""
    times = [number * 200_000 for number in range(60)]
    keyframes = reduce(seen_at(list(range(0, 51, 5)), {0, 5, 15, *range(20, 51, 5)}, times), times)
    assert marked_frames(keyframes, 60) == list(range(6, 15))


@settings(max_examples=150, deadline=None)
@given(paths(), st.data())
def test_marks_of_any_path(case: tuple[TrackPath, list[int]], data: st.DataObject) -> None:
    """Any looks without a sighting: the marked frames are those within a long gap, and the path still comes back."""
    path, times = case
    inner = len(path.points) - 2
    hidden = data.draw(st.lists(st.booleans(), min_size=max(0, inner), max_size=max(0, inner)))
    flags = [False, *hidden, False][: len(path.points)]
    points = tuple(
        PathPoint(p.frame, p.time_us, p.x, p.y, p.width, p.height, None if gone else p.score)
        for p, gone in zip(path.points, flags, strict=True)
    )
    wanted: set[int] = set()
    seen = [index for index, gone in enumerate(flags) if not gone]
    for one, two in pairwise(seen):
        away = points[two].time_us - points[one].time_us
        if (two - one > 2 and away >= MIN_GAP_US) or (two - one == 2 and away >= ONE_LOOK_GAP_US):
            wanted |= set(range(points[one].frame + 1, points[two].frame))
    gappy = TrackPath("person", points)
    keyframes = reduce(gappy, times)
    Track(id="t1", label="person", keyframes=keyframes)
    assert marked_frames(keyframes, len(times)) == sorted(wanted)
    assert worst(keyframes, gappy, times) >= 0.9 - 1e-9


def test_a_long_path_is_reduced_in_stretches() -> None:
    times = [number * 40_000 for number in range(5000)]
    keyframes = reduce(seen_at(list(range(4500)), set(range(4500)), times, speed=0.5), times)
    assert [row.frame for row in keyframes] == [0, 2000, 4000, 4499, 4500]
