"""What is wrong with a track: by hand-made tracks, and unseen time against a count of every moment."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelabel.geometry.detection import Detection
from prelabel.tracking.labels import track_document
from prelabel.tracking.tracker import Tracker
from prelabel.triage.track_faults import jumps, track_faults, unseen
from tests.prelabel.quality.made import FRAME_US, track
from wire.labels import Source, Track

GAP = {"interpolated": True}
SOURCE = Source(kind="model", name="m", version="1", sha256="a" * 64)


def standing(id: str, first: int, last: int, x: float = 0, label: str = "person") -> Track:
    return track(id, [(first, x, 0, 100, 200), (last, x, 0, 100, 200)], label)


@pytest.mark.parametrize(
    ("rows", "share"),
    [
        ([(0, 0, 0, 10, 10)], 0),
        ([(0, 0, 0, 10, 10), (10, 0, 0, 10, 10)], 0),
        ([(0, 0, 0, 10, 10), (4, 0, 0, 10, 10, True, GAP), (8, 0, 0, 10, 10), (10, 0, 0, 10, 10)], 0.4),
        ([(0, 0, 0, 10, 10), (4, 0, 0, 10, 10, False), (9, 0, 0, 10, 10), (10, 0, 0, 10, 10)], 0.5),
        # Gone at the end, or not there yet at the start, is what a track is allowed to be.
        ([(0, 0, 0, 10, 10), (4, 0, 0, 10, 10), (5, 0, 0, 10, 10, False)], 0),
        ([(0, 0, 0, 10, 10, False), (4, 0, 0, 10, 10), (8, 0, 0, 10, 10)], 0),
        ([(0, 0, 0, 10, 10, False)], 0),
    ],
)
def test_unseen(rows: list[tuple[object, ...]], share: float) -> None:
    assert unseen(track("t1", rows)) == pytest.approx(share)


states = st.sampled_from(["seen", "hidden", "interpolated"])


@given(st.lists(st.tuples(st.integers(1, 9), states), min_size=1, max_size=12))
def test_unseen_is_the_share_of_frames(steps: list[tuple[int, str]]) -> None:
    """Frame by frame: what the newest keyframe says holds until the next one."""
    rows, frame = [], 0
    for step, state in steps:
        rows.append((frame, 0, 0, 10, 10, state != "hidden", GAP if state == "interpolated" else {}))
        frame += step
    visible = [index for index, row in enumerate(rows) if row[5]]
    inner = rows[visible[0] : visible[-1] + 1] if visible else []
    frames = [
        before[5] is False or bool(before[6]) for before, after in pairwise(inner) for _ in range(before[0], after[0])
    ]
    assert unseen(track("t1", rows)) == pytest.approx(sum(frames) / len(frames) if frames else 0.0)


def moving(*places: float, every: int = 5, width: float = 100) -> Track:
    return track("t1", [(number * every, x, 0, width, 200) for number, x in enumerate(places)])


@pytest.mark.parametrize(
    ("made", "count"),
    [
        (moving(0), 0),
        (moving(0, 0, 0, 0), 0),
        (moving(0, 20, 40, 60, 80), 0),  # 100 px a second: walks
        (moving(0, 300, 600, 900), 0),  # very fast, but always: its speed explains it
        (moving(0, 0, 600, 600), 1),  # is somewhere else
        (moving(0, 0, 600, 600, 0, 0), 2),  # and back
        (moving(0, 0, 600, 600, every=200), 0),  # has eight seconds for it
        (moving(0, 5, 10, 15, width=4, every=1), 0),  # a small thing goes quickly, and steadily
        (track("t1", [(0, 0, 0, 9, 9), (1, 0, 0, 9, 9), (2, 0, 0, 9, 9, False), (3, 500, 0, 9, 9)]), 0),  # unseen
    ],
)
def test_jumps(made: Track, count: int) -> None:
    assert jumps(made) == count


def test_a_steady_track_has_no_trouble() -> None:
    (only,) = track_faults([standing("t1", 0, 100)])
    assert (only.worth, only.text) == (0, "")


def test_what_smoothing_hides_comes_from_the_tracker() -> None:
    """Seen on every second look, its box shaking: the smoothed keyframes show nothing of it."""
    tracker = Tracker(lambda _: 0.3)
    for look in range(40):
        x = 100 + look + (28 if look % 4 == 0 else 0)
        tracker.push(look, look * 200_000, [Detection(x, 50, 60, 160, "person", 0.8)] if look % 2 == 0 else [])
    (path,) = tracker.finish()
    (made,) = track_document("c", SOURCE, [path], [look * 200_000 for look in range(40)]).labels
    assert isinstance(made, Track) and made.attributes == {"tracker": path.measured}
    assert path.measured["gaps"] == pytest.approx(0.49, abs=0.02) and path.measured["jumps"] > 0.5
    (only,) = track_faults([made])
    assert (only.unseen, only.shaking) == (path.measured["gaps"], path.measured["jumps"])
    assert only.worth > 0.7 and "shakes in" in only.text and "49% of its time" in only.text


@pytest.mark.parametrize("said", [None, 3, {"gaps": "much"}, {"gaps": 7}, {"gaps": float("nan")}, {"jumps": True}])
def test_what_a_tracker_does_not_say_is_no_trouble(said: object) -> None:
    steady = standing("t1", 0, 100).model_copy(update={"attributes": {"tracker": said}})
    (only,) = track_faults([steady])
    assert (only.worth, only.text) == (0, "")


def test_another_word_in_the_same_place() -> None:
    rows = track_faults([standing("t1", 0, 100), standing("t2", 20, 60, 5, "chair"), standing("t3", 0, 100, 500)])
    assert [row.others for row in rows] == [("chair",), ("person",), ()]
    assert [row.worth for row in rows] == [0.5, 0.5, 0]
    assert rows[0].text == "The track person from 0.0 to 4.0 s is called chair as well."


def test_two_of_a_kind_side_by_side_are_no_trouble() -> None:
    assert [row.worth for row in track_faults([standing("t1", 0, 100), standing("t2", 0, 100, 5)])] == [0, 0]


@pytest.mark.parametrize(
    ("pause", "x", "label", "worth", "text"),
    [
        (10, 0, "person", 0.5, "The track person from 0.0 to 2.0 s breaks off and starts again."),
        (10, 0, "chair", 0.5, "The track person from 0.0 to 2.0 s is called chair as well."),
        (37, 0, "person", 0.5, "The track person from 0.0 to 2.0 s breaks off and starts again."),  # 1.48 s
        (38, 0, "person", 0, ""),  # 1.52 s: somebody else may have come
        (10, 400, "person", 0, ""),  # elsewhere
    ],
)
def test_what_goes_on_where_a_track_ends(pause: int, x: float, label: str, worth: float, text: str) -> None:
    first, second = track_faults([standing("t1", 0, 50), standing("t2", 50 + pause, 90 + pause, x, label)])
    assert first.worth == second.worth == worth
    assert first.text == text


def test_the_frame_table_compares_between_keyframes() -> None:
    """They cross in the middle only; at their keyframes they lie apart, on the way each frame is looked at."""
    left = track("t1", [(0, 0, 0, 100, 100), (100, 1000, 0, 100, 100)])
    right = track("t2", [(0, 0, 10, 100, 100), (100, 1000, 10, 100, 100)], "cup")
    times = [frame * FRAME_US for frame in range(101)]
    assert [row.others for row in track_faults([left, right], times)] == [("cup",), ("person",)]


def test_all_troubles_in_one_sentence() -> None:
    made = track(
        "t1",
        [
            (0, 0, 0, 100, 200),
            (5, 0, 0, 100, 200),
            (10, 900, 0, 100, 200),
            (20, 900, 0, 100, 200, True, GAP),
            (40, 900, 0, 100, 200),
        ],
    )
    first, _ = track_faults([made, standing("t2", 45, 60, 900)])
    assert (
        first.text == "The track person from 0.0 to 1.6 s jumps once, breaks off and starts again"
        " and is not seen for 50% of its time."
    )
    assert first.worth == pytest.approx(1 - 0.5 * 0.5**2)


@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(1, 40), st.integers(0, 600), st.integers(1, 100), st.booleans(), st.booleans()),
            min_size=1,
            max_size=6,
        ),
        max_size=4,
    )
)
def test_worth_is_a_share_and_has_words(many: list[list[tuple[int, int, int, bool, bool]]]) -> None:
    tracks = []
    for number, steps in enumerate(many):
        rows, frame = [], 0
        for step, x, size, seen, gap in steps:
            frame += step
            rows.append((frame, x, 0, size, size, seen, GAP if gap else {}))
        tracks.append(track(f"t{number}", rows, ["person", "cup"][number % 2]))
    for row in track_faults(tracks):
        assert 0 <= row.worth <= 1
        if row.worth >= 0.02:
            assert row.text.startswith(f"The track {row.track.label} from ") and row.text.endswith(".")
