from __future__ import annotations

from prelabel.geometry.detection import Detection
from prelabel.image.labels import detection_labels
from wire.labels import LabelsDocument, Rle, Source

MODEL = Source(kind="model", name="planted", version="1", sha256="0" * 64)


def test_boxes_of_a_still_have_no_frame() -> None:
    labels = detection_labels([Detection(1.234567, 2, 3, 4, "cup", 0.5)])
    assert LabelsDocument(capture="cap-3", source=MODEL, labels=labels).to_json()["labels"] == [
        {"id": "b1", "kind": "box", "label": "cup", "score": 0.5, "x": 1.23, "y": 2.0, "width": 3.0, "height": 4.0}
    ]


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
