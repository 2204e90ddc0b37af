"""Reasons to look: by tables, agreement of two models against every possible pairing, time against a count of ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelabel.triage.calibration import Calibration, Reliability
from prelabel.triage.doubts import (
    Calibrations,
    Doubt,
    combined,
    conflict,
    disagreement,
    flicker,
    reasons,
    transcript,
    uncertainty,
)  # fmt: skip
from prelabel.triage.score_keys import ScoreKey, score_key
from tests.prelabel.quality.made import MODEL, OTHER, PERSON, box, document, interval, track
from wire.canonical import document_hash
from wire.labels import Box, Interval, Label, LabelsDocument, Source, Word
from wire.tasks import TaskType

SCRIPT = Source(kind="script", name="show-cup")
NEWER = Source(kind="model", name="yolox-nano", version="2", sha256="d" * 64)


def temperature(value: float) -> Calibration:
    nothing = Reliability(ece=0, pairs=0, bins=[])
    return Calibration(
        model=MODEL, fitted_at=datetime(2026, 11, 23, tzinfo=UTC), pairs=0, method="temperature", temperature=value,
        classes={}, before=nothing, after=nothing,
    )  # fmt: skip


def boxes(*scores: float | None, label: str = "cup") -> list[Label]:
    return [box(f"b{number}", 20 * number, label=label, score=score) for number, score in enumerate(scores)]


# ---------------------------------------------------------------- uncertainty
@pytest.mark.parametrize(
    ("scores", "worth"),
    [
        ([], None),
        ([None], None),
        ([1.0], 0),
        ([0.0], 0),
        ([0.5], 1),
        ([0.9, 0.6], 0.8),
        ([0.1], 0.2),
        ([None, 0.75], 0.5),
    ],
)
def test_uncertainty_is_that_of_the_least_certain(scores: list[float | None], worth: float | None) -> None:
    doubt = uncertainty([document(boxes(*scores))], {})
    assert (doubt and doubt.worth) == (worth if worth is None else pytest.approx(worth))


def test_uncertainty_counts_what_is_near_even_odds() -> None:
    doubt = uncertainty([document(boxes(0.9, 0.62, 0.36)), document(boxes(0.4), capture="cap-2")], {})
    assert doubt == Doubt("uncertainty", "Least certain: cup, 40%; 3 of 4 labels are unsure.", 0.8)


def test_uncertainty_is_of_the_calibrated_score() -> None:
    """Logits three times too large: what says 0.95 means logit(0.95) / 3."""
    p = 1 / (1 + math.exp(-math.log(0.95 / 0.05) / 3))
    given = {ScoreKey("a" * 64): temperature(3.0)}
    doubt = uncertainty([document(boxes(0.95))], given)
    assert doubt is not None and doubt.worth == pytest.approx(2 * (1 - p))
    other = uncertainty([document(boxes(0.95), OTHER)], given)
    assert other is not None and other.worth == pytest.approx(0.1), "the calibration is of another model"
    own = box("b1", score=0.95, source=MODEL)
    mixed = uncertainty([document([own], OTHER)], given)
    assert mixed is not None and mixed.worth == pytest.approx(2 * (1 - p)), "a label's own source rules"


def test_each_configuration_is_read_by_its_own_calibration() -> None:
    settings: dict[str, Any] = {"input": {"size": [224, 224]}}
    named = MODEL.model_copy(update={"package": "1" * 64, "settings": document_hash(settings)})
    made = document(boxes(0.95), named).model_copy(update={"settings": {document_hash(settings): settings}})
    key = score_key(named, settings)
    of_file, own = temperature(1.1), temperature(3.0).model_copy(
        update={"configuration": key.configuration, "fitted_on": "configuration"}
    )  # fmt: skip

    def said(calibrations: Calibrations, about: LabelsDocument = made) -> str:
        doubt = uncertainty([about], calibrations)
        assert doubt is not None
        return doubt.text

    both = {of_file.key: of_file, own.key: own}
    assert own.key == key and said(both) == "Least certain: cup, 95%, which is right 73% of the time."
    assert said(both, document(boxes(0.95))) == "Least certain: cup, 95%.", "its settings were not recorded"
    far = temperature(3.0)
    borrowed = "Least certain: cup, 95%, which is right 73% of the time over all settings of the model."
    assert said({far.key: far}) == borrowed
    assert said({far.key: far, key: far.model_copy(update={"configuration": key.configuration})}) == borrowed
    assert said({far.key: far}, document(boxes(0.95))) == "Least certain: cup, 95%, which is right 73% of the time."


# ---------------------------------------------------------------- flicker
def test_flicker_names_the_worst_track() -> None:
    still = track("t1", [(0, 0, 0, 100, 100), (50, 0, 0, 100, 100)])
    jumpy = track("t2", [(0, 0, 300, 99, 99), (5, 0, 300, 99, 99), (10, 900, 300, 99, 99), (15, 900, 300, 99, 99)])
    assert flicker([document([still])]) is None
    assert flicker([document([still, jumpy])]) == Doubt(
        "flicker", "The track person from 0.0 to 0.6 s jumps once.", 0.5
    )
    assert flicker([document([box("b1")])]) is None


# ---------------------------------------------------------------- disagreement
def iou(a: Box, b: Box) -> float:
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    shared = max(0.0, width) * max(0.0, height)
    return shared / (a.width * a.height + b.width * b.height - shared)


def agreed(ours: Sequence[Box], theirs: Sequence[Box]) -> set[int]:
    """How many pairs the best pairings have, of all there are."""
    few, many = sorted((ours, theirs), key=len)
    best: dict[int, float] = {}
    for chosen in permutations(many, len(few)):
        shares = [iou(a, b) for a, b in zip(few, chosen, strict=True) if a.label == b.label and iou(a, b) >= 0.5]
        best[len(shares)] = max(best.get(len(shares), 0.0), sum(shares))
    highest = max(best.values(), default=0.0)
    return {count for count, total in best.items() if total >= highest - 1e-9} or {0}


spots = st.lists(st.tuples(st.integers(0, 12), st.integers(6, 10), st.sampled_from(["cup", "mug"])), max_size=4)
CUPS = {MODEL.sha256 or "": ["cup", "mug"], OTHER.sha256 or "": ["cup", "mug"]}


@settings(max_examples=200, deadline=None)
@given(spots, spots)
def test_disagreement_is_one_minus_f1(first: list[tuple[int, int, str]], second: list[tuple[int, int, str]]) -> None:
    ours, theirs = (
        [box(f"b{number}", x, w=w, label=label) for number, (x, w, label) in enumerate(rows)]
        for rows in (first, second)
    )
    doubt = disagreement([document(ours), document(theirs, OTHER)], CUPS)
    if not ours and not theirs:
        assert doubt is None
        return
    total = len(ours) + len(theirs)
    assert doubt is not None
    assert any(doubt.worth == pytest.approx(1 - 2 * count / total) for count in agreed(ours, theirs))


@pytest.mark.parametrize(
    ("ours", "theirs", "text", "worth"),
    [
        (boxes(0.9, 0.9), [], "yolox-nano saw 2 × cup, yunet none.", 1),
        ([], boxes(0.9), "yolox-nano saw no cup, yunet 1.", 1),
        (boxes(0.9, 0.9), boxes(0.9), "yolox-nano saw 2 × cup, yunet 1.", 1 / 3),
        (boxes(0.9), [box("b1", 500)], "yolox-nano and yunet both saw 1 thing, not in the same places.", 1),
        (
            boxes(0.9, 0.9, 0.9),
            [*boxes(0.9, 0.9), box("b9", 500, label="mug")],
            "yolox-nano saw 3 × cup, yunet 2.",
            1 / 3,
        ),
    ],
)
def test_what_differs_is_named(ours: list[Label], theirs: list[Label], text: str, worth: float) -> None:
    doubt = disagreement([document(ours), document(theirs, OTHER)], CUPS)
    assert doubt is not None and (doubt.kind, doubt.text) == ("disagreement", text)
    assert doubt.worth == pytest.approx(worth)


def test_two_models_can_only_differ_on_what_both_know() -> None:
    faces = [box("f1", 300, label="face")]
    assert disagreement([document(boxes(0.9)), document(faces, OTHER)], {}) is None
    known = {MODEL.sha256 or "": ["cup", "person"], OTHER.sha256 or "": ["face"]}
    assert disagreement([document(boxes(0.9)), document(faces, OTHER)], known) is None


def test_who_is_compared_with_whom() -> None:
    ours, nothing = boxes(0.9), list[Label]()
    assert disagreement([document(ours), document(nothing, OTHER, "cap-2")], CUPS) is None, "another capture"
    assert disagreement([document(ours), document(nothing, PERSON)], CUPS) is None, "a person is no model"
    assert disagreement([document(ours), document(nothing)], CUPS) is None, "the same model"
    assert disagreement([document(ours), document([track("t1", [(0, 0, 0, 9, 9)], "cup")], OTHER)], CUPS) is None
    versions = disagreement([document(ours), document(nothing, NEWER)], {})
    assert versions is not None and versions.text == "yolox-nano 1 saw 1 cup, yolox-nano 2 none."


def test_the_pair_that_differs_most_is_told() -> None:
    third = Source(kind="model", name="third", sha256="e" * 64)
    known = CUPS | {"e" * 64: ["cup"]}
    doubt = disagreement([document(boxes(0.9, 0.9)), document(boxes(0.9), OTHER), document([], third)], known)
    assert doubt is not None and doubt.worth == 1 and "third none" in doubt.text


stretches = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=4)


@given(stretches, stretches)
def test_intervals_are_compared_by_their_time(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    """Second by second: how many both have, and how many each."""
    ours, theirs = (
        [interval(f"s{number}", start, start + length) for number, (start, length) in enumerate(rows)]
        for rows in (first, second)
    )
    left, right = ({t for start, length in rows for t in range(start, start + length)} for rows in (first, second))
    known = {MODEL.sha256 or "": ["speech"], OTHER.sha256 or "": ["speech"]}
    doubt = disagreement([document(ours), document(theirs, OTHER)], known)
    if not left and not right:
        assert doubt is None
        return
    assert doubt is not None and doubt.worth == pytest.approx(1 - 2 * len(left & right) / (len(left) + len(right)))
    assert f"{len(left & right):.1f} s are the same" in doubt.text


# ---------------------------------------------------------------- conflict
@pytest.mark.parametrize(
    ("kind", "speaks", "objects", "labels", "text"),
    [
        ("speech", True, [], [], "The script expects something to be said; no speech was found."),
        ("speech", True, [], [interval("s1", 0, 1)], None),
        ("speech", True, [], [interval("s1", 0, 1, "music")], "something to be said"),
        ("speech", True, [], [interval("s1", 0, 1, "voice", text="hi")], None),
        ("speech", False, [], [interval("s1", 0, 1)], "Speech was found where the script expects none."),
        ("speech", False, [], [], None),
        ("boxes", False, ["Cup"], [box("b1")], None),
        ("boxes", False, ["cup", "fork"], [box("b1")], "The script expects fork; the models found none."),
        ("tracks", False, ["person", "cup"], [], "expects person, cup"),
        ("tracks", False, ["person"], [track("t1", [(0, 0, 0, 9, 9)])], None),
        ("boxes", False, ["person"], [box("b1", label="face")], None),
        ("boxes", True, [], [], None),
        ("text", True, ["cup"], [], None),
    ],
)
def test_conflict(kind: TaskType, speaks: bool, objects: list[str], labels: list[Label], text: str | None) -> None:
    doubt = conflict(kind, speaks, objects, [document(labels)])
    assert (doubt is None) if text is None else (doubt is not None and text in doubt.text and doubt.worth == 1)
    assert conflict(kind, speaks, objects, []) is None, "no model looked"
    assert conflict(kind, speaks, objects, [document([], SCRIPT)]) is None, "the script itself is no model"


@pytest.mark.parametrize(
    ("words", "clash"),
    [(["cup"], False), (["fork", "cup"], True), (["FORK"], True), (None, True)],
)
def test_a_model_that_does_not_know_a_word_cannot_miss_it(words: list[str] | None, clash: bool) -> None:
    known = {} if words is None else {MODEL.sha256 or "": words}
    assert bool(conflict("boxes", False, ["fork"], [document(boxes(0.9))], known)) is clash


def test_a_face_detector_knows_people() -> None:
    assert conflict("boxes", False, ["person"], [document([], OTHER)], {OTHER.sha256 or "": ["face"]}) is not None


# ---------------------------------------------------------------- transcript
def said(id: str, start: float, end: float, *scores: float | None) -> Interval:
    words = [
        Word(text=f"w{number}", start_us=round(start * 1e6), end_us=round(end * 1e6), score=score)
        for number, score in enumerate(scores)
    ]
    return interval(id, start, end, text=" ".join(word.text for word in words), words=words)


def test_unsure_words() -> None:
    doubt = transcript([document([said("s1", 0, 1, 0.9, 0.9), said("s2", 2, 3.5, 0.8, 0.2, None)])])
    assert doubt == Doubt("transcript", "The words from 2.0 s to 3.5 s have a mean score of 50% only.", 0.5)
    assert transcript([document([interval("s1", 0, 1, text="no words")])]) is None
    sure = transcript([document([said("s1", 0, 1, None)])])
    assert sure is not None and sure.worth == 0


def test_text_where_nobody_speaks() -> None:
    heard = document([interval("s1", 0, 4, text="a"), interval("s2", 6, 8, text="b")])
    speech = document([interval("s1", 1, 3)], OTHER)
    doubt = transcript([heard, speech])
    assert doubt is not None and doubt.worth == pytest.approx(4 / 6)
    assert doubt.text == "Text stands where no speech was found, for 4.0 s of 6.0 s."
    assert transcript([heard]) is None, "nobody else listened"
    assert transcript([heard, document([interval("s1", 0, 9)], OTHER)]) is None
    assert transcript([heard, document([], OTHER, "cap-2")]) is None, "another recording"
    silent = transcript([heard, document([], OTHER)])
    assert silent is not None and silent.worth == 1


# ---------------------------------------------------------------- all of them
def test_the_worst_comes_first_and_of_equals_the_conflict() -> None:
    even = [document(boxes(0.5))]
    found = reasons("boxes", False, ["fork"], even)
    assert [(doubt.kind, doubt.worth) for doubt in found] == [("conflict", 1), ("uncertainty", 1)]
    assert combined(found) == 2
    two = reasons(
        "boxes", None, ["fork"], [*even, document([], OTHER)], vocabularies=CUPS | {"b" * 64: ["fork", "cup"]}
    )
    assert [doubt.kind for doubt in two] == ["conflict", "disagreement", "uncertainty"]
    assert combined(two) == 2, "no more than two days of waiting"


def test_only_what_concerns_the_task_is_asked() -> None:
    jumpy = track("t1", [(0, 0, 0, 9, 9), (5, 0, 0, 9, 9), (10, 900, 0, 9, 9), (15, 900, 0, 9, 9)])
    unsure = said("s1", 0, 1, 0.2)
    assert [doubt.kind for doubt in reasons("tracks", False, [], [document([jumpy, unsure])])] == ["flicker"]
    assert [doubt.kind for doubt in reasons("speech", True, [], [document([jumpy, unsure])])] == ["transcript"]


def test_nothing_in_doubt() -> None:
    assert reasons("boxes", False, ["cup"], [document(boxes(0.999))]) == []
    assert reasons("boxes", False, [], []) == []
    assert combined([]) == 0


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["boxes", "tracks", "speech", "text"]),
    st.booleans(),
    st.sampled_from([[], ["cup"], ["cup", "fork"]]),
    st.lists(
        st.tuples(
            st.sampled_from([MODEL, OTHER, NEWER, SCRIPT]),
            st.lists(st.tuples(st.sampled_from("bts"), st.integers(0, 40), st.floats(0, 1)), max_size=4),
        ),
        max_size=3,
    ),
)
def test_laws(
    kind: TaskType, speaks: bool, objects: list[str], made: list[tuple[Source, list[tuple[str, int, float]]]]
) -> None:
    documents = []
    for source, rows in made:
        labels: list[Label] = []
        for number, (what, x, score) in enumerate(rows):
            if what == "b":
                labels.append(box(f"l{number}", x, score=score))
            elif what == "t":
                labels.append(track(f"l{number}", [(0, x, 0, 9, 9), (9, 40 - x, 0, 9, 9)], "cup", score=score))
            else:
                labels.append(said(f"l{number}", x, x + 1, score))
        documents.append(document(labels, source))
    found = reasons(kind, speaks, objects, documents)
    assert len({doubt.kind for doubt in found}) == len(found)
    assert all(0 < doubt.worth <= 1 and doubt.text.endswith(".") and "\n" not in doubt.text for doubt in found)
    assert [doubt.worth for doubt in found] == sorted((doubt.worth for doubt in found), reverse=True)
    assert combined(found) == pytest.approx(min(2, sum(doubt.worth for doubt in found)))
    assert found == reasons(kind, speaks, objects, documents), "the same question has the same answer"
