"""What changed between two lists of labels, by id."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from collector.review.diff import Diff, diff_labels, edit_distance, says_the_same
from tests.collector.review.filled import box, interval, track
from wire.labels import Box, Keyframe, Label, Track

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
    assert says_the_same(read(box()), read({**box(score=None), "source": person, "edited": True}))
    assert one(interval(expected="hello"), interval(score=None)) == []


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


def test_another_kind_under_the_same_id_is_a_move() -> None:
    polygon = {"id": "b1", "kind": "polygon", "label": "cup", "score": None, "points": [[0, 0], [1, 1], [0, 1]]}
    assert [row["change"] for row in one(box(), polygon)] == ["moved"]


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("", "", 0), ("kitten", "sitting", 3), ("abc", "abc", 0), ("a", "", 1), ("naïve", "naive", 1), ("ab", "ba", 2)],
)
def test_edit_distance(first: str, second: str, distance: int) -> None:
    assert edit_distance(first, second) == edit_distance(second, first) == distance


@given(st.text(max_size=30), st.text(max_size=30))
def test_edit_distance_is_between_length_difference_and_length(first: str, second: str) -> None:
    distance = edit_distance(first, second)
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
