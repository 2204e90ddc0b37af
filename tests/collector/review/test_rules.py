"""Which task comes first and why; unique ids for what several models said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from collector.catalogue.shown_labels import unique_label_ids
from collector.review.rules import may_write, part_for, priority, reason_for
from tests.collector.review.filled import MODEL, START, box
from wire.labels import Label, LabelsDocument
from wire.tasks import TaskType

read = TypeAdapter(Label).validate_python


def doc(*labels: dict[str, Any], capture: str = "cap-1") -> LabelsDocument:
    return LabelsDocument.read({"schema": 1, "capture": capture, "source": MODEL, "labels": list(labels)})


def test_reason_says_why() -> None:
    assert reason_for("boxes", False, [], [doc(box(score=0.5))], 0.05).kind == "random"
    sure = reason_for("boxes", False, [], [doc(box(score=1.0))], 0.5)
    assert (sure.kind, sure.probability) == ("age", 0.9)
    assert reason_for("boxes", False, [], [doc(box(score=0.5))], 0.5).kind == "uncertainty"
    clash = reason_for("boxes", False, ["fork"], [doc(box(score=0.6))], 0.5)
    assert (clash.kind, clash.worth) == ("conflict", pytest.approx(1.8))
    assert clash.text == "The script expects fork; the models found none."
    unknown = reason_for("boxes", False, ["fork"], [doc(box(score=1.0))], 0.5, vocabularies={"a" * 64: ["cup"]})
    assert unknown.kind == "age", "a model that does not know a word cannot miss it"


@given(st.floats(0, 2), st.floats(0, 2), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_day_of_waiting_is_worth_one(first: float, second: float, early: int, late: int) -> None:
    a = priority(first, START + timedelta(seconds=early))
    b = priority(second, START + timedelta(seconds=late))
    assert a - b == pytest.approx(first - second + (late - early) / 86_400, abs=1e-6)


@given(st.integers(0, 5), st.integers(0, 5), st.sampled_from(["ann", "bob", None]))
def test_only_the_holder_with_the_newest_fence_writes(fence: int, quoted: int, holder: str | None) -> None:
    assert may_write(fence, holder, "ann", quoted) == (fence == quoted and holder == "ann")


@given(st.lists(st.lists(st.sampled_from(["a", "a-2", "a-3", "b", "x" * 64]), unique=True, max_size=5), max_size=4))
def test_ids_of_several_models_become_unique(ids: list[list[str]]) -> None:
    documents = [doc(*(box(name) for name in row)) for row in ids]
    apart = unique_label_ids(documents)
    flat = [label.id for document in apart for label in document.labels]
    assert len(set(flat)) == len(flat) == sum(map(len, ids))
    assert all(len(name) <= 64 for name in flat)
    assert apart == unique_label_ids(documents)
    if ids:
        assert apart[0] == documents[0]


REGION = {"id": "s1", "kind": "interval", "label": "speech", "score": 0.9, "start_us": 0, "end_us": 1_000_000}
COUGH = {**REGION, "id": "e1", "label": "cough"}
ANSWER = {"id": "a1", "kind": "text", "label": "answer", "score": 0.8, "text": "tea", "language": "en"}
PIECE = {"id": "p1", "kind": "polygon", "label": "text", "score": 0.9, "points": [[0, 0], [9, 0], [9, 9]]}
READ = {"id": "w1", "kind": "text", "label": "text", "score": 0.9, "text": "Milk", "parent": "p1"}
SURE = {"id": "c1", "kind": "choice", "label": "kitchen", "score": 0.9}


@pytest.mark.parametrize(
    ("kind", "classes", "labels", "kept"),
    [
        ("boxes", ["cup"], [box("b1"), box("b2", label="potted plant")], ["b1"]),
        ("boxes", [], [box("b1"), box("b2", label="potted plant")], ["b1", "b2"]),
        ("boxes", ["fork"], [box("b1"), SURE], ["c1"]),  # a choice is no thing in the picture
        ("boxes", ["fork"], [box("b1")], []),  # looked at: nothing that is asked for
        ("boxes", ["cup"], [PIECE, READ], None),  # what stands there is another task of the same still
        ("text", ["answer"], [PIECE, READ], ["p1", "w1"]),
        ("text", ["answer"], [box("b1")], None),
        ("speech", ["speech"], [REGION, COUGH, ANSWER], ["s1"]),  # the answer as a whole is the text task's
        ("text", ["answer"], [REGION, COUGH, ANSWER], ["a1"]),
        ("text", ["answer"], [REGION], None),
        ("text", ["answer"], [], []),
        ("boxes", ["cup"], [], []),
    ],
)
def test_a_task_is_shown_its_own_kinds_and_words(
    kind: TaskType, classes: list[str], labels: list[dict[str, Any]], kept: list[str] | None
) -> None:
    whole = doc(*labels)
    part = part_for(kind, classes, whole)
    assert (None if part is None else [label.id for label in part.labels]) == kept
    assert len(whole.labels) == len(labels), "the document itself is kept as it came"


def test_a_span_follows_its_renamed_text() -> None:
    words = {"id": "w", "kind": "text", "label": "answer", "score": None, "text": "hello"}
    span = {"id": "s", "kind": "span", "label": "name", "score": None, "start": 0, "end": 2, "parent": "w"}
    apart = unique_label_ids([doc(words), doc(words, span)])
    assert [(label.id, label.parent) for label in apart[1].labels] == [("w-2", None), ("s", "w-2")]
