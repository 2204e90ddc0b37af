"""The job `open`: from durable parts and a manifest to an opened capture, its labels and its receipt."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from collector.catalogue.capture_list import BadReason
from collector.catalogue.derived import save_derived
from collector.catalogue.prelabel_documents import PrelabelDocument, add_document
from collector.catalogue.takes import enqueue_tasks_when_complete
from collector.ingest.derive import DERIVE
from collector.ingest.manifests import OPEN, is_short
from collector.ingest.offsets import PARTS_REMOVED, delete_parts, parts_of
from collector.ingest.pieces import pieces_of
from collector.jobs.queue import Job, JobKind, enqueue
from collector.keys import ReceiptKey
from collector.security.log import SecurityLog
from collector.setting_tables import ScanSettings
from collector.store.clock import now_text
from collector.store.database import notify
from collector.store.open_blobs import BlobsLocation
from collector.store.sql import Connection, text
from collector.store.staging import Staging
from wire.capture import CaptureManifest
from wire.device import Receipt

WORK = "collector.ingest.open_work:open_capture"
_MARK_BAD = text(
    "UPDATE capture SET state = 'bad', bad_reason = :reason, problem = :problem WHERE id = :id AND state = 'received'"
)


def open_kind(
    staging: Staging, blobs: BlobsLocation, key: ReceiptKey, scan: ScanSettings, security_log: SecurityLog
) -> JobKind:
    def prepare(conn: Connection, job: Job) -> dict[str, Any] | None:
        inputs = _prepare(conn, job.key, staging, blobs)
        return None if inputs is None else {**inputs, "scan": scan.model_dump()}

    def after(job: Job, result: dict[str, Any]) -> None:
        if "found" in result:
            security_log.record("malware-found", capture=job.key, what=result["found"])
        _remove_staged(staging, result)

    return JobKind(OPEN, _apply_with(key, staging), work=WORK, prepare=prepare, after=after, failed=_mark_job_bad)


def _prepare(conn: Connection, capture: str, staging: Staging, blobs: BlobsLocation) -> dict[str, Any] | None:
    row = conn.execute(
        text("SELECT manifest FROM capture WHERE id = :id AND state = 'received'"), {"id": capture}
    ).one_or_none()
    if row is None:
        return None
    named = {part.name for part in CaptureManifest.read(row.manifest).parts}
    parts = {name: upload for name, upload in parts_of(conn, capture).items() if name in named}
    return {
        "manifest": row.manifest,
        "parts": {name: staging.source(upload.staged, pieces_of(conn, upload.id)) for name, upload in parts.items()},
        "staging": staging.place(),
        "blobs": blobs.to_json(),
    }


def _apply_with(key: ReceiptKey, staging: Staging) -> Callable[[Connection, Job, dict[str, Any]], None]:
    def apply(conn: Connection, job: Job, result: dict[str, Any]) -> None:
        if "send_again" in result:
            delete_parts(conn, job.key, result["send_again"])
        elif "found" in result:
            _mark_bad(conn, job.key, "infected", result["found"])
        elif "unreadable" in result:
            _mark_bad(conn, job.key, "unreadable", result["unreadable"])
        else:
            _save_opened(conn, job.key, result["opened"], key)
            if staging.in_pieces:
                notify(conn, PARTS_REMOVED)

    return apply


def _save_opened(conn: Connection, capture: str, opened: dict[str, Any], key: ReceiptKey) -> None:
    row = conn.execute(
        text("SELECT manifest, manifest_sha256, take_id FROM capture WHERE id = :id AND state = 'received'"),
        {"id": capture},
    ).one_or_none()
    if row is None:
        return
    manifest = CaptureManifest.read(row.manifest)
    conn.execute(
        text(
            "UPDATE capture SET state = 'opened', sha256 = :sha256, bytes = :bytes, duration_us = :duration_us,"
            " frames = :frames, opened_at = :now, problem = :note WHERE id = :id"
        ),
        {name: opened[name] for name in ("sha256", "bytes", "duration_us", "frames", "note")}
        | {"id": capture, "now": now_text()},
    )
    save_derived(conn, capture, "original", opened["original"], opened["bytes"], manifest.format.media_type)
    table = opened["frame_table"]
    if table is not None:
        save_derived(conn, capture, "frames", table["blob"], table["bytes"], "application/json")
    record = opened["redaction"]
    if record is not None:
        save_derived(conn, capture, "redaction", record["blob"], record["bytes"], "application/json")
    for labels in opened["labels"]:
        add_document(conn, PrelabelDocument(capture=capture, **labels))
    receipt = Receipt(
        capture=capture,
        manifest_sha256=row.manifest_sha256,
        parts=manifest.parts,
        sha256=opened["sha256"],
        complete=manifest.complete,
        collector=key.collector,
        at=datetime.now(UTC),
    )
    conn.execute(
        text("INSERT INTO receipt (capture_id, body) VALUES (:capture, :body) ON CONFLICT DO NOTHING"),
        {"capture": capture, "body": json.dumps(key.sign(receipt).to_json())},
    )
    enqueue(conn, DERIVE, capture, short=is_short(manifest))
    enqueue_tasks_when_complete(conn, row.take_id)


def _mark_bad(conn: Connection, capture: str, reason: BadReason, sentence: str) -> None:
    conn.execute(_MARK_BAD, {"id": capture, "reason": reason, "problem": sentence})
    take = conn.execute(text("SELECT take_id FROM capture WHERE id = :id"), {"id": capture}).scalar_one_or_none()
    if take is not None:
        enqueue_tasks_when_complete(conn, take)


def _mark_job_bad(conn: Connection, job: Job, sentence: str) -> None:
    _mark_bad(conn, job.key, "given-up", sentence)


def _remove_staged(staging: Staging, result: dict[str, Any]) -> None:
    """Once the receipt is committed the staged copies are not needed; after a crash the next start removes them."""
    if not staging.in_pieces:
        staging.remove_now(result.get("opened", {}).get("staged", []))
