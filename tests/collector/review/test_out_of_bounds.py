"""Places that no picture has, through every door by which labels come in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from collector.ingest.open_work import _labels
from collector.prelabels.relabel import apply
from collector.prelabels.runs import RunAsked, start_run
from collector.store.sql import text
from prelabel.geometry.rle import area, decode
from prelabel.geometry.validity import bounds_fault, geometry_fault
from tests.collector.review.filled import MODEL, Filled, box, document, track
from tests.support.queue_site import Site
from tests.support.slow_rle import slow_text
from wire.capture import CaptureManifest
from wire.labels import LabelsDocument, Rle, Source


def mask(height: int, width: int, counts: list[int]) -> dict[str, Any]:
    rle = {"size": [height, width], "counts": slow_text(counts)}
    return {"id": "b1", "kind": "mask", "label": "cup", "score": 0.5, "rle": rle}


# More than 64 bits together, and yet the pixels of the picture.
ROUND = [2**59] * 32 + [160 * 120]
KEYPOINTS = {"id": "b1", "kind": "keypoints", "label": "cup", "points": [[1, 1, 2], [1e308, 1, 0]]}
POLYGON = {"id": "b1", "kind": "polygon", "label": "cup", "points": [[1, 1], [9, -1e9], [5, 50]]}
UNBOUNDED = [
    box(x=1e308),
    box(y=-1.5e6),
    box(width=1e308),
    box(rotation=1e300),
    mask(100_000, 100_000, [0, 10**10]),
    mask(2**31, 1, [2**31]),
    mask(0, 120, []),
    KEYPOINTS,
    POLYGON,
]
HIDDEN = {"frame": 8, "start_us": 320_000, "x": 1e308, "y": 0, "width": 1, "height": 1, "visible": False}


def of(label: dict[str, Any], capture: str = "cap-1") -> LabelsDocument:
    return LabelsDocument.read(document(capture, [label]))


@pytest.mark.parametrize("label", UNBOUNDED, ids=lambda label: f"{label['kind']}-{UNBOUNDED.index(label)}")
def test_unfinished_and_finished_work_is_held_to_the_same_bounds(site: Site, label: dict[str, Any]) -> None:
    (task,) = site.next("ann")
    refused = site.submit("ann", task, [label])
    assert refused.status_code == 422 and "label b1" in refused.text, refused.text
    path = f"/api/tasks/{task['id']}/draft"
    sent = {"fence": task["lease"]["fence"], "documents": [document(task["captures"][0]["id"], [label])]}
    for fence in (sent["fence"], sent["fence"] + 1):  # a draft, and one that comes too late
        reply = site.call("ann", "PUT", path, sent | {"fence": fence})
        assert reply.status_code == 422 and "label b1" in reply.text
    assert not site.filled.rows("SELECT 1 FROM draft") and not site.filled.rows("SELECT 1 FROM revision")


def test_where_a_hidden_thing_is_said_to_be_is_bounded_too() -> None:
    made = track()
    label = of(made | {"keyframes": [*made["keyframes"], HIDDEN]}).labels[0]
    assert bounds_fault(label) == geometry_fault(label, None) == "has a coordinate out of bounds"
    assert bounds_fault(of(made).labels[0]) is None


def test_a_draft_may_be_unfinished(site: Site) -> None:
    (task,) = site.next("ann")
    line = {"id": "b1", "kind": "polygon", "label": "cup", "points": [[1, 1], [9, 9]]}
    body = {"fence": task["lease"]["fence"], "documents": [document(task["captures"][0]["id"], [line])]}
    assert site.call("ann", "PUT", f"/api/tasks/{task['id']}/draft", body).status_code == 200


def test_counts_that_come_round_are_refused() -> None:
    rle = Rle(size=(120, 160), counts=slow_text(ROUND))
    assert sum(ROUND) % 2**64 == 160 * 120
    for read in (area, decode):
        with pytest.raises(ValueError, match="do not add up"):
            read(rle)


def test_a_submit_of_counts_that_come_round_is_refused(site: Site) -> None:
    (task,) = site.next("ann")
    reply = site.submit("ann", task, [mask(120, 160, ROUND)])
    assert (reply.status_code, reply.json()["code"]) == (422, "labels-refused")


@pytest.mark.parametrize("door", ["device", "model run"])
def test_documents_of_devices_and_models_come_in_without_such_labels(filled: Filled, door: str) -> None:
    ids = filled.take("cup", "show", {"image": b"a jpeg"}, ["boxes"])
    wrong = [*UNBOUNDED, mask(120, 160, ROUND)]
    rows = [label | {"id": f"bad-{place}"} for place, label in enumerate(wrong)]
    body = document(ids["image"], [*rows, box("good")]) | {"source": MODEL}
    if door == "device":
        manifest = CaptureManifest.read(filled.rows("SELECT manifest FROM capture")[0].manifest)
        part = Path(filled.folder / "part")
        part.write_text(json.dumps(body))
        kept = _labels(manifest, "labels:model0", part)["body"]
    else:
        source = Source.model_validate(MODEL)
        run = filled.db.write_sync(lambda conn: start_run(conn, RunAsked(model="m"), source, ("image",)))
        inference = {"began_at": "2026-11-23T09:00:00.000000Z", "computed_ms": 128}
        result = {"document": body, "words": ["cup"], "inference": inference}
        filled.db.write_sync(lambda conn: apply(conn, run, result))
        found = text("SELECT body FROM labels_document WHERE capture_id = :capture")
        kept = filled.db.read_sync(lambda conn: conn.execute(found, {"capture": ids["image"]}).scalar_one())
    assert [label["id"] for label in json.loads(kept)["labels"]] == ["good"]
