"""What a submit has to be, and what the service sets by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from collector.review.problems import LabelsRefused
from collector.review.validation import LabelledCapture, finished_documents
from prelabel.geometry.rle import encode
from tests.collector.review.filled import MODEL, TIMES, box, document, interval, track
from wire.canonical import canonical_json, document_hash
from wire.errors import SchemaTooNew
from wire.labels import LabelsDocument
from wire.tasks import TaskType

CLASSES: dict[TaskType, list[str]] = {
    "boxes": ["cup", "plate"], "tracks": ["person"], "speech": ["speech"], "text": ["answer"]
}  # fmt: skip
FACTS = {
    "boxes": LabelledCapture("cap-1", None, size=(160, 120)),
    "tracks": LabelledCapture("cap-1", 400_000, TIMES, (160, 120)),
    "speech": LabelledCapture("cap-1", 400_000),
    "text": LabelledCapture("cap-1", None),
}


def finish(
    kind: TaskType,
    sent: list[dict[str, Any]],
    shown: list[dict[str, Any]] | None = None,
    before: list[LabelsDocument] | None = None,
    reviewer: str = "ann",
) -> LabelsDocument:
    submitted = [LabelsDocument.read(document("cap-1", sent))]
    prelabels = [] if shown is None else [LabelsDocument.read({**document("cap-1", shown), "source": MODEL})]
    (result,) = finished_documents(kind, [FACTS[kind]], CLASSES[kind], submitted, prelabels, before or [], reviewer)
    return result


def text_label(words: str = "yes", name: str = "w") -> dict[str, Any]:
    return {"id": name, "kind": "text", "label": "answer", "score": None, "text": words}


def test_the_reviewer_is_the_source_and_kept_labels_keep_theirs() -> None:
    lie = {**box("new"), "edited": True, "source": {"kind": "person", "name": "bob"}}
    result = finish("boxes", [{**box("b1"), "score": 0.99}, box("b2", x=11.0), lie], [box("b1"), box("b2")])
    assert result.source.to_json() == {"kind": "person", "name": "ann", "version": None, "sha256": None}
    kept, moved, new = result.labels
    assert (kept.source and kept.source.name, kept.score, kept.edited) == ("yolox-nano", 0.8, False)
    assert (moved.source and moved.source.name, moved.score, moved.edited) == ("yolox-nano", 0.8, True)
    assert (new.source, new.score, new.edited) == (None, None, False)


def test_a_models_document_that_is_sent_back_is_a_persons() -> None:
    settings = {"thresholds": {"score": 0.35}}
    sent = {
        **document("cap-1", [box("b1")]),
        "source": {**MODEL, "settings": document_hash(settings)},
        "settings": {document_hash(settings): settings},
        "inference": {"began_at": "2026-11-23T09:00:00Z", "computed_ms": 128},
    }
    submitted = [LabelsDocument.read({**sent, "schema": 3})]
    (result,) = finished_documents("boxes", [FACTS["boxes"]], CLASSES["boxes"], submitted, submitted, [], "ann")
    read = LabelsDocument.read(canonical_json(result))
    assert (read.source.kind, read.settings, read.inference) == ("person", {}, None)
    assert read.labels[0].source == submitted[0].source


def test_a_second_reviewer_does_not_take_over_the_first_ones_labels() -> None:
    first = finish("boxes", [box("mine")])
    second = finish("boxes", [box("mine"), box("other")], before=[first], reviewer="bob")
    assert second.labels[0].source is not None and second.labels[0].source.name == "ann"
    assert not second.labels[0].edited and second.labels[1].source is None
    again = finish("boxes", [box("mine", x=1.0)], before=[first])
    assert again.labels[0].source is None and again.labels[0].edited


def test_what_the_script_expected_stays_the_scripts() -> None:
    shown = [interval(expected="turn on the light")]
    result = finish("speech", [{**interval(), "text": "turn on", "expected": "turn on"}], shown)
    assert result.labels[0].to_json()["expected"] == "turn on the light"
    assert result.labels[0].edited


@pytest.mark.parametrize(
    ("kind", "labels", "word"),
    [
        ("boxes", [track()], "kind track"),
        ("boxes", [box(label="spoon")], "spoon"),
        ("boxes", [{**box(), "frame": 3}], "still"),
        ("tracks", [track(frames=(1, 9), times_us=[*TIMES[:9], 360_001])], "frame table says 360000"),
        ("tracks", [track(frames=(1, 12), times_us=range(0, 520_000, 40_000))], "10 frames"),
        ("speech", [interval(start_us=-5)], "before the recording"),
        ("speech", [interval(end_us=900_000)], "0.900 s"),
        ("text", [interval()], "kind interval"),
    ],
)
def test_refused(kind: TaskType, labels: list[dict[str, Any]], word: str) -> None:
    if kind == "tracks" and labels[0]["keyframes"][-1]["frame"] == 9:
        labels[0]["keyframes"][0]["start_us"] = TIMES[1]
    with pytest.raises(LabelsRefused) as caught:
        finish(kind, labels)
    if "frames" not in word:
        assert word in caught.value.message
    assert caught.value.facts["label"] == labels[0]["id"]


def test_what_the_model_said_may_be_accepted_as_it_is() -> None:
    shown = [box(label="spoon"), {**box("b2"), "label": "fork"}]
    assert len(finish("boxes", shown, shown).labels) == 2
    moved = [{**shown[0], "x": 1.0}]
    assert finish("boxes", moved, shown).labels[0].edited
    too_long = [interval(end_us=900_000)]
    assert len(finish("speech", too_long, too_long).labels) == 1


@pytest.mark.parametrize("captures", [[], ["cap-1", "cap-2"], ["cap-2"], ["cap-1", "cap-1"]])
def test_exactly_the_labelled_captures(captures: list[str]) -> None:
    submitted = [LabelsDocument.read(document(name, [])) for name in captures]
    with pytest.raises(LabelsRefused):
        finished_documents("boxes", [FACTS["boxes"]], [], submitted, [], [], "ann")


def test_an_empty_document_means_nothing_there() -> None:
    assert finish("boxes", [], [box()]).labels == []


def test_texts_are_composed_unless_spans_count_on_them() -> None:
    decomposed = "cafe\u0301"
    assert finish("text", [text_label(decomposed)]).to_json()["labels"][0]["text"] == "café"
    span = {"id": "s", "kind": "span", "label": "place", "score": None, "start": 0, "end": 5, "parent": "w"}
    with pytest.raises(LabelsRefused, match="NFC"):
        finish("text", [text_label(decomposed), span])


def test_a_newer_schema_is_not_guessed_at() -> None:
    newer = LabelsDocument.read(document("cap-1", [])).model_copy(update={"schema_number": LabelsDocument.SCHEMA + 1})
    with pytest.raises(SchemaTooNew):
        finished_documents("boxes", [FACTS["boxes"]], [], [newer], [], [], "ann")


def polygon(*points: tuple[float, float]) -> dict[str, Any]:
    return {"id": "p", "kind": "polygon", "label": "cup", "points": [list(point) for point in points]}


def mask(height: int, width: int, counts: str) -> dict[str, Any]:
    return {"id": "m", "kind": "mask", "label": "cup", "rle": {"size": [height, width], "counts": counts}}


EMPTY = encode(np.zeros((120, 160), dtype=bool), 120, 160).counts
HIDDEN = {**track(), "keyframes": [{**row, "x": 400.0} for row in track()["keyframes"]]}
UNREADABLE: list[tuple[TaskType, dict[str, Any], str]] = [
    ("boxes", box(width=0.0), "no width"),
    ("boxes", box(height=0.0), "no width or no height"),
    ("boxes", box(width=1e300), "out of bounds"),
    ("boxes", box(x=160.0), "outside"),
    ("boxes", box(x=-31.0), "outside"),
    ("boxes", box(y=-71.0, rotation=90.0), "outside"),
    ("boxes", polygon((1, 1), (9, 9)), "two|2 points"),
    ("boxes", polygon((1, 1), (9, 9), (5, 5)), "without area"),
    ("boxes", polygon((0, 0), (10, 10), (10, 0), (0, 10)), "without area"),
    ("boxes", polygon((200, 0), (210, 10), (210, 0)), "outside"),
    ("boxes", mask(120, 160, "zzz garbage"), "run lengths"),
    ("boxes", mask(120, 160, "\u00e9"), "run lengths"),
    ("boxes", mask(60, 160, EMPTY), "160 x 60"),
    ("boxes", mask(120, 160, EMPTY), "without a pixel"),
    ("boxes", mask(-120, -160, EMPTY), "size"),
    ("boxes", {"id": "k", "kind": "keypoints", "label": "cup", "points": [[1, 1, 0]]}, "labelled point"),
    ("boxes", {"id": "c", "kind": "choice", "label": "moon"}, "moon"),
    ("tracks", HIDDEN, "outside"),
    ("text", {**text_label(), "language": "xx-notalang!!"}, "language tag"),
]


@pytest.mark.parametrize(("kind", "label", "word"), UNREADABLE)
def test_what_no_reader_takes_is_refused(kind: TaskType, label: dict[str, Any], word: str) -> None:
    with pytest.raises(LabelsRefused, match=word) as caught:
        finish(kind, [label])
    assert caught.value.facts["label"] == label["id"]
    if label["kind"] != "choice":
        with pytest.raises(LabelsRefused, match=word):
            finish(kind, [label], [label])


def test_what_reaches_over_the_edge_is_taken() -> None:
    good = encode(np.ones((120, 160), dtype=bool), 120, 160).counts
    rows = [box(x=-29.0), box("b2", x=159.0), polygon((-9, 1), (9, 9), (5, 50)), mask(120, 160, good)]
    assert len(finish("boxes", rows).labels) == 4
    leaving = track()
    leaving["keyframes"][1]["x"] = 400.0
    assert len(finish("tracks", [leaving]).labels) == 1
    assert len(finish("text", [{**text_label(), "language": "zh-Hans-CN"}]).labels) == 1
