from __future__ import annotations

from prelabel.audio.segments import Region
from prelabel.documents import answer_document, detection_labels, speech_document, spoken_answer, track_document
from prelabel.geometry.detection import Detection
from prelabel.tracks import PathPoint, TrackPath
from wire.labels import Interval, LabelsDocument, Rle, Source, Text

MODEL = Source(kind="model", name="planted", version="1", sha256="0" * 64)
TIMES = list(range(0, 400_000, 40_000))


def test_tracks_carry_the_times_of_the_frame_table() -> None:
    path = TrackPath("person", tuple(PathPoint(n, TIMES[n], 10.0 + n, 5, 20, 30, 0.81234567) for n in (2, 4, 6)))
    gone = TrackPath("person", (PathPoint(50, 2_000_000, 1, 1, 1, 1, 0.9),))
    document = track_document("cap-1", MODEL, [path, gone], TIMES)
    assert LabelsDocument.read(document.to_json()) == document
    assert document.to_json()["labels"] == [
        {
            "id": "t1", "kind": "track", "label": "person", "score": 0.8123,
            "keyframes": [
                {"frame": 2, "start_us": 80_000, "x": 12.0, "y": 5.0, "width": 20.0, "height": 30.0, "visible": True,
                 "attributes": {}},
                {"frame": 6, "start_us": 240_000, "x": 16.0, "y": 5.0, "width": 20.0, "height": 30.0, "visible": True,
                 "attributes": {}},
                {"frame": 7, "start_us": 280_000, "x": 16.0, "y": 5.0, "width": 20.0, "height": 30.0, "visible": False,
                 "attributes": {}},
            ],
        }
    ]  # fmt: skip


def test_what_was_expected_is_never_passed_off_as_heard() -> None:
    document = speech_document("cap-2", MODEL, [Region(0, 10, 0.5), Region(20, 30, 0.7)], "Good morning. Hello!")
    assert document.to_json()["labels"] == [
        {"id": "s1", "kind": "interval", "label": "speech", "score": 0.5, "start_us": 0, "end_us": 10,
         "expected": "Good morning."},
        {"id": "s2", "kind": "interval", "label": "speech", "score": 0.7, "start_us": 20, "end_us": 30,
         "expected": "Hello!"},
    ]  # fmt: skip


def test_a_region_for_which_no_word_is_left_expects_nothing() -> None:
    document = speech_document("cap-2", MODEL, [Region(0, 900_000, 0.5), Region(1_000_000, 1_050_000, 0.7)], "Good")
    assert [row.to_json().get("expected") for row in document.labels] == ["Good", None]
    nothing = speech_document("cap-2", MODEL, [Region(0, 10, 0.5)])
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


def test_boxes_of_a_still_have_no_frame() -> None:
    labels = detection_labels([Detection(1.234567, 2, 3, 4, "cup", 0.5)])
    assert LabelsDocument(capture="cap-3", source=MODEL, labels=labels).to_json()["labels"] == [
        {"id": "b1", "kind": "box", "label": "cup", "score": 0.5, "x": 1.23, "y": 2.0, "width": 3.0, "height": 4.0}
    ]


def test_nothing_found_is_a_document_too() -> None:
    for document in (track_document("cap-1", MODEL, [], TIMES), speech_document("cap-1", MODEL, [])):
        assert document.labels == [] and document.source == MODEL


def test_a_detection_scales_to_the_stored_picture() -> None:
    assert Detection(10, 20, 30, 40, "cup", 0.5).scaled(2, 1.5) == Detection(20, 30, 60, 60, "cup", 0.5)


def test_what_a_box_carries_besides_points_at_it() -> None:
    mask = Rle(size=(2, 2), counts="04")
    found = [
        Detection(1, 2, 3, 4, "person", 0.9, keypoints=((1.234, 2, 2), (0, 0, 0))),
        Detection(1, 2, 3, 4, "cup", 0.8, mask=mask),
        Detection(1, 2, 3, 4, "knife", 0.7, rotation=-12.3456),
    ]
    document = LabelsDocument(capture="cap-4", source=MODEL, labels=detection_labels(found))
    assert LabelsDocument.read(document.to_json()) == document
    box = {"x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0}
    assert document.to_json()["labels"] == [
        {"id": "b1", "kind": "box", "label": "person", "score": 0.9, **box},
        {"id": "k1", "kind": "keypoints", "label": "person", "score": 0.9, "parent": "b1",
         "points": [[1.23, 2.0, 2], [0.0, 0.0, 0]]},
        {"id": "b2", "kind": "box", "label": "cup", "score": 0.8, **box},
        {"id": "m2", "kind": "mask", "label": "cup", "score": 0.8, "parent": "b2", "rle": mask.to_json()},
        {"id": "b3", "kind": "box", "label": "knife", "score": 0.7, **box, "rotation": -12.35},
    ]  # fmt: skip
