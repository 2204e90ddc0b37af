"""Which configurations of one model file are told apart by calibrations: by a table of what differs."""

from __future__ import annotations

from typing import Any

import pytest

from prelabel.triage.score_keys import ScoreKey, score_key, score_keys
from tests.prelabel.quality.made import MODEL, OTHER, PERSON, box
from wire.canonical import document_hash
from wire.labels import LabelsDocument, Source

STILLS: dict[str, Any] = {
    "family": "yolox", "runtime": "onnxruntime 1.23", "names": ["cup", "plate"], "input": {"size": [416, 416]},
    "thresholds": {"score": 0.3, "scores": {}, "floor": 0.1, "iou": 0.45, "agnostic": False},
}  # fmt: skip
VIDEO = {**STILLS, "looks_per_second": None}
FOLLOWED = {**STILLS, "max_looks_per_second": 5.0, "looked_at": [640, 360], "words": ["cup"]}
SOUND: dict[str, Any] = {"family": "tagging", "audio": {"rate": 16000}, "thresholds": {"score": 0.3, "iou": 0.45}}
SPEECH: dict[str, Any] = {"family": "ctc", "audio": {"rate": 16000}, "decode": {"frame_ms": 20}}


def source(settings: dict[str, Any], package: str = "1") -> Source:
    return MODEL.model_copy(update={"package": package * 64, "settings": document_hash(settings)})


def changed(settings: dict[str, Any], table: str, value: Any) -> dict[str, Any]:
    name, _, member = table.partition(".")
    return {**settings, name: {**settings[name], member: value} if member else value}


@pytest.mark.parametrize(
    ("settings", "what", "value", "are_one"),
    [
        (STILLS, "thresholds.score", 0.5, True),
        (STILLS, "thresholds.scores", {"cup": 0.7}, True),
        (STILLS, "thresholds.floor", 0.05, True),
        (STILLS, "thresholds.iou", 0.6, False),
        (STILLS, "thresholds.agnostic", True, False),
        (STILLS, "input", {"size": [320, 320]}, False),
        (STILLS, "runtime", "onnxruntime 1.24", False),
        (STILLS, "names", ["mug", "plate"], False),
        (VIDEO, "thresholds.score", 0.5, False),
        (VIDEO, "looks_per_second", 2.0, False),
        (FOLLOWED, "thresholds.score", 0.5, False),
        (FOLLOWED, "looked_at", [320, 180], False),
        (SOUND, "thresholds.score", 0.5, False),
        (SPEECH, "decode.frame_ms", 40, False),
    ],
)
def test_what_parts_configurations(settings: dict[str, Any], what: str, value: Any, are_one: bool) -> None:
    """A package's hash differs with its thresholds, so each is of a package of its own."""
    other = changed(settings, what, value)
    first, second = score_key(source(settings), settings), score_key(source(other, "2"), other)
    assert (first == second) is are_one
    assert first.configuration is not None and first.sha256 == second.sha256 == MODEL.sha256


def test_an_alphabet_is_in_no_settings_but_in_the_package() -> None:
    assert score_key(source(SPEECH), SPEECH) != score_key(source(SPEECH, "2"), SPEECH)
    assert score_key(source(STILLS), STILLS) == score_key(source(STILLS, "2"), STILLS)


def test_settings_that_were_not_recorded_are_any() -> None:
    assert score_key(MODEL, None) == ScoreKey("a" * 64, None)


def test_every_model_of_a_document_has_its_own_key() -> None:
    made = source(STILLS)
    labels = [box("b1"), box("b2", source=OTHER), box("b3", source=PERSON)]
    document = LabelsDocument(
        capture="cap-1", source=made, labels=labels, settings={document_hash(STILLS): STILLS}
    )  # fmt: skip
    assert score_keys(document) == {made: score_key(made, STILLS), OTHER: ScoreKey("b" * 64, None)}
