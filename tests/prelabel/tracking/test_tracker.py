"""Tracks over synthetic motion with known truth: crossings, gaps, flicker, uneven frames; and over a real video."""

from __future__ import annotations

from itertools import islice, pairwise

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.geometry.detection import Detection
from prelabel.image.detector import open_detector
from prelabel.models.package import open_model
from prelabel.tracking.association import Pass
from prelabel.tracking.smoothing import TRUE_TO
from prelabel.tracking.tracker import Tracker, TrackPath
from tests import needs
from tests.support.trials import rounds

FRAME_US = 40_000


def seen(
    x: float, y: float = 100, w: float = 80, h: float = 200, label: str = "person", score: float = 0.9
) -> Detection:
    return Detection(x, y, w, h, label, score)


def iou(one: tuple[float, ...], two: tuple[float, ...]) -> float:
    across = min(one[0] + one[2], two[0] + two[2]) - max(one[0], two[0])
    down = min(one[1] + one[3], two[1] + two[3]) - max(one[1], two[1])
    inner = max(0.0, across) * max(0.0, down)
    return inner / (one[2] * one[3] + two[2] * two[3] - inner)


def track(frames: dict[int, list[Detection]], step_us: int = FRAME_US, **settings: int) -> list[TrackPath]:
    tracker = Tracker(lambda _: 0.5, **settings)
    for frame in sorted(frames):
        tracker.push(frame, frame * step_us, frames[frame])
    return tracker.finish()


def test_one_walker_is_one_track() -> None:
    frames = {frame: [seen(3 * frame)] for frame in range(50)}
    (path,) = track(frames)
    assert [point.frame for point in path.points] == list(range(50))
    assert path.label == "person" and path.hits == 50 and path.score == pytest.approx(0.9)
    assert [point.x for point in path.points] == pytest.approx([3 * frame for frame in range(50)], abs=0.01)
    assert [point.sighting and point.sighting[0] for point in path.points] == [3 * frame for frame in range(50)]
    assert path.mismatch == path.gaps == path.jumps == 0


def test_what_starts_a_track_is_decided_name_by_name() -> None:
    """Both are seen at 0.4; for cups that is strong, for people only weak."""
    tracker = Tracker(lambda label: 0.35 if label == "cup" else 0.5)
    for frame in range(10):
        tracker.push(frame, frame * FRAME_US, [seen(100, score=0.4), seen(400, label="cup", score=0.4)])
    assert [path.label for path in tracker.finish()] == ["cup"]


def test_three_looks_a_second_are_enough_for_a_walker() -> None:
    """A step of 48 pixels with a box of 60: hardly any overlap from look to look."""
    frames = {frame: [seen(48 * number, w=60)] for number, frame in enumerate(range(0, 100, 8))}
    (path,) = track(frames)
    assert path.hits == 13


@pytest.mark.parametrize("step_us", [400_000, 1_600_000, 3_300_000, 60_000_000])
@pytest.mark.parametrize("looks", [1, 2, 3, 40])
def test_what_stands_still_is_one_track_however_far_apart_the_looks_are(step_us: int, looks: int) -> None:
    tracker = Tracker(lambda label: 0.5)
    for number in range(looks):
        late_us = step_us // 10 if number % 2 else 0
        tracker.push(number, number * step_us + late_us, [seen(100)])
    (path,) = tracker.finish()
    assert path.hits == looks


def test_two_who_pass_each_other_keep_their_tracks() -> None:
    frames = {
        frame: [seen(10 * frame, y=100), seen(600 - 10 * frame, y=130)][:: 1 if frame % 2 else -1]
        for frame in range(61)
    }
    first, second = track(frames)
    for path, start, step in ((first, 0, 10), (second, 600, -10)):
        rows = [point.x for point in path.points]
        there = [start + step * frame for frame in range(61)]
        back = [600 - start - step * frame for frame in range(61)]
        assert rows == pytest.approx(there, abs=0.01) or rows == pytest.approx(back, abs=0.01)


