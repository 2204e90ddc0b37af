"""What the quality report costs over 100,000 reviewed tasks with pre-labels, a mix of stills, videos, sound and text.

The rows are written by plain SQL. Each report is a process of its own, the `gleaner` command that leads use, so its
CPU time and its peak of memory are its own.
"""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure
from collector.catalogue.sessions import save_session
from collector.store.blobs_local import LocalBlobs
from collector.store.open import open_database
from collector.store.sql import Connection, text
from prelabel.models import catalogue
from wire.base import format_utc
from wire.canonical import document_hash
from wire.session import SessionRecord

REVISIONS = 100_000
TAKES = 50  # of a session: one capture and one task each
DEVICES, STEPS = 20, 25
BATCH = 5_000
START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
SIZE = (1280, 720)
FRAME_TABLES = 20
# What of a label becomes of it when a person has seen it.
_FATES, _WEIGHTS = ("accepted", "moved", "relabelled", "deleted"), (72, 15, 4, 9)
_KINDS = ("boxes",) * 13 + ("tracks",) * 3 + ("speech",) * 2 + ("text",) * 2  # by place in a session
_MEDIA = {"boxes": "image", "tracks": "video", "speech": "audio", "text": "image"}
_FORMATS: dict[str, dict[str, Any]] = {
    "image": {"container": "jpeg", "codec": "mjpeg", "media_type": "image/jpeg", "width": SIZE[0], "height": SIZE[1]},
    "video": {
        "container": "matroska", "codec": "h264", "media_type": "video/x-matroska", "width": SIZE[0], "height": SIZE[1],
    },
    "audio": {"container": "flac", "codec": "flac", "media_type": "audio/flac", "sample_rate": 16000, "channels": 1},
}  # fmt: skip
_MODELS = {"boxes": "yolox-nano", "tracks": "yolox-nano", "speech": "silero-vad", "text": "ocr-recognition"}
_WORDS = {"boxes": ["person", "cup", "bottle", "chair", "dog", "bowl"], "tracks": ["person", "cup"]}
_SENTENCES = (
    "Please put the cup on the table",
    "Best before end of March",
    "The quick brown fox jumps over the lazy dog",
    "Keep refrigerated after opening",
    "Good morning, how did you sleep?",
    "Open the second drawer from the left",
)
PROGRAM = """
import atexit, json
from benchmarks.worker_usage import usage
from gleaner import main
atexit.register(lambda: print("", json.dumps(usage({})), sep="\\n"))
main()
"""


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        fill(data, REVISIONS)
        figures = []
        for title, limit in (("first report", 300.0), ("report", 10.0)):
            seconds, cpu, peak = report(data)
            figures += [
                Figure(f"{title} over {REVISIONS} revisions", round(seconds, 1), "s", limit),
                Figure("… CPU", round(cpu, 1), "s", limit),
                Figure("… most memory", round(peak), "MiB", 400),
            ]
        return figures


def report(data: Path) -> tuple[float, float, float]:
    """Seconds, CPU seconds and most MiB of memory of one `gleaner collector report prelabels`."""
    began = time.monotonic()
    words = ["collector", "report", "prelabels", "--json", "--data", str(data)]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], stdout=subprocess.PIPE, check=True)
    used = json.loads(done.stdout.splitlines()[-1])
    return time.monotonic() - began, used["cpu_seconds"], used["peak_mib"]


def fill(data: Path, revisions: int) -> None:
    """A data folder with so many reviewed tasks."""
    made = _Made(data, random.Random(8))
    for at in range(0, revisions, BATCH):
        made.add(range(at, min(at + BATCH, revisions)))
    made.close()


