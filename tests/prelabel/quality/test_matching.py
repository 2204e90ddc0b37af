"""What became of each pre-label, and which were right."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.quality.matching import compare, outcome_of
from tests.prelabel.quality.made import MODEL, OTHER, box, interval, kept, reviewed, text, track
from wire.labels import Label


def outcomes(before: list[Label], after: list[Label], **more: Any) -> list[tuple[str, str | None, str | None]]:
    changes, _, _ = compare(reviewed(before, after, **more))
    return [(row.outcome, row.before and row.before.id, row.after and row.after.id) for row in changes]


def test_by_id_whatever_the_place() -> None:
    before: list[Label] = [
        box("b1"),
        box("b2", 50),
        box("b3", 100),
        box("b4", 150),
        box("b5", 200, attributes={"a": 1}),
    ]
    after: list[Label] = [
        kept(box("b1")), kept(box("b2", 300)), kept(box("b3", 100, label="mug")), kept(box("b5", 200)), box("n1", 400),
    ]  # fmt: skip
    assert outcomes(before, after) == [
        ("accepted", "b1", "b1"), ("moved", "b2", "b2"), ("relabelled", "b3", "b3"), ("deleted", "b4", None),
        ("edited", "b5", "b5"), ("added", None, "n1"),
    ]  # fmt: skip


def test_without_ids_by_the_best_overlap_same_word_first() -> None:
    before: list[Label] = [box("b1", 0), box("b2", 4)]
    after: list[Label] = [box("n1", 5, label="mug"), box("n2", 4), box("n3", 1)]
    assert outcomes(before, after) == [("moved", "b1", "n3"), ("accepted", "b2", "n2"), ("added", None, "n1")]
    assert outcomes([box("b1")], [box("n1", 1, label="mug")]) == [("relabelled", "b1", "n1")]
    assert outcomes([box("b1")], [box("n1", 6)]) == [("deleted", "b1", None), ("added", None, "n1")]


def test_an_id_of_another_kind_is_another_label() -> None:
    assert outcomes([box("x")], [interval("x", 0, 1)]) == [("deleted", "x", None), ("added", None, "x")]


def test_another_models_labels_are_neither_added_nor_mine() -> None:
    mine: list[Label] = [box("b1"), box("b2", 50), box("b3", 100)]
    after = [kept(box("o1", 0.5), OTHER), kept(box("o2", 51, label="mug"), OTHER), kept(box("o9", 400), OTHER)]
    assert outcomes(mine, after) == [("doubled", "b1", "o1"), ("deleted", "b2", "o2"), ("deleted", "b3", None)]
    _, found, _ = compare(reviewed(mine, after))
    assert [(row, column) for row, column, _ in found.pairs] == [(0, 0)]
    assert (found.wrong, found.missed) == ((1, 2), (1, 2))


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (box("b", 1.004), box("b", 1.0), "accepted"),
        (box("b", 1.0), box("b", 1.1), "moved"),
        (box("b", rotation=0), box("b"), "accepted"),
        (box("b", score=0.4), box("b", edited=True), "accepted"),
        (interval("s", 0, 1, expected="hi"), interval("s", 0, 1, text="hi"), "accepted"),
        (interval("s", 0, 1, text="hi"), interval("s", 0, 1, text="hey"), "edited"),
        (interval("s", 0, 1, text="hi"), interval("s", 0, 1.1, text="hey"), "moved"),
        (interval("s", 0, 1), interval("s", 0, 1.000001), "moved"),
        (text("t", "yes"), text("t", "yes"), "accepted"),
        (text("t", "yes"), text("t", "no"), "edited"),
        (text("t", "si", language="es"), text("t", "si", language="it"), "edited"),
        (text("t", "si"), text("t", "si", language="it"), "accepted"),
        (track("t", [(0, 0, 0, 5, 5), (9, 0, 0, 5, 5)]), track("t", [(0, 0, 0, 5, 5), (9, 0, 0, 5, 6)]), "moved"),
        (track("t", [(0, 0, 0, 5, 5), (9, 0, 0, 5, 5)]), track("t", [(0, 0, 0, 5, 5)]), "moved"),
    ],
)
def test_outcomes(before: Label, after: Label, outcome: str) -> None:
    assert outcome_of(before, after) == outcome


labels = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(["cup", "mug"]), st.sampled_from(["p", "q", "r", "s", "t"])),
    max_size=4,
    unique_by=lambda row: row[2],
).map(lambda rows: [box(name, x, label=word) for x, word, name in rows])


@settings(max_examples=150, deadline=None)
@given(labels, labels)
def test_every_prelabel_has_one_outcome_and_no_match_is_better(before: list[Label], after: list[Label]) -> None:
    changes, found, _ = compare(reviewed(before, after))
    assert [row.before.id for row in changes if row.before] == [label.id for label in before]
    used = [row.after.id for row in changes if row.after]
    assert len(used) == len(set(used))
    assert len(found.pairs) + len(found.wrong) == len(before)
    assert len(found.pairs) + len(found.missed) == len(after)
    assert sum(share for _, _, share in found.pairs) == pytest.approx(best(before, after))


def best(before: list[Any], after: list[Any]) -> float:
    """The largest sum of overlaps of one-to-one pairs, by trying all of them."""
    if not before:
        return 0.0
    first, rest = before[0], before[1:]
    result = best(rest, after)
    for index, other in enumerate(after):
        shared = max(0.0, 10 - abs(first.x - other.x)) * 10
        share = shared / (200 - shared)
        if first.label == other.label and share >= 0.5:
            result = max(result, share + best(rest, after[:index] + after[index + 1 :]))
    return result


def test_a_model_is_known_by_its_hash() -> None:
    item = reviewed([box("b1")], [kept(box("b1"), MODEL)])
    assert not item.of_another_model(item.after.labels[0])