def test_a_gap_is_interpolated_in_time_and_marked() -> None:
    frames = {frame: [] if 4 <= frame <= 8 else [seen(10 * frame)] for frame in range(20)}
    (path,) = track(frames)
    assert [point.frame for point in path.points if point.interpolated] == [4, 5, 6, 7, 8]
    assert [point.x for point in path.points] == pytest.approx([10 * frame for frame in range(20)], abs=0.01)
    assert path.hits == 15 and path.gaps == pytest.approx(0.25)


def test_who_comes_back_much_later_is_a_new_track() -> None:
    frames = {frame: [] if 10 <= frame <= 60 else [seen(100)] for frame in range(80)}
    assert [(path.points[0].frame, path.points[-1].frame) for path in track(frames)] == [(0, 9), (61, 79)]


def test_flicker_is_dropped() -> None:
    frames = {frame: [seen(300)] if frame in (3, 4) else [] for frame in range(20)}
    frames[10] = [seen(500)]
    assert track(frames) == []
    assert len(track(frames, least_hits=2)) == 1


def test_what_blinks_is_dropped() -> None:
    """Seen on three looks of thirteen: nothing that is there looks like that. On five of thirteen it is kept."""
    assert track({frame: [seen(300)] if frame in (0, 6, 12) else [] for frame in range(13)}) == []
    (path,) = track({frame: [seen(300)] if frame % 3 == 0 else [] for frame in range(13)})
    assert path.hits == 5 and path.gaps == pytest.approx(8 / 13)


def test_a_sighting_that_jumps_is_counted_and_kept() -> None:
    frames = {frame: [seen(5 * frame)] for frame in range(21)}
    frames[10] = [seen(5 * 10 + 35)]
    (path,) = track(frames)
    assert path.hits == 21 and path.jumps == pytest.approx(1 / 19)
    assert path.points[10].sighting == (85, 100, 80, 200)
    assert 50 < path.points[10].x < 85


def crossing(seed: int, every: int) -> tuple[dict[int, list[Detection]], dict[tuple[float, ...], int]]:
    """Two who walk past each other, one hidden by the other, with noise and misses; whose each box is."""
    rng = np.random.default_rng(seed)
    speeds, meet = (rng.uniform(3, 14), -rng.uniform(3, 14)), rng.uniform(25, 55)
    beside, noise, hidden = rng.uniform(-40, 40), rng.uniform(0, 8), rng.uniform(0, 0.6)
    frames: dict[int, list[Detection]] = {}
    whose: dict[tuple[float, ...], int] = {}
    for frame in range(80):
        near, far = (600 + speed * (frame - meet) for speed in speeds)
        rows = []
        for person, (x, y) in enumerate(((near, 100), (far, 100 + beside))):
            covered = person == 1 and max(0.0, 80 - abs(near - far)) / 80 > hidden
            score = 0.9 if rng.uniform() > 0.1 else 0.3
            box = (np.array([x, y, 80, 200]) + rng.normal(0, noise, 4)).tolist()
            if not covered and rng.uniform() > 0.05:
                rows.append(Detection(*box, "person", score))
                whose[tuple(box)] = person
        rng.shuffle(rows)
        if frame % every == 0:
            frames[frame] = rows
    return frames, whose


def test_two_passes_mend_what_one_gets_wrong() -> None:
    """Three looks a second: steps from one person to the other, and pieces too many, over many crossings."""
    swaps, swaps_of_one, pieces, pieces_of_one, exchanged = 0, 0, 0, 0, 0
    for seed in range(40, 120):
        frames, whose = crossing(seed, 8)
        one = Pass(lambda _: 0.5, 1_500_000)
        persons: list[int] = []
        for frame, rows in frames.items():
            one.update(frame * FRAME_US, list(enumerate(rows, len(persons))))
            persons += [whose[row.x, row.y, row.width, row.height] for row in rows]
        swaps_of_one += sum(persons[a] != persons[b] for a, b in one.links)
        pieces_of_one += len(one.claimed) - len(one.links)
        paths = track(frames)
        pieces += len(paths)
        for path in paths:
            owners = [whose[point.sighting] for point in path.points if point.sighting]
            swaps += sum(a != b for a, b in pairwise(owners))
            exchanged += owners[0] != owners[-1]
    # A box where one hides the other may be either's; nobody comes out as the other.
    assert swaps < swaps_of_one and pieces == 160 < pieces_of_one and exchanged == 0


