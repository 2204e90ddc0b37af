"""A collector's data folder with a session in it, made by product code and plain rows; blobs are real files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from collector.catalogue.sessions import save_session
from collector.people.accounts import add_user
from collector.prelabels.report_worker import DataLocation
from collector.review.queue import Lease, reopen
from collector.review.submit import Submit
from collector.review.tasks import make_tasks
from collector.store.blobs_local import LocalBlobs
from collector.store.database import Database
from collector.store.open_blobs import BlobsLocation
from collector.store.sql import Connection, text
from tests.support.databases import Engine, address_of, new_database
from tests.support.submitting import submit_body
from wire.base import format_utc, new_id
from wire.canonical import document_hash
from wire.capture import CaptureManifest, FrameTable
from wire.labels import LabelsDocument
from wire.session import SessionRecord

MODEL = {"kind": "model", "name": "yolox-nano", "version": "1", "sha256": "a" * 64}
VAD = {"kind": "model", "name": "silero-vad", "version": "6", "sha256": "b" * 64}
START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
TIMES = [0, 40_000, 81_000, 120_500, 160_000, 200_000, 239_000, 280_000, 320_000, 360_000]
FORMATS: dict[str, dict[str, Any]] = {
    "video": {"container": "matroska", "codec": "h264", "media_type": "video/x-matroska", "width": 160, "height": 120},
    "audio": {"container": "flac", "codec": "flac", "media_type": "audio/flac", "sample_rate": 16000, "channels": 1},
    "image": {"container": "jpeg", "codec": "mjpeg", "media_type": "image/jpeg", "width": 160, "height": 120},
    "text": {"container": "plain", "codec": "utf-8", "media_type": "text/plain"},
}
SCHEMA = {"boxes": ["cup", "plate"], "tracks": ["person", "face"], "speech": ["speech"], "text": ["answer"]}


class Filled:
    """A folder, its database, its blobs, and helpers to put takes into one session."""

    def __init__(self, folder: Path, engine: Engine | None = None) -> None:
        self.folder = folder
        self.db: Database = new_database(folder, engine)
        self.blobs = LocalBlobs(folder / "blobs")
        self.begin("kitchen")
        self.db.write_sync(_add_device)

    def begin(
        self, study: str, schema: dict[str, list[str]] = SCHEMA, plan: str = "c" * 64, consent: str = "d" * 64
    ) -> None:
        """Takes from here on are of another session: of this study, with these words, of a plan and a consent text."""
        self.session, self.study, self.schema, self.plan, self.consent_text = (
            new_id("ses"),
            study,
            schema,
            plan,
            consent,
        )
        self.takes: list[dict[str, Any]] = []
        self.revision = 0

    def person(self, name: str, role: str = "annotator") -> str:
        row = self.db.write_sync(lambda conn: add_user(conn, name, role))
        return str(row["id"])

    def take(
        self,
        step: str,
        kind: str,
        media: dict[str, bytes],
        reviews: Sequence[str],
        *,
        expected: str | None = None,
        objects: Sequence[str] = (),
        prelabels: dict[str, list[dict[str, Any]]] | None = None,
        state: str = "closed",
        times_us: Sequence[int] = TIMES,
        duration_us: int = 400_000,
        formats: dict[str, dict[str, Any]] | None = None,
    ) -> dict[str, str]:
        """Put a take with its captures, opened and playable, into the session; returns ids by medium, and `take`."""
        take, number = new_id("take"), len(self.takes)
        attempt = 1 + sum(row["step"] == step for row in self.takes)
        opened = START + timedelta(minutes=number)
        ids = {medium: new_id("cap") for medium in media}
        self.takes.append(
            {
                "take": take,
                "step": step,
                "attempt": attempt,
                "kind": kind,
                "state": state,
                "prompt": f"Please do {step}",
                "expected": expected,
                "objects": list(objects),
                "reviews": list(reviews),
                "opened_us": number * 60_000_000,
                "closed_us": number * 60_000_000 + duration_us,
                "opened_at": format_utc(opened),
                "closed_at": format_utc(opened + timedelta(microseconds=duration_us)),
                "captures": [
                    {"capture": capture, "medium": medium, "sensor": f"{medium}-0"} for medium, capture in ids.items()
                ],
            }
        )
        self.db.write_sync(lambda conn: save_session(conn, self.record()))
        for medium, body in media.items():
            form = (formats or {}).get(medium, FORMATS[medium])
            self._capture(self.takes[-1], ids[medium], medium, body, form, times_us, duration_us)
            for number, labels in enumerate((prelabels or {}).get(medium, [])):
                self._prelabels(ids[medium], f"model{number}", labels)
        return {"take": take, **ids}

    def configure(self, documents: Sequence[int], settings: dict[str, Any]) -> None:
        """Models' documents by row id: they were made under these settings, by a package of their own."""
        sha256 = document_hash(settings)
        for number in documents:
            body = json.loads(self.rows("SELECT body FROM labels_document WHERE id = :id", id=number)[0].body)
            body["source"] |= {"package": sha256, "settings": sha256}
            document = LabelsDocument.read({**body, "schema": 2, "settings": {sha256: settings}})
            document.check_settings()
            self.execute(
                "UPDATE labels_document SET body = :body WHERE id = :id", body=json.dumps(document.to_json()), id=number
            )

    def make(self, take: str) -> int:
        return self.db.write_sync(lambda conn: make_tasks(conn, take))

    def submit(self, person: str, task: str, labels: dict[str, Sequence[dict[str, Any]]], seconds: float = 20) -> Any:
        """Lease and submit a task as the page would, through the same functions; returns the reply."""
        now = datetime.now(UTC)
        name = self.rows("SELECT name FROM person WHERE id = :id", id=person)[0].name
        lease = self.db.write_sync(
            lambda conn: reopen(conn, task, person, "page", is_lead=True, now=now - timedelta(seconds=seconds))
        )
        assert isinstance(lease, Lease)
        body = Submit.model_validate(
            {
                "fence": lease.fence,
                "submit": str(uuid4()),
                "documents": [document(capture, rows) for capture, rows in labels.items()],
                "opened_at": format_utc(now - timedelta(seconds=seconds)),
            }
        )
        reply = submit_body(self.db, self.blobs, task, person, name, body, now)
        return json.loads(reply) if isinstance(reply, str) else reply

    def record(self) -> SessionRecord:
        self.revision += 1
        return SessionRecord.read(
            {
                "schema": 1,
                "session": self.session,
                "revision": self.revision,
                "study": self.study,
                "script": {"id": "kitchen-greeting", "version": "1.0", "sha256": self.plan},
                "language": "en",
                "label_schema": self.schema,
                "device": "dev-1",
                "participant": "p-07",
                "home": "home-3",
                "consent": {
                    "schema": 1,
                    "consent": "con-1",
                    "session": self.session,
                    "study": self.study,
                    "participant": "p-07",
                    "text_sha256": self.consent_text,
                    "locale": "en",
                    "grants": [{"use": use} for use in ("video", "audio", "image", "text")],
                    "given_by": "participant",
                    "given_at": format_utc(START),
                },
                "state": "running",
                "started_at": format_utc(START),
                "takes": self.takes,
            }
        )

    def tasks(self, **where: str) -> list[Any]:
        """Rows of the table task, oldest first, that have these column values."""
        clause = " AND ".join(f"{name} = :{name}" for name in where) or "1 = 1"
        return self.rows(f"SELECT * FROM task WHERE {clause} ORDER BY created_at, id", **where)

    def rows(self, sql: str, **values: Any) -> list[Any]:
        return self.db.read_sync(lambda conn: list(conn.execute(text(sql), values).all()))

    def execute(self, sql: str, **values: Any) -> None:
        self.db.write_sync(lambda conn: conn.execute(text(sql), values).rowcount)

    def _blob(self, body: bytes) -> str:
        path = self.folder / "incoming"
        path.write_bytes(body)
        key = self.blobs.put_file(path)
        path.unlink()
        return key

    def _capture(
        self,
        take: dict[str, Any],
        capture: str,
        medium: str,
        body: bytes,
        form: dict[str, Any],
        times_us: Sequence[int],
        duration_us: int,
    ) -> None:
        digest = hashlib.sha256(body).hexdigest()
        names = ["media", "frames"] if medium == "video" else ["media"]
        manifest = CaptureManifest.read(
            {
                "schema": 1,
                "capture": capture,
                "take": take["take"],
                "session": self.session,
                "study": self.study,
                "step": take["step"],
                "attempt": take["attempt"],
                "device": "dev-1",
                "sensor": f"{medium}-0",
                "medium": medium,
                "format": form,
                "consent": "con-1",
                "complete": True,
                "sha256": digest,
                "bytes": len(body),
                "duration_us": duration_us,
                "frames": len(times_us) if medium == "video" else None,
                "opened_us": take["opened_us"] + 1500,
                "wall": {"at": take["opened_at"]},
                "clock_map": [[0, take["opened_us"] + 1500]],
                "parts": [{"name": name, "sealed_sha256": digest, "sealed_bytes": len(body)} for name in names],
            }
        )
        table = FrameTable(capture=capture, times_us=list(times_us))
        blobs = {"original": body, "play": body}
        if medium == "video":
            blobs["frames"] = json.dumps(table.to_json()).encode()
        keys = {kind: self._blob(data) for kind, data in blobs.items()}
        document = json.dumps(manifest.to_json())
        values = {
            "id": capture,
            "take_id": take["take"],
            "session_id": self.session,
            "device_id": "dev-1",
            "medium": medium,
            "sensor": f"{medium}-0",
            "step": take["step"],
            "attempt": take["attempt"],
            "consent": "con-1",
            "complete": True,
            "state": "opened",
            "manifest": document,
            "manifest_sha256": hashlib.sha256(document.encode()).hexdigest(),
            "sha256": digest,
            "bytes": len(body),
            "duration_us": duration_us,
            "frames": manifest.frames,
            "opened_us": manifest.opened_us,
            "wall_at": take["opened_at"],
            "received_at": format_utc(datetime.now(UTC)),
            "opened_at": format_utc(datetime.now(UTC)),
        }

        def write(conn: Connection) -> None:
            marks = ", ".join(f":{name}" for name in values)
            conn.execute(text(f"INSERT INTO capture ({', '.join(values)}) VALUES ({marks})"), values)
            for kind, data in blobs.items():
                conn.execute(
                    text("INSERT INTO derived (capture_id, kind, blob, bytes, media_type) VALUES (:c, :k, :b, :n, :m)"),
                    {"c": capture, "k": kind, "b": keys[kind], "n": len(data), "m": form["media_type"]},
                )

        self.db.write_sync(write)

    def _prelabels(self, capture: str, name: str, labels: list[dict[str, Any]]) -> None:
        source = VAD if labels and labels[0]["kind"] == "interval" else MODEL
        document = LabelsDocument.read({"schema": 1, "capture": capture, "source": source, "labels": labels})
        self.execute(
            "INSERT INTO labels_document (capture_id, name, source_kind, source_name, source_sha256, body, raw_sha256)"
            " VALUES (:capture, :name, 'model', :model, :sha, :body, :raw)",
            capture=capture,
            name=name,
            model=document.source.name,
            sha=document.source.sha256,
            body=json.dumps(document.to_json()),
            raw="f" * 64,
        )


