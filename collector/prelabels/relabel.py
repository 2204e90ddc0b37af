"""The job `prelabel`: one capture through one model, by the same function `gleaner prelabel run` calls.

What people see is not changed under their hands: the new pre-labels replace the old ones only while nobody has opened
the capture's tasks. Otherwise they are kept beside, for the quality report and the queue's doubts.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, text

from collector.catalogue.derived import find_derived
from collector.jobs import Job, JobKind
from collector.prelabels.runs import PRELABEL
from collector.review.jobs import reconsider
from collector.store.blobs import BlobStore
from wire.canonical import canonical_json, sha256_hex
from wire.capture import Medium
from wire.labels import LabelsDocument

WORK = "prelabel.label_file:label_file"
# What a document that found nothing would have held.
_USUAL: dict[Medium, str] = {"video": "track", "image": "box", "audio": "interval", "text": "text"}
_UNTOUCHED = text(
    "SELECT NOT EXISTS (SELECT 1 FROM task_capture JOIN task ON task.id = task_capture.task_id"
    " WHERE task_capture.capture_id = :capture AND task_capture.role = 'labelled' AND task.opened_at IS NOT NULL)"
)
_KEEP = text(
    "INSERT INTO labels_document (capture_id, name, source_kind, source_name, source_sha256, body, raw_sha256, shown)"
    " VALUES (:capture, :name, 'model', :source_name, :source_sha256, :body, :raw_sha256, :shown)"
    " ON CONFLICT (capture_id, name) DO UPDATE SET body = excluded.body, raw_sha256 = excluded.raw_sha256,"
    " shown = excluded.shown WHERE excluded.shown OR NOT labels_document.shown"
)


def prelabel_kind(blobs: BlobStore) -> JobKind:
    def prepare(conn: Connection, job: Job) -> dict[str, Any] | None:
        return _prepare(conn, job, blobs)

    return JobKind(PRELABEL, _apply, work=WORK, prepare=prepare)


def _prepare(conn: Connection, job: Job, blobs: BlobStore) -> dict[str, Any] | None:
    capture = job.payload["capture"]
    row = conn.execute(
        text(
            "SELECT capture.medium, take.expected, take.kind, session.record FROM capture"
            " JOIN session ON session.id = capture.session_id LEFT JOIN take ON take.id = capture.take_id"
            " WHERE capture.id = :id AND capture.state = 'opened'"
        ),
        {"id": capture},
    ).one_or_none()
    original = find_derived(conn, capture, "original")
    if row is None or original is None:
        return None
    frames = find_derived(conn, capture, "frames")
    return {
        "path": str(blobs.path_of(original.blob)),
        "model": job.payload["model"],
        "sha256": job.payload["sha256"],
        "capture": capture,
        "medium": row.medium,
        "frames": None if frames is None else str(blobs.path_of(frames.blob)),
        "expected": row.expected,
        "answer": row.kind == "answer",
        "language": json.loads(row.record)["language"],
    }


def _apply(conn: Connection, job: Job, result: dict[str, Any]) -> None:
    document = LabelsDocument.read(result["document"])
    capture, medium = document.capture, result["media"]["medium"]
    shown = bool(conn.execute(_UNTOUCHED, {"capture": capture}).scalar_one())
    if shown:
        _hide(conn, document, medium)
    body = canonical_json(document)
    conn.execute(
        _KEEP,
        {
            "capture": capture,
            "name": f"{document.source.name}-{(document.source.sha256 or '')[:12]}",
            "source_name": document.source.name,
            "source_sha256": document.source.sha256,
            "body": body.decode(),
            "raw_sha256": sha256_hex(body),
            "shown": shown,
        },
    )
    reconsider(conn, capture)


def _hide(conn: Connection, document: LabelsDocument, medium: Medium) -> None:
    """Older models' documents that say the same kinds of things are not shown beside the new one."""
    said = _kinds(document, medium)
    rows = conn.execute(
        text("SELECT id, body FROM labels_document WHERE capture_id = :capture AND source_kind = 'model' AND shown"),
        {"capture": document.capture},
    ).all()
    for row in rows:
        if _kinds(LabelsDocument.read(row.body), medium) & said:
            conn.execute(text("UPDATE labels_document SET shown = 0 WHERE id = :id"), {"id": row.id})


def _kinds(document: LabelsDocument, medium: Medium) -> set[str]:
    return {label.kind for label in document.labels} or {_USUAL[medium]}
