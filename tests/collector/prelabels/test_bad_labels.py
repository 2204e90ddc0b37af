"""One label that no reader takes costs neither the report of the others nor the capture it came with."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from collector.ingest.open_work import _labels
from collector.prelabels.reviewed_rows import Asked, ReviewedRows
from collector.review.task_detail import task_detail
from prelabel.geometry.overlap import overlap_table
from prelabel.geometry.rle import encode
from prelabel.quality.measurement import measured
from prelabel.quality.report import added_up, prelabel_report
from prelabel.quality.shapes import PrelabelReport
from tests.collector.review.filled import Filled, box
from wire.capture import CaptureManifest
from wire.labels import Mask, Rle

GOOD = encode(np.ones((20, 30), dtype=bool), 120, 160, top=10, left=10).counts


def mask(name: str, counts: str) -> dict[str, Any]:
    return {"id": name, "kind": "mask", "label": "cup", "score": 0.9, "rle": {"size": [120, 160], "counts": counts}}


def reported(filled: Filled) -> PrelabelReport:
    rows = ReviewedRows(filled.db, filled.blobs)
    return prelabel_report(lambda words: added_up(measured(rows.items(Asked()), words), words), datetime.now(UTC))


def test_a_broken_mask_is_left_out_of_the_task_and_of_the_report(tmp_path: Path) -> None:
    filled = Filled(tmp_path)
    rows = [mask("good", GOOD), mask("bad", "zzz garbage"), box("beside", x=900.0)]
    ids = filled.take("cup", "show", {"image": b"a jpeg"}, ["boxes"], prelabels={"image": [rows]})
    filled.make(ids["take"])
    task = filled.tasks()[0].id
    shown = filled.db.read_sync(lambda conn: task_detail(conn, task)).prelabels
    assert [label.id for label in shown[0].labels] == ["good"]
    filled.submit(filled.person("ann"), task, {ids["image"]: [mask("good", GOOD)]})
    broken = json.dumps([{**json.loads(filled.rows("SELECT documents FROM revision")[0].documents)[0]}]).replace(
        GOOD.replace("\\", "\\\\"), "zzz garbage"
    )
    assert reported(filled).rows
    filled.execute("UPDATE revision SET documents = :body", body=broken)
    assert reported(filled).rows
    filled.db.close()


def test_masks_that_cannot_be_read_share_nothing() -> None:
    good = Mask(id="g", label="cup", rle=Rle(size=(120, 160), counts=GOOD))
    bad = good.model_copy(update={"rle": Rle(size=(120, 160), counts="zzz garbage")})
    assert overlap_table([good, bad], [bad, good]).tolist() == [[0.0, 1.0], [0.0, 0.0]]


def test_a_device_document_comes_in_without_its_bad_labels(tmp_path: Path) -> None:
    filled = Filled(tmp_path)
    ids = filled.take("cup", "show", {"image": b"a jpeg"}, ["boxes"], prelabels={"image": [[mask("bad", "zz"), box()]]})
    manifest = CaptureManifest.read(filled.rows("SELECT manifest FROM capture")[0].manifest)
    (tmp_path / "part").write_text(filled.rows("SELECT body FROM labels_document")[0].body)
    row = _labels(manifest, "labels:model0", tmp_path / "part")
    assert [label["id"] for label in json.loads(row["body"])["labels"]] == ["b1"]
    assert json.loads(row["body"])["capture"] == ids["image"]
    filled.db.close()