def _add_device(conn: Connection) -> None:
    conn.execute(
        text("INSERT INTO device (id, name, model, token_hash, joined_at) VALUES ('dev-1', 'cam', 'sim', 'x', :now)"),
        {"now": format_utc(START)},
    )


def box(name: str = "b1", label: str = "cup", score: float | None = 0.8, **place: float) -> dict[str, Any]:
    at = {"x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0, **place}
    return {"id": name, "kind": "box", "label": label, "score": score, **at}


def interval(name: str = "s1", start_us: int = 1000, end_us: int = 200_000, **rest: Any) -> dict[str, Any]:
    return {
        "id": name,
        "kind": "interval",
        "label": "speech",
        "score": 0.9,
        "start_us": start_us,
        "end_us": end_us,
        **rest,
    }


def track(name: str = "t1", frames: Sequence[int] = (1, 5), times_us: Sequence[int] = TIMES) -> dict[str, Any]:
    rows = [
        {"frame": frame, "start_us": times_us[frame], "x": 4.0 * frame, "y": 5.0, "width": 20.0, "height": 30.0}
        for frame in frames
    ]
    return {"id": name, "kind": "track", "label": "person", "score": 0.6, "keyframes": rows}


def document(capture: str, labels: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a page sends: the source is set by the service whatever it says."""
    return {
        "schema": 1,
        "capture": capture,
        "source": {"kind": "person", "name": "whoever"},
        "labels": list(labels),
    }


def location_of(filled: Filled) -> DataLocation:
    """Where another process finds what is in the folder."""
    return DataLocation(filled.folder, BlobsLocation(filled.folder / "blobs"), address_of(filled.folder))