@pytest.mark.parametrize("seed", [173, 187])
def test_what_only_one_pass_waited_for_is_still_joined(seed: int) -> None:
    """One is hidden, one missed, and a single box lies between: the true ways were left out once."""
    frames, whose = crossing(seed, 8)
    owners = [[whose[point.sighting] for point in path.points if point.sighting] for path in track(frames)]
    assert all(row[0] == row[-1] for row in owners)


def test_passes_that_disagree_are_told() -> None:
    sure = [path.mismatch for seed in range(20) for path in track(crossing(seed, 1)[0])]
    far = [path.mismatch for seed in range(20) for path in track(crossing(seed, 8)[0])]
    assert all(0 <= share <= 1 for share in sure + far)
    assert np.mean(sure) < 0.02 < np.mean(far)


def test_time_backward_gives_the_same_tracks() -> None:
    """Both directions count alike: a film shown backward has the same people on the same boxes."""
    for seed in range(10):
        frames, _ = crossing(seed, 2)
        turned = {78 - frame: rows for frame, rows in frames.items()}
        there = {frozenset(point.sighting for point in path.points if point.sighting) for path in track(frames)}
        back = {frozenset(point.sighting for point in path.points if point.sighting) for path in track(turned)}
        assert there == back


def test_weak_sightings_hold_a_track_but_start_none() -> None:
    frames = {frame: [seen(5 * frame, score=0.2 if 5 <= frame < 12 else 0.9)] for frame in range(20)}
    (path,) = track(frames)
    assert path.hits == 20
    assert track({frame: [seen(5 * frame, score=0.3)] for frame in range(20)}) == []


@pytest.mark.parametrize(("strong", "tracks"), [(0, 0), (1, 0), (2, 0), (3, 1), (20, 1)])
def test_a_track_counts_by_its_strong_sightings(strong: int, tracks: int) -> None:
    """Two lucky looks make no track of forty bad ones, and no track says less than its threshold."""
    frames = {frame: [seen(5 * frame, score=0.55 if 10 <= frame < 10 + strong else 0.12)] for frame in range(40)}
    paths = track(frames)
    assert [path.score for path in paths] == pytest.approx([0.55] * tracks)


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
    tracker = Tracker(lambda _: 0.35)
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
        assert path.hits >= min(3, len(numbers)) and not rows[0].interpolated and not rows[-1].interpolated
        assert [row.frame for row in rows] == [n for n in numbers if rows[0].frame <= n <= rows[-1].frame]
        for row in rows:
            if row.score is not None:
                assert row.sighting is not None
                used.append((row.frame, *row.sighting, path.label, row.score))
                # Smoothed, and true to what was seen.
                assert iou((row.x, row.y, row.width, row.height), row.sighting) >= TRUE_TO - 1e-6
    given_rows = [
        (number, one.x, one.y, one.width, one.height, one.label, one.score)
        for number in numbers
        for one in frames[number]
    ]
    for taken in used:
        given_rows.remove(taken)  # a sighting belongs to one track at most


@pytest.mark.soak
def test_six_people_who_walk_by_one_after_the_other() -> None:
    """The real video at two looks a second: two people until frame 475, six in all, as many tracks."""
    detector = open_detector(open_model(needs.testdata("models/yolox_nano.onnx")), threads=2)
    tracker = Tracker(detector.threshold)
    with av.open(str(needs.testdata("media/one-by-one-person-detection.mp4"))) as source:
        for number, frame in enumerate(islice(source.decode(video=0), rounds(475, 1394))):
            if number % 5 == 0:
                picture = frame.reformat(640, 360).to_ndarray(format="bgr24")
                found = detector.detect(np.ascontiguousarray(picture), detector.floor, only={"person"})
                tracker.push(number, number * 100_000, found)
    paths = tracker.finish()
    assert len(paths) == rounds(2, 6) and {path.label for path in paths} == {"person"}
    assert all(a.points[-1].frame < b.points[0].frame for a, b in pairwise(paths))