class _Made:
    """The data folder as far as it is filled; `chance` decides everything."""

    def __init__(self, data: Path, chance: random.Random) -> None:
        self._chance = chance
        self._db, self._blobs = open_database(data), LocalBlobs(data / "blobs")
        self._tables = [self._frame_table(data, number) for number in range(FRAME_TABLES)]
        known = {item.name: item for item in catalogue.items()}
        self._sources = {kind: _sources(known[name]) for kind, name in _MODELS.items()}
        self._db.write_sync(_add_people_and_devices)

    def add(self, numbers: range) -> None:
        rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _INSERT}
        sessions: list[SessionRecord] = []
        for number in numbers:
            if number % TAKES == 0:
                sessions.append(_session(number // TAKES))
            for name, row in self._task(number):
                rows[name].append(row)

        def write(conn: Connection) -> None:
            for session in sessions:
                save_session(conn, session)
            for name, statement in _INSERT.items():
                conn.execute(statement, rows[name])

        self._db.write_sync(write)

    def close(self) -> None:
        self._db.maintain()
        self._db.close()

    def _frame_table(self, data: Path, number: int) -> tuple[str, list[int]]:
        times = [frame * 40_000 + frame % 7 * 900 for frame in range(120 + 9 * number)]
        path = data / "incoming"
        path.write_text(json.dumps({"schema": 1, "capture": f"cap-{number}", "times_us": times}), encoding="utf-8")
        key = self._blobs.put_file(path)
        path.unlink()
        return key, times

    def _task(self, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """The rows of one task with its take, capture, pre-labels and accepted revision."""
        chance, place, session = self._chance, number % TAKES, f"ses-{number // TAKES}"
        kind = _KINDS[place % len(_KINDS)]
        device, step = f"dev-{number // TAKES % DEVICES}", f"step-{place % STEPS}"
        now = format_utc(START + timedelta(seconds=17 * number))
        capture, task, key = f"cap-{number}", f"task-{number}", hashlib.sha256(str(number).encode()).hexdigest()
        table = self._tables[number % FRAME_TABLES]
        # Half of the devices have their detector set otherwise.
        source, settings = self._sources[kind][number // TAKES % 2]
        said = _labels(kind, chance, table[1])
        control = chance.random() < 0.05
        where = {"capture": capture, "take": f"take-{number}", "session": session, "step": step, "now": now}
        yield "take", where
        manifest: dict[str, Any] = {
            "schema": 1, "capture": capture, "take": f"take-{number}", "session": session, "study": "kitchen",
            "step": step, "attempt": 1, "device": device, "sensor": f"{_MEDIA[kind]}-0", "medium": _MEDIA[kind],
            "format": _FORMATS[_MEDIA[kind]], "consent": f"con-{session}", "complete": True, "sha256": key,
            "bytes": 99_000, "opened_us": 1, "wall": {"at": now}, "clock_map": [[0, 1]],
            "duration_us": None if kind in ("boxes", "text") else 9_000_000,
            "parts": [{"name": "media", "sealed_sha256": key, "sealed_bytes": 99_000}],
        }  # fmt: skip
        if kind == "tracks":
            manifest["frames"] = len(table[1])
            manifest["parts"].append({"name": "frames", "sealed_sha256": key, "sealed_bytes": 990})
            yield "derived", {"capture": capture, "kind": "frames", "blob": table[0], "media_type": "application/json"}
        yield "derived", {"capture": capture, "kind": "original", "blob": key, "media_type": "image/jpeg"}
        yield (
            "capture",
            {**where, "device": device, "medium": _MEDIA[kind], "manifest": json.dumps(manifest), "sha": key},
        )
        documents = [(source, said, True)]
        if chance.random() < 0.3:  # another version of the model ran over it later
            again = {**source, "version": "0", "sha256": hashlib.sha256(b"older" + kind.encode()).hexdigest()}
            documents.append((again, _labels(kind, chance, table[1]), False))
        for place, (whose, labels, shown) in enumerate(documents):
            body = {"schema": 2, "capture": capture, "source": whose, "labels": labels, "settings": settings}
            yield "labels_document", {
                "capture": capture, "name": f"model-{place}", "model": whose["name"], "sha": whose["sha256"],
                "body": json.dumps(body, separators=(",", ":")), "raw": key, "shown": shown,
            }  # fmt: skip
        labels = _reviewed(kind, [] if control else said, source, chance, table[1])
        if control:
            labels = [_own(label) for label in _reviewed(kind, said, source, chance, table[1])]
        truth = {
            "schema": 2, "capture": capture, "source": {"kind": "person", "name": "ann"}, "labels": labels,
        }  # fmt: skip
        reason = "random" if chance.random() < 0.1 else "uncertainty"
        yield "task", {
            **where, "task": task, "type": kind, "revision": f"rev-{number}", "control": control, "reason": reason,
        }  # fmt: skip
        yield "task_capture", {"task": task, "capture": capture}
        yield "revision", {
            **where, "revision": f"rev-{number}", "task": task, "uuid": key[:32], "sha": "c" * 64,
            "documents": json.dumps([truth], separators=(",", ":")), "reason": reason,
            "active": chance.randrange(3000, 40000),
        }  # fmt: skip


def _sources(item: Any) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(source, settings) of a model, set in two ways."""
    rows = []
    for score in (0.35, 0.4):
        settings = {"thresholds": {"score": score}, "input": {"width": 416, "height": 416}}
        sha256 = document_hash(settings)
        source = {"kind": "model", "name": item.name, "version": "1", "sha256": item.sha256}
        rows.append(({**source, "package": "d" * 64, "settings": sha256}, {sha256: settings}))
    return rows


def _labels(kind: str, chance: random.Random, times: list[int]) -> list[dict[str, Any]]:
    """What a model said of one capture."""
    if kind == "speech":
        return _regions(chance)
    if kind == "text":
        rows = []
        for line in range(chance.randrange(1, 5)):
            x, y = round(chance.uniform(0, 400), 2), 100.0 * line
            outline = [[x, y], [x + 600, y], [x + 600, y + 40], [x, y + 40]]
            rows.append({"id": f"q{line}", "kind": "polygon", "label": "text", "score": 0.9, "points": outline})
            rows.append({
                "id": f"t{line}", "kind": "text", "label": "text", "score": round(chance.random(), 4),
                "parent": f"q{line}", "text": chance.choice(_SENTENCES), "language": "en",
            })  # fmt: skip
        return rows
    made = _track if kind == "tracks" else _box
    count = chance.randrange(0, 4) if kind == "tracks" else chance.randrange(0, 10)
    return [made(f"m{number}", chance.choice(_WORDS[kind]), chance, times) for number in range(count)]


def _place(chance: random.Random) -> dict[str, float]:
    width, height = round(chance.uniform(20, 300), 2), round(chance.uniform(20, 300), 2)
    x, y = round(chance.uniform(0, SIZE[0] - width), 2), round(chance.uniform(0, SIZE[1] - height), 2)
    return {"x": x, "y": y, "width": width, "height": height}


def _box(name: str, word: str, chance: random.Random, _times: list[int]) -> dict[str, Any]:
    return {"id": name, "kind": "box", "label": word, "score": round(chance.uniform(0.3, 1), 4), **_place(chance)}


def _track(name: str, word: str, chance: random.Random, times: list[int]) -> dict[str, Any]:
    frames = sorted(chance.sample(range(len(times)), chance.randrange(2, 9)))
    keys = [{"frame": frame, "start_us": times[frame], **_place(chance)} for frame in frames]
    return {"id": name, "kind": "track", "label": word, "score": round(chance.uniform(0.3, 1), 4), "keyframes": keys}


def _regions(chance: random.Random) -> list[dict[str, Any]]:
    rows, at = [], 0
    for number in range(chance.randrange(0, 5)):
        at += chance.randrange(100_000, 1_500_000)
        end = at + chance.randrange(200_000, 2_000_000)
        rows.append(
            {"id": f"s{number}", "kind": "interval", "label": "speech", "score": 0.9, "start_us": at, "end_us": end}
        )
        at = end
    return rows


def _reviewed(
    kind: str, said: list[dict[str, Any]], source: dict[str, Any], chance: random.Random, times: list[int]
) -> list[dict[str, Any]]:
    """What a person left of the model's labels, and what they added."""
    rows = []
    for label in said:
        fate = chance.choices(_FATES, _WEIGHTS)[0]
        if fate == "deleted" and kind != "text":
            continue
        row = {**label, "source": source}
        if fate == "moved":
            row = {**_moved(row, chance), "edited": True}
        elif fate == "relabelled" and kind in _WORDS:
            row |= {"label": chance.choice(_WORDS[kind]), "edited": True}
        rows.append(row)
    if chance.random() < 0.3 and kind in _WORDS:
        made = _track if kind == "tracks" else _box
        rows.append({**made("p1", chance.choice(_WORDS[kind]), chance, times), "score": None})
    return rows


def _moved(label: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    off = round(chance.uniform(-12, 12), 2)
    match label["kind"]:
        case "box":
            return {**label, "x": max(0.0, label["x"] + off)}
        case "track":
            return {**label, "keyframes": [{**row, "x": max(0.0, row["x"] + off)} for row in label["keyframes"]]}
        case "interval":
            return {**label, "end_us": label["end_us"] + 50_000}
        case "text":
            return {**label, "text": label["text"].replace("e", "a", 1)}
        case _:
            return label


def _own(label: dict[str, Any]) -> dict[str, Any]:
    """The label as a person drew it who saw no pre-labels."""
    return {**{name: value for name, value in label.items() if name not in ("source", "edited")}, "score": None}


def _session(number: int) -> SessionRecord:
    session, at = f"ses-{number}", format_utc(START)
    consent = {
        "schema": 1, "consent": f"con-{session}", "session": session, "study": "kitchen", "participant": "p-1",
        "text_sha256": "d" * 64, "locale": "en", "grants": [{"use": "image"}], "given_by": "participant",
        "given_at": at,
    }  # fmt: skip
    device, home = f"dev-{number % DEVICES}", f"home-{number % DEVICES}"
    record = {
        "schema": 3, "session": session, "revision": 1, "study": "kitchen", "language": "en", "device": device,
        "script": {"id": "k", "version": "1", "sha256": "c" * 64}, "participant": "p-1", "home": home,
        "label_schema": {"boxes": _WORDS["boxes"], "tracks": _WORDS["tracks"]}, "consent": consent, "state": "finished",
        "started_at": at, "takes": [],
    }  # fmt: skip
    return SessionRecord.read(record)


def _add_people_and_devices(conn: Connection) -> None:
    now = format_utc(START)
    conn.execute(
        text("INSERT INTO person (id, name, role, created_at) VALUES ('per-1', 'ann', 'annotator', :now)"),
        {"now": now},
    )
    device = text(
        "INSERT INTO device (id, name, model, token_hash, joined_at) VALUES (:device, :device, 'sim', :device, :now)"
    )
    conn.execute(device, [{"device": f"dev-{number}", "now": now} for number in range(DEVICES)])


_INSERT = {
    "take": text(
        "INSERT INTO take (id, session_id, step, attempt, kind, state, prompt, opened_us, opened_at, record) VALUES"
        " (:take, :session, :step, 1, 'show', 'closed', 'Hold it up.', 0, :now, '{}')"
    ),
    "capture": text(
        "INSERT INTO capture (id, take_id, session_id, device_id, medium, sensor, step, attempt, consent, complete,"
        " state, manifest, manifest_sha256, sha256, bytes, opened_us, wall_at, received_at) VALUES (:capture, :take,"
        " :session, :device, :medium, :medium || '-0', :step, 1, 'con-' || :session, 1, 'opened', :manifest, :sha,"
        " :sha, 99000, 0, :now, :now)"
    ),
    "derived": text(
        "INSERT INTO derived (capture_id, kind, blob, bytes, media_type) VALUES (:capture, :kind, :blob, 99000,"
        " :media_type)"
    ),
    "labels_document": text(
        "INSERT INTO labels_document (capture_id, name, source_kind, source_name, source_sha256, body, raw_sha256,"
        " shown) VALUES (:capture, :name, 'model', :model, :sha, :body, :raw, :shown)"
    ),
    "task": text(
        "INSERT INTO task (id, take_id, session_id, study, type, state, fence, priority, reason_kind, reason_text,"
        " probability, instruction_version, created_at, done_at, consent, control, revision_id, study_version_id)"
        " VALUES (:task, :take, :session, 'kitchen', :type, 'done', 1, 0, :reason, '', 0.9, 1, :now, :now,"
        " 'con-' || :session, :control, :revision, 1)"
    ),
    "task_capture": text(
        "INSERT INTO task_capture (task_id, capture_id, role, position) VALUES (:task, :capture, 'labelled', 0)"
    ),
    "revision": text(
        "INSERT INTO revision (id, task_id, number, person_id, submit_uuid, fence, submitted_at, opened_at, active_ms,"
        " documents, diff, reply, reason_kind, probability, instruction_version, script_sha256, study_version_id)"
        " VALUES (:revision, :task, 1, 'per-1', :uuid, 1, :now, :now, :active, :documents, '{}', '{}', :reason, 0.9, 1,"
        " :sha, 1)"
    ),
}  # fmt: skip
