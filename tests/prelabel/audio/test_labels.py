from __future__ import annotations

from prelabel.audio.labels import answer_document, speech_document, spoken_answer
from prelabel.audio.segments import SpeechRegion
from wire.labels import Interval, LabelsDocument, Source, Text

MODEL = Source(kind="model", name="planted", version="1", sha256="0" * 64)


def test_what_was_expected_is_never_passed_off_as_heard() -> None:
    document = speech_document(
        "cap-2", MODEL, [SpeechRegion(0, 10, 0.5), SpeechRegion(20, 30, 0.7)], "Good morning. Hello!"
    )
    assert document.to_json()["labels"] == [
        {"id": "s1", "kind": "interval", "label": "speech", "score": 0.5, "start_us": 0, "end_us": 10,
         "expected": "Good morning."},
        {"id": "s2", "kind": "interval", "label": "speech", "score": 0.7, "start_us": 20, "end_us": 30,
         "expected": "Hello!"},
    ]  # fmt: skip


def test_a_region_for_which_no_word_is_left_expects_nothing() -> None:
    document = speech_document(
        "cap-2", MODEL, [SpeechRegion(0, 900_000, 0.5), SpeechRegion(1_000_000, 1_050_000, 0.7)], "Good"
    )
    assert [row.to_json().get("expected") for row in document.labels] == ["Good", None]
    nothing = speech_document("cap-2", MODEL, [SpeechRegion(0, 10, 0.5)])
    assert "expected" not in nothing.to_json()["labels"][0]


def test_a_typed_answer_is_the_scripts_text_label() -> None:
    script = Source(kind="script", name="kitchen", version="2", sha256="1" * 64)
    document = answer_document("cap-4", script, "Ein roter Becher", "de")
    assert LabelsDocument.read(document.to_json()) == document
    assert document.to_json()["source"]["kind"] == "script"
    assert document.to_json()["labels"] == [
        {"id": "a1", "kind": "text", "label": "answer", "score": None, "text": "Ein roter Becher", "language": "de"}
    ]
    assert answer_document("cap-4", script, " \n", "de").labels == []


def test_a_spoken_answer_is_what_was_heard_and_as_sure_as_its_least_sure_part() -> None:
    def heard(number: int, text: str | None, score: float) -> Interval:
        start = number * 1000
        return Interval(id=f"s{number}", label="speech", start_us=start, end_us=start + 500, text=text, score=score)

    document = spoken_answer("cap-5", MODEL, [heard(3, "two", 0.6), heard(1, "one", 0.9), heard(2, None, 0.1)], "en")
    (label,) = document.labels
    assert isinstance(label, Text) and (label.text, label.language, label.score) == ("one\ntwo", "en", 0.6)
    assert document.source == MODEL
    assert spoken_answer("cap-5", MODEL, [heard(1, None, 0.9)], "en").labels == []


def test_no_speech_is_a_document_too() -> None:
    document = speech_document("cap-1", MODEL, [])
    assert document.labels == [] and document.source == MODEL
