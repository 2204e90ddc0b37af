"""What changed between two lists of labels, by id."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from collector.review.diff import MAX_LEFT_OVER, Diff, diff_labels, edit_distance
from prelabel.quality.matching import outcome_of
from prelabel.quality.sameness import identical, same_label
from tests.collector.review.filled import box, interval, track
from wire.labels import Box, Keyframe, Keypoints, Label, Mask, Polygon, Rle, Track

read = TypeAdapter(Label).validate_python
names = st.sampled_from(["cup", "plate", "fork"])
place = st.floats(-50, 500, allow_nan=False)
box_labels = st.builds(
    lambda i, label, x, y: read(box(f"b{i}", label, x=x, y=y)), st.integers(0, 9), names, place, place
)
interval_labels = st.builds(
    lambda i, start, length, said: read(interval(f"s{i}", start, start + length, **({"text": said} if said else {}))),
    st.integers(0, 9),
    st.integers(0, 10**7),
    st.integers(1, 10**6),
    st.text(max_size=6),
)
lists = st.lists(st.one_of(box_labels, interval_labels), max_size=12, unique_by=lambda label: label.id)


@given(lists, lists)
def test_every_label_is_counted_once(before: list[Label], after: list[Label]) -> None:
    diff = diff_labels(before, after)
    changed = {row.id for row in diff.changes if row.change not in ("added", "deleted")}
    assert diff.kept + len(changed) + diff.deleted == len(before)
    assert diff.kept + len(changed) + diff.added == len(after)
    assert Diff.model_validate(diff.to_json()) == diff


@given(lists)
def test_the_same_labels_are_all_kept(labels: list[Label]) -> None:
    diff = diff_labels(labels, copy.deepcopy(labels))
    assert diff == Diff(kept=len(labels))


@given(lists, lists)
def test_going_back_swaps_added_and_deleted(before: list[Label], after: list[Label]) -> None:
    there, back = diff_labels(before, after), diff_labels(after, before)
    assert (there.added, there.deleted, there.kept) == (back.deleted, back.added, back.kept)
    assert (there.moved, there.relabelled, there.text_edits) == (back.moved, back.relabelled, back.text_edits)


def one(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = diff_labels([read(before)], [read(after)]).to_json()["changes"]
    return rows


def test_score_source_mark_and_expected_are_not_what_a_label_says() -> None:
    person = {"kind": "person", "name": "ann"}
    assert same_label(read(box()), read({**box(score=None), "source": person, "edited": True}))
    assert one(interval(expected="hello"), interval(score=None)) == []


@given(lists, st.data())
def test_what_is_identical_says_the_same_and_one_other_member_is_enough_to_differ(
    labels: list[Label], data: st.DataObject
) -> None:
    for label in labels:
        again = copy.deepcopy(label).model_copy(update={"score": 0.25, "edited": True, "source": None})
        assert identical(label, again) and same_label(label, again)
        name = data.draw(st.sampled_from(sorted({*vars(label)} - {"score", "source", "edited", "expected"})))
        assert not identical(label, again.model_copy(update={name: "something else"}))


def test_labels_of_two_kinds_are_never_identical() -> None:
    assert not identical(read(box()), read(interval(name="b1", label="cup")))


def test_a_moved_box_says_how_far() -> None:
    (row,) = one(box(x=0.0, y=0.0, width=10.0, height=10.0), box(x=5.0, y=0.0, width=10.0, height=10.0))
    assert row == {
        "id": "b1",
        "change": "moved",
        "kind": "box",
        "label": "cup",
        "iou": 0.333333,
        "delta": [5.0, 0.0, 0.0, 0.0],
    }


def test_several_changes_of_one_label() -> None:
    rows = one(interval(), {**interval(start_us=2000), "text": "hello", "label": "shout"})
    assert [row["change"] for row in rows] == ["relabelled", "moved", "text_edit"]
    assert rows[1]["start_delta"] == 1000 and rows[1]["end_delta"] == 0
    assert rows[2] == {"id": "s1", "change": "text_edit", "kind": "interval", "label": "shout", "after": "hello",
                       "distance": 5}  # fmt: skip


def test_a_track_with_another_keyframe_moved() -> None:
    (row,) = one(track(frames=(1, 5)), track(frames=(1, 3, 5)))
    assert row["change"] == "moved" and row["keyframes"] == [2, 3] and row["iou"] == pytest.approx(0.99, abs=0.02)


def test_only_attributes_changed() -> None:
    rows = one(box(), {**box(), "attributes": {"occluded": True}})
    assert [row["change"] for row in rows] == ["attributes"]
    hidden = track()
    hidden["keyframes"][0]["attributes"] = {"occluded": True}
    assert [row["change"] for row in one(track(), hidden)] == ["attributes"]


def test_another_kind_under_the_same_id_is_another_label() -> None:
    """As in the report on pre-labels."""
    polygon = {"id": "b1", "kind": "polygon", "label": "cup", "score": None, "points": [[0, 0], [1, 1], [0, 1]]}
    assert [row["change"] for row in one(box(), polygon)] == ["deleted", "added"]


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("", "", 0), ("kitten", "sitting", 3), ("abc", "abc", 0), ("a", "", 1), ("naïve", "naive", 1), ("ab", "ba", 2)],
)
def test_edit_distance(first: str, second: str, distance: int) -> None:
    assert edit_distance(first, second) == edit_distance(second, first) == distance


@given(st.text(max_size=30), st.text(max_size=30))
def test_edit_distance_is_between_length_difference_and_length(first: str, second: str) -> None:
    distance = edit_distance(first, second)
    assert distance is not None
    assert abs(len(first) - len(second)) <= distance <= max(len(first), len(second))
    assert (distance == 0) == (first == second)


def test_a_turn_shows_in_the_overlap() -> None:
    upright = Box(id="b", label="cup", x=20, y=40, width=90, height=30)
    across = upright.model_copy(update={"rotation": 90.0})
    (row,) = diff_labels([upright], [across]).changes
    assert row.change == "moved" and row.iou == pytest.approx(900 / (2 * 2700 - 900), abs=1e-3)
    other_way = upright.model_copy(update={"x": 50.0, "y": 10.0, "width": 30.0, "height": 90.0})
    assert diff_labels([across], [other_way]).changes[0].iou == pytest.approx(1.0, abs=1e-4)
    still = upright.model_copy(update={"rotation": 0.0})
    assert diff_labels([upright], [still]).kept == 1


def test_frames_on_which_both_tracks_are_hidden_are_no_agreement() -> None:
    def shown_once(x: float) -> Track:
        rows = [
            Keyframe(frame=n, start_us=n * 40_000, x=x, y=10, width=40, height=40, visible=n == 0)
            for n in (0, 10, 20, 30)
        ]
        return Track(id="t", label="person", keyframes=rows)

    assert diff_labels([shown_once(0)], [shown_once(300)]).changes[0].iou == 0.0


def path(*rows: tuple[int, float, bool]) -> Track:
    """(frame, x, visible), 40 ms a frame."""
    keyframes = [
        Keyframe(frame=n, start_us=n * 40_000, x=x, y=30, width=50, height=80, visible=seen) for n, x, seen in rows
    ]
    return Track(id="t", label="person", keyframes=keyframes)


@pytest.mark.parametrize(
    ("after", "kept"),
    [
        (path((0, 0, True), (4, 20, True), (10, 50, True)), True),  # a keyframe that changes nothing
        (path((0, 0, True), (4, 21, True), (10, 50, True)), False),
        (path((0, 0, True), (10, 50, True), (14, 50, False)), False),  # seen on three frames more
        (path((0, 0, True), (10, 50, True), (11, 50, False)), True),  # the frame after the last one: as before
        (path((0, 0, True), (5, 25, True)), False),
    ],
)
def test_tracks_are_compared_on_frames_not_by_keyframes(after: Track, kept: bool) -> None:
    diff = diff_labels([path((0, 0, True), (10, 50, True))], [after], [n * 40_000 for n in range(20)])
    assert (diff.kept, diff.moved) == ((1, 0) if kept else (0, 1))


def test_the_overlap_of_tracks_is_over_all_frames() -> None:
    """Seen on frames 0 to 19 against 0 to 9 of them: half, wherever the keyframes are."""
    long, short = path((0, 0, True), (19, 0, True)), path((0, 0, True), (1, 0, True), (9, 0, True))
    (row,) = diff_labels([long], [short], [n * 40_000 for n in range(20)]).changes
    assert row.iou == pytest.approx(0.5) and row.keyframes == [2, 3]


def test_what_cannot_be_seen_is_no_move() -> None:
    first = Box(id="b", label="cup", x=20, y=40, width=90, height=30, rotation=-30)
    assert diff_labels([first], [first.model_copy(update={"x": 20.002, "rotation": 330.001})]).kept == 1
    assert diff_labels([first], [first.model_copy(update={"x": 20.05})]).moved == 1
    assert diff_labels([first], [first.model_copy(update={"rotation": 330.5})]).moved == 1


def test_deleted_and_drawn_again_is_the_same_thing() -> None:
    cup = Box(id="b1", label="cup", x=20, y=40, width=90, height=30)
    again = cup.model_copy(update={"id": "p1"})
    assert diff_labels([cup], [again]) == Diff(kept=1)
    (row,) = diff_labels([cup], [again.model_copy(update={"x": 30.0, "label": "mug"})]).changes[1:]
    assert (row.id, row.was, row.change, row.iou) == ("p1", "b1", "moved", pytest.approx(0.8))
    elsewhere = again.model_copy(update={"x": 300.0})
    assert [row.change for row in diff_labels([cup], [elsewhere]).changes] == ["deleted", "added"]


def test_a_submit_of_thousands_of_new_labels_is_not_compared_pair_by_pair() -> None:
    count = int(MAX_LEFT_OVER**0.5) + 1
    old = [Box(id=f"b{n}", label="cup", x=n, y=0, width=10, height=10) for n in range(count)]
    new = [row.model_copy(update={"id": f"p{row.id}"}) for row in old]
    diff = diff_labels(old, new)
    assert (diff.kept, diff.deleted, diff.added) == (0, count, count)


def test_polygons_masks_and_poses_have_a_measure() -> None:
    square = Polygon(id="a", kind="polygon", label="x", points=[(0, 0), (40, 0), (40, 40), (0, 40)])
    half = square.model_copy(update={"points": [(0.0, 0.0), (40.0, 0.0), (0.0, 40.0)]})
    (row,) = diff_labels([square], [half]).changes
    assert (row.iou, row.keyframes) == (pytest.approx(0.5), [4, 3])
    left, three = (Mask(id="m", label="x", rle=Rle(size=(4, 4), counts=counts)) for counts in ("088", "0<4"))
    assert diff_labels([left], [three]).changes[0].iou == pytest.approx(8 / 12, abs=1e-6)
    pose = Keypoints(id="k", label="x", points=[(0, 0, 2), (90, 0, 2), (0, 90, 2)])
    (row,) = diff_labels([pose], [pose.model_copy(update={"points": [(0, 0, 2), (90, 0, 2), (90, 90, 2)]})]).changes
    assert row.iou is None and row.oks == pytest.approx(2 / 3, abs=1e-6)


def test_composed_and_decomposed_letters_are_the_same_text() -> None:
    assert one(interval(text="cafe\u0301"), interval(text="caf\u00e9")) == []


def test_distances_of_long_texts_are_true_or_left_out() -> None:
    middle = "a" * 3000
    assert edit_distance("x" + middle + "y", "p" + middle + "q") == 2
    assert edit_distance("ab" * 2000, "ba" * 2000) == 2
    assert edit_distance(middle * 50 + "cup" + middle * 50, middle * 50 + "glass" + middle * 50) == 5
    (row,) = one(interval(text="a" * 110_000), interval(text="b" * 110_000))
    assert row["change"] == "text_edit" and "distance" not in row


CASES = json.loads((Path(__file__).resolve().parents[3] / "wire/conformance/changes.json").read_text("utf-8"))
FATES = {"moved": "moved", "text_edit": "edited", "relabelled": "relabelled"}


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["name"])
def test_changes_are_those_of_the_corpus(case: dict[str, Any]) -> None:
    """One definition for the stored diff, the report on pre-labels and the mark on a label."""
    before, after, expected = read(case["before"]), read(case["after"]), case["changes"]
    diff = diff_labels([before], [after], CASES["times_us"])
    assert [row.change for row in diff.changes] == expected and diff.kept == (not expected)
    assert outcome_of(before, after) == (FATES[expected[0]] if expected else "accepted")
    assert same_label(before, after) == (not expected)
