"""What an export costs: thousands of reviewed stills with six boxes each, as JSON lines and as COCO.

The rows are made by the collector's own code where it is cheap, the revisions by plain SQL. Each export is a process of
its own, so its CPU time and its peak of memory are its own.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.figure import Figure
from collector.catalogue.sessions import save_session
from collector.people.accounts import add_user
from collector.store.blobs_local import LocalBlobs
from collector.store.open import open_database
from collector.store.sql import Connection, text
from wire.base import format_utc
from wire.session import SessionRecord

TASKS = 10_000
TAKES = 20  # of a session
BOXES = 6
START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LIMIT_SECONDS = {"jsonl": 10.0, "jsonl --no-media": 2.0, "coco": 15.0}
# The `gleaner` command, which prints at its end what it used: what the kernel tells of a child is never less than its
# parent needed.
PROGRAM = """
import atexit, json
from benchmarks.worker_usage import usage
from gleaner import main
atexit.register(lambda: print("", json.dumps(usage({})), sep="\\n"))
main()
"""


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder / "data")
        figures = []
        for form, limit in LIMIT_SECONDS.items():
            seconds, peak = export(folder, form)
            figures.append(Figure(f"export of {TASKS} reviewed stills, {form}", round(seconds, 1), "s CPU", limit))
            figures.append(Figure("… most memory", round(peak), "MiB", 160))
        return figures


def export(folder: Path, form: str) -> tuple[float, float]:
    """CPU seconds and most MiB of memory of one export."""
    words = ["collector", "export", "--format", *form.split(), "--to", str(folder / f"to-{time.monotonic_ns()}")]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words, "--data", str(folder / "data")], stdout=subprocess.PIPE, check=True
    )
    used = json.loads(done.stdout.splitlines()[-1])
    return used["cpu_seconds"], used["peak_mib"]


def fill(data: Path, tasks: int = TASKS) -> None:
    """A data folder with reviewed stills in sessions of TAKES takes."""
    db, blobs = open_database(data), LocalBlobs(data / "blobs")
    keys = [_picture(blobs, data, shade) for shade in range(50)]

    def write(conn: Connection) -> None:
        person = add_user(conn, "ann", "annotator")["id"]
        conn.execute(
            text("INSERT INTO device (id, name, model, token_hash, joined_at) VALUES ('dev-1', 'c', 's', 'x', :now)"),
            {"now": format_utc(START)},
        )
        for number in range(tasks // TAKES):
            session = f"ses-{number}"
            takes = [_take(session, place) for place in range(TAKES)]
            save_session(conn, _record(session, takes))
            for place, take in enumerate(takes):
                _reviewed(conn, session, take, keys[(number + place) % len(keys)], str(person))
        conn.execute(text("DELETE FROM job"))

    db.write_sync(write)
    db.close()


def _picture(blobs: LocalBlobs, data: Path, shade: int) -> tuple[str, int]:
    body = cv2.imencode(".jpg", np.full((480, 640, 3), shade, np.uint8))[1].tobytes()
    path = data / "incoming"
    path.write_bytes(body)
    key = blobs.put_file(path)
    path.unlink()
    return key, len(body)


def _take(session: str, place: int) -> dict[str, Any]:
    at = START + timedelta(seconds=place)
    return {
        "take": f"take-{session}-{place}", "step": f"step-{place}", "attempt": 1, "kind": "show", "state": "closed",
        "prompt": "Hold it up.", "reviews": ["boxes"], "opened_us": place * 10**6, "closed_us": place * 10**6 + 1,
        "opened_at": format_utc(at), "closed_at": format_utc(at),
        "captures": [{"capture": f"cap-{session}-{place}", "medium": "image", "sensor": "image-0"}],
    }  # fmt: skip


def _record(session: str, takes: list[dict[str, Any]]) -> SessionRecord:
    consent = {
        "schema": 1, "consent": f"con-{session}", "session": session, "study": "kitchen", "participant": "p-1",
        "text_sha256": "d" * 64, "locale": "en", "grants": [{"use": "image"}], "given_by": "participant",
        "given_at": format_utc(START),
    }  # fmt: skip
    return SessionRecord.read(
        {
            "schema": 1, "session": session, "revision": 1, "study": "kitchen", "language": "en", "device": "dev-1",
            "script": {"id": "k", "version": "1", "sha256": "c" * 64}, "participant": "p-1", "home": "h-1",
            "label_schema": {"boxes": ["cup"]}, "consent": consent, "state": "finished",
            "started_at": format_utc(START), "takes": takes,
        }
    )  # fmt: skip


def _reviewed(conn: Connection, session: str, take: dict[str, Any], picture: tuple[str, int], person: str) -> None:
    capture, task, now = take["captures"][0]["capture"], f"task-{take['take']}", take["opened_at"]
    manifest = {
        "schema": 1, "capture": capture, "take": take["take"], "session": session, "study": "kitchen",
        "step": take["step"], "attempt": 1, "device": "dev-1", "sensor": "image-0", "medium": "image",
        "format": {"container": "jpeg", "codec": "mjpeg", "media_type": "image/jpeg", "width": 640, "height": 480},
        "consent": f"con-{session}", "complete": True, "sha256": picture[0], "bytes": picture[1], "duration_us": None,
        "opened_us": take["opened_us"], "wall": {"at": now}, "clock_map": [[0, take["opened_us"]]],
        "parts": [{"name": "media", "sealed_sha256": picture[0], "sealed_bytes": picture[1]}],
    }  # fmt: skip
    boxes = [
        {"id": f"b{n}", "kind": "box", "label": "cup", "score": 0.5, "x": 40.0 * n, "y": 9.0, "width": 30, "height": 50}
        for n in range(BOXES)
    ]  # fmt: skip
    source = {"kind": "person", "name": "ann"}
    document = {"schema": 1, "capture": capture, "source": source, "labels": boxes}
    values = {
        "capture": capture, "take": take["take"], "session": session, "step": take["step"], "task": task, "now": now,
        "consent": f"con-{session}", "manifest": json.dumps(manifest), "sha": picture[0], "bytes": picture[1],
        "person": person, "documents": json.dumps([document]), "revision": f"rev-{task}",
        "uuid": hashlib.sha256(task.encode()).hexdigest()[:32],
        "manifest_sha": hashlib.sha256(json.dumps(manifest).encode()).hexdigest(),
    }  # fmt: skip
    for statement in _ROWS:
        conn.execute(statement, values)


_ROWS = [
    text(
        "INSERT INTO capture (id, take_id, session_id, device_id, medium, sensor, step, attempt, consent, complete,"
        " state, manifest, manifest_sha256, sha256, bytes, opened_us, wall_at, received_at) VALUES (:capture, :take,"
        " :session, 'dev-1', 'image', 'image-0', :step, 1, :consent, 1, 'opened', :manifest, :manifest_sha, :sha,"
        " :bytes, 0, :now, :now)"
    ),
    text(
        "INSERT INTO derived (capture_id, kind, blob, bytes, media_type) VALUES (:capture, 'original', :sha, :bytes,"
        " 'image/jpeg')"
    ),
    text(
        "INSERT INTO task (id, take_id, session_id, study, type, state, fence, priority, reason_kind, reason_text,"
        " probability, instruction_version, created_at, done_at, consent, revision_id, study_version_id) VALUES (:task,"
        " :take, :session, 'kitchen', 'boxes', 'done', 1, 0, 'age', '', 0.9, 1, :now, :now, :consent, :revision, 1)"
    ),
    text("INSERT INTO task_capture (task_id, capture_id, role, position) VALUES (:task, :capture, 'labelled', 0)"),
    text(
        "INSERT INTO revision (id, task_id, number, person_id, submit_uuid, fence, submitted_at, opened_at, active_ms,"
        " documents, diff, reply, reason_kind, probability, instruction_version, script_sha256,"
        " study_version_id) VALUES (:revision, :task, 1, :person, :uuid, 1, :now, :now, 0, :documents, '{}', '{}',"
        " 'age', 0.9, 1, :sha, 1)"
    ),
]
