"""The job `derive`: the blobs a browser plays, each a row that names its capture."""

from __future__ import annotations

from typing import Any

from collector.catalogue.capture_consent import is_withheld
from collector.catalogue.derived import find_derived, save_derived
from collector.catalogue.takes import enqueue_tasks_when_complete
from collector.jobs.queue import Job, JobKind
from collector.store.open_blobs import BlobsLocation
from collector.store.sql import Connection, text
from wire.capture import CaptureManifest

DERIVE = "derive"
WORK = "collector.ingest.derive_work:derive_capture"


def derive_kind(blobs: BlobsLocation) -> JobKind:
    def prepare(conn: Connection, job: Job) -> dict[str, Any] | None:
        return _prepare(conn, job.key, blobs)

    return JobKind(DERIVE, _apply, work=WORK, prepare=prepare, failed=_play_the_original)


def _prepare(conn: Connection, capture: str, blobs: BlobsLocation) -> dict[str, Any] | None:
    row = conn.execute(
        text("SELECT manifest, problem FROM capture WHERE id = :id AND state = 'opened'"), {"id": capture}
    ).one_or_none()
    if row is None or row.problem is not None or is_withheld(conn, capture):
        return None
    manifest = CaptureManifest.read(row.manifest)
    keys = {
        derived.kind: derived.blob
        for derived in conn.execute(text("SELECT kind, blob FROM derived WHERE capture_id = :id"), {"id": capture})
    }
    return {
        "medium": manifest.medium,
        "container": manifest.format.container,
        "media_type": manifest.format.media_type,
        "original": keys["original"],
        "frames": keys.get("frames"),
        "blobs": blobs.to_json(),
    }


def _apply(conn: Connection, job: Job, result: dict[str, Any]) -> None:
    for row in result["derived"]:
        save_derived(conn, job.key, row["kind"], row["blob"], row["bytes"], row["media_type"])
    _enqueue_tasks(conn, job.key)


def _play_the_original(conn: Connection, job: Job, _sentence: str) -> None:
    """The remux was given up: most browsers play the original too, and the take must not wait for ever."""
    original = find_derived(conn, job.key, "original")
    if original is not None:
        save_derived(conn, job.key, "play", original.blob, original.bytes, original.media_type)
    _enqueue_tasks(conn, job.key)


def _enqueue_tasks(conn: Connection, capture: str) -> None:
    take = conn.execute(text("SELECT take_id FROM capture WHERE id = :id"), {"id": capture}).scalar_one()
    enqueue_tasks_when_complete(conn, take)
