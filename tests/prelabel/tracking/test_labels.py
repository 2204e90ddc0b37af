from __future__ import annotations

from prelabel.tracking.labels import track_document
from prelabel.tracking.tracker import PathPoint, TrackPath
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


def test_nothing_found_is_a_document_too() -> None:
    document = track_document("cap-1", MODEL, [], TIMES)
    assert document.labels == [] and document.source == MODEL
