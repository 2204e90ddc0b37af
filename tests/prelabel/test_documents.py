from __future__ import annotations

from prelabel.audio.segments import Region
from prelabel.boxes import Detection
from prelabel.documents import box_document, speech_document, track_document
from prelabel.tracks import PathPoint, TrackPath
from wire.labels import LabelsDocument, Source

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
    document = speech_document("cap-2", MODEL, [Region(0, 10, 0.5), Region(20, 30, 0.7)], "Good morning")
    assert document.to_json()["labels"] == [
        {"id": "s1", "kind": "interval", "label": "speech", "score": 0.5, "start_us": 0, "end_us": 10,
         "expected": "Good morning"},
        {"id": "s2", "kind": "interval", "label": "speech", "score": 0.7, "start_us": 20, "end_us": 30,
         "expected": "Good morning"},
    ]  # fmt: skip


def test_boxes_of_a_still_have_no_frame() -> None:
    document = box_document("cap-3", MODEL, [Detection(1.234567, 2, 3, 4, "cup", 0.5)])
    assert document.to_json()["labels"] == [
        {"id": "b1", "kind": "box", "label": "cup", "score": 0.5, "x": 1.23, "y": 2.0, "width": 3.0, "height": 4.0}
    ]


def test_nothing_found_is_a_document_too() -> None:
    for document in (
        track_document("cap-1", MODEL, [], TIMES),
        speech_document("cap-1", MODEL, []),
        box_document("cap-1", MODEL, []),
    ):
        assert document.labels == [] and document.source == MODEL


def test_a_detection_scales_to_the_stored_picture() -> None:
    assert Detection(10, 20, 30, 40, "cup", 0.5).scaled(2, 1.5) == Detection(20, 30, 60, 60, "cup", 0.5)
