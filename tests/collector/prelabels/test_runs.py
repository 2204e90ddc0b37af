"""A model run again over captures that are here, by a real service with real workers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from collector.catalogue.prelabel_documents import PrelabelDocument, add_document
from collector.prelabels.relabel import apply, looks_per_second
from collector.prelabels.run_captures import RunCaptures
from collector.prelabels.runs import (
    NoSuchRun,
    NothingToLabel,
    PrelabelRun,
    RunAsked,
    RunEnded,
    cancel_run,
    find_run,
    list_runs,
    pause_run,
    resume_run,
    start_run,
)
from collector.review.history import task_history
from collector.store.sql import Connection
from prelabel.labelling.one_file import describe
from tests.collector.review.filled import MODEL, VAD, Filled, box, interval
from tests.collector.running import Collector
from tests.support.databases import reopened
from tests.support.other_model import SIZE, SOURCE, package
from tests.support.waiting import until
from wire.labels import LabelsDocument, Source


def jpeg() -> bytes:
    done, data = cv2.imencode(".jpg", np.full((*SIZE, 3), 128, np.uint8))
    assert done
    return bytes(data)


def documents(filled: Filled, capture: str) -> dict[str, bool]:
    rows = filled.rows("SELECT source_name, shown FROM labels_document WHERE capture_id = :c", c=capture)
    return {row.source_name: bool(row.shown) for row in rows}


# ---------------------------------------------------------------- the rows
def test_a_run_takes_the_captures_asked_for(filled: Filled) -> None:
    for step in ("cup", "plate"):
        filled.take(step, "show", {"image": jpeg()}, ["boxes"])
    filled.take("say", "say", {"audio": b"x"}, ["speech"])

    def started(**asked: Any) -> int:
        run = RunAsked(model="other", **asked)
        found = filled.db.write_sync(lambda conn: start_run(conn, run, SOURCE, ("video", "image")))
        captures = RunCaptures(found, run.of(("video", "image")), run.step)
        return len(filled.db.read_sync(lambda conn: captures.page(conn, "")).rows)

    assert started() == 2
    assert started(step="cup") == 1
    assert started(study="kitchen", medium="image") == 2
    for nothing in ({"study": "garden"}, {"medium": "video"}, {"medium": "audio"}):
        with pytest.raises(NothingToLabel, match="other was asked to label"):
            started(**nothing)
    rows = filled.db.read_sync(list_runs)
    assert [(row.state, row.counted, row.done) for row in rows] == [("queued", False, 0)] * 3


def test_pausing_resuming_and_cancelling(filled: Filled) -> None:
    for number in range(3):
        filled.take(f"cup-{number}", "show", {"image": jpeg()}, ["boxes"])
    run, other = (
        filled.db.write_sync(lambda conn: start_run(conn, RunAsked(model="other"), SOURCE, ("image",)))
        for _ in range(2)
    )
    change = filled.db.write_sync

    def state(verb: Callable[[Connection, str], PrelabelRun]) -> str:
        return change(lambda conn: verb(conn, run)).state

    filled.execute("UPDATE prelabel_run SET captures = 3, counted = TRUE, done = 1 WHERE id = :id", id=run)
    assert state(pause_run) == state(pause_run) == "paused"
    assert filled.db.read_sync(lambda conn: find_run(conn, run)).waiting == 2
    assert state(resume_run) == state(resume_run) == "queued"
    gone = change(lambda conn: cancel_run(conn, run))
    assert (gone.state, gone.done, gone.waiting, gone.stopped) == ("cancelled", 1, 0, 2) and gone.ended_at
    for verb in (pause_run, resume_run):
        with pytest.raises(RunEnded, match="is cancelled"):
            change(lambda conn, verb=verb: verb(conn, run))
    filled.execute("UPDATE prelabel_run SET state = 'done' WHERE id = :id", id=other)
    for verb in (pause_run, resume_run, cancel_run):
        with pytest.raises(RunEnded, match="is done"):
            change(lambda conn, verb=verb: verb(conn, other))
        with pytest.raises(NoSuchRun):
            change(lambda conn, verb=verb: verb(conn, "run-none"))


def test_a_run_begins_with_one_row_however_many_captures_there_are(filled: Filled) -> None:
    for number in range(3):
        filled.take(f"cup-{number}", "show", {"image": jpeg()}, ["boxes"])
    filled.db.write_sync(lambda conn: start_run(conn, RunAsked(model="other"), SOURCE, ("image",)))
    assert len(filled.rows("SELECT id FROM prelabel_run")) == 1
    assert filled.rows("SELECT kind FROM job WHERE kind LIKE 'prelabel%'") == []


@pytest.mark.parametrize(
    ("frames", "seconds", "looks"),
    [(None, 0, None), (300, 10, None), (1200, 40, None), (18_000, 600, 2.0), (3600, 60, 20.0)],
)
def test_a_long_video_is_looked_at_less_often(frames: int | None, seconds: int, looks: float | None) -> None:
    assert looks_per_second(frames, seconds * 1_000_000) == looks


# ---------------------------------------------------------------- which pre-labels people see
READER = {"kind": "model", "name": "ocr-recognition", "version": "1", "sha256": "7" * 64}
FACES = {"kind": "model", "name": "yunet", "version": "1", "sha256": "8" * 64}
LISTENER = {"kind": "model", "name": "whisperer", "version": "1", "sha256": "5" * 64}


def applied(
    filled: Filled, capture: str, source: dict[str, Any], words: list[str], *labels: dict[str, Any], took_ms: int = 128
) -> str:
    """What a run does with a worker's answer; returns the run."""
    document = {"schema": 1, "capture": capture, "source": source, "labels": list(labels)}
    inference = {"began_at": "2026-11-23T09:00:00.000000Z", "computed_ms": took_ms}
    result = {"document": document, "media": {}, "words": words, "inference": inference}

    def save(conn: Connection) -> str:
        run = start_run(conn, RunAsked(model="other"), Source.model_validate(source), ("image", "audio"))
        apply(conn, run, result)
        return run

    return filled.db.write_sync(save)


def events(filled: Filled, task: str) -> list[tuple[str, str, str | None]]:
    found = filled.db.read_sync(lambda conn: task_history(conn, task)).prelabels
    return [(row.model, row.event, row.run) for row in found]


def test_what_became_of_every_document_stays(filled: Filled) -> None:
    ids = filled.take("cup", "show", {"image": jpeg()}, ["boxes"])
    device = PrelabelDocument(ids["image"], "device", "model", "detector", MODEL["sha256"], body(ids, MODEL), "a" * 64)
    filled.db.write_sync(lambda conn: [add_document(conn, device), add_document(conn, device)])
    filled.make(ids["take"])
    task = filled.tasks()[0].id
    source = SOURCE.to_json()
    first = applied(filled, ids["image"], source, ["plate", "cup"], box("n1", "cup"))
    second = applied(filled, ids["image"], source, ["plate", "cup"], box("n2", "plate"))
    same = applied(filled, ids["image"], source, ["plate", "cup"], box("n2", "plate"), took_ms=99)
    assert events(filled, task) == [
        ("detector", "received", None),
        ("detector", "hidden", first),
        ("other", "received", first),
        ("other", "replaced", second),
    ]
    assert same not in str(events(filled, task)), "nothing changed"
    (now,) = filled.rows("SELECT body FROM labels_document WHERE source_name = 'other'")
    assert json.loads(now.body)["inference"] == {"began_at": "2026-11-23T09:00:00.000000Z", "computed_ms": 128}
    (kept,) = filled.rows("SELECT replaced FROM prelabel_event WHERE event = 'replaced'")
    assert [label["id"] for label in json.loads(kept.replaced)["labels"]] == ["n1"]


def test_a_document_that_comes_after_the_first_look_is_hidden_from_the_start(filled: Filled) -> None:
    ids = filled.take("cup", "show", {"image": jpeg()}, ["boxes"], prelabels={"image": [[box(label="cup")]]})
    filled.make(ids["take"])
    task, ann = filled.tasks()[0].id, filled.person("ann")
    filled.submit(ann, task, {ids["image"]: [box(label="cup")]})
    run = applied(filled, ids["image"], SOURCE.to_json(), ["plate", "cup"], box("n1", "cup"))
    again = applied(filled, ids["image"], SOURCE.to_json(), ["plate", "cup"], box("n2", "cup"))
    assert events(filled, task) == [("other", "hidden", run), ("other", "replaced", again)]


def test_each_place_in_the_queue_has_its_reason(filled: Filled) -> None:
    ids = filled.take("cup", "show", {"image": jpeg()}, ["boxes"], prelabels={"image": [[box(label="cup")]]})
    filled.make(ids["take"])
    (task,) = filled.tasks()
    filled.execute("UPDATE task SET reason_kind = 'age'")  # whatever the coin said: chosen by its doubts
    applied(filled, ids["image"], SOURCE.to_json(), ["plate", "cup"], box("n1", "cup", 0.5), box("n2", "plate", 0.5))
    reasons = filled.db.read_sync(lambda conn: task_history(conn, task.id)).reasons
    now = filled.tasks()[0]
    assert len(reasons) == 2 and (reasons[0].at, reasons[0].priority) == (task.created_at, task.priority)
    assert (reasons[1].kind, reasons[1].text) == (now.reason_kind, now.reason_text)
    assert reasons[1].priority == now.priority > task.priority


def body(ids: dict[str, str], source: dict[str, Any]) -> str:
    return json.dumps({"schema": 1, "capture": ids["image"], "source": source, "labels": [box("d1", "cup")]})


@pytest.mark.parametrize(
    ("source", "words", "labels", "cup_is_shown"),
    [
        (READER, ["text"], [], True),  # no text on it: that says nothing of cups
        (READER, ["text"], [{"id": "w1", "kind": "text", "label": "text", "text": "flour"}], True),
        (FACES, ["face"], [box("f1", "face")], True),
        (FACES, ["face"], [], True),
        (SOURCE.to_json(), ["plate", "cup"], [box("n1", "cup")], False),
        (SOURCE.to_json(), ["plate", "cup"], [], False),
        ({**MODEL, "version": "2", "sha256": "6" * 64}, ["plate"], [], False),  # another version of the same model
    ],
)
def test_a_model_replaces_what_it_could_have_said(
    filled: Filled, source: dict[str, Any], words: list[str], labels: list[dict[str, Any]], cup_is_shown: bool
) -> None:
    ids = filled.take("cup", "show", {"image": jpeg()}, ["boxes", "text"], prelabels={"image": [[box(label="cup")]]})
    filled.make(ids["take"])
    applied(filled, ids["image"], source, words, *labels)
    rows = filled.rows("SELECT source_sha256, shown FROM labels_document ORDER BY id")
    assert [(row.source_sha256, bool(row.shown)) for row in rows] == [
        (MODEL["sha256"], cup_is_shown), (source["sha256"], True)
    ]  # fmt: skip


def test_regions_alone_replace_no_transcript(filled: Filled) -> None:
    heard = interval(text="good morning")
    ids = filled.take("say", "say", {"audio": b"x"}, ["speech"], prelabels={"audio": [[heard]]})
    filled.make(ids["take"])
    applied(filled, ids["audio"], {**VAD, "name": "other-vad", "sha256": "6" * 64}, ["speech"], interval())
    assert documents(filled, ids["audio"]) == {"silero-vad": True, "other-vad": True}
    applied(filled, ids["audio"], LISTENER, ["speech", "answer"], interval(text="good evening"))
    assert documents(filled, ids["audio"]) == {"silero-vad": False, "other-vad": False, "whisperer": True}


def test_the_reason_speaks_of_what_is_shown(filled: Filled) -> None:
    """A doubt about a pre-label that another model's answer replaced is no doubt: nobody sees it."""
    ids = filled.take("cup", "show", {"image": jpeg()}, ["boxes"], prelabels={"image": [[box(label="cup", score=0.5)]]})
    filled.make(ids["take"])
    filled.execute("UPDATE task SET reason_kind = 'uncertainty'")  # not of the random share
    applied(filled, ids["image"], SOURCE.to_json(), ["cup"], box("n1", "cup", 1.0))
    (task,) = filled.tasks()
    assert (task.reason_kind, task.reason_text) == ("age", "Oldest first.")
    applied(filled, ids["image"], SOURCE.to_json(), ["cup"], box("n1", "cup", 1.0, x=90.0))
    (task,) = filled.tasks()
    assert task.reason_kind == "disagreement", "what was replaced still speaks against the new answer"


@pytest.mark.parametrize("member", ["settings", "package"])
def test_other_settings_of_one_file_replace_no_document(filled: Filled, member: str) -> None:
    """The report compares both; only the newest is shown."""
    ids = filled.take("cup", "show", {"image": jpeg()}, ["boxes"])
    filled.make(ids["take"])
    sources = [{**SOURCE.to_json(), "package": "a" * 64, "settings": "b" * 64}]
    sources.append({**sources[0], "settings": "c" * 64, member: "c" * 64})
    for source in [*sources, sources[1]]:
        applied(filled, ids["image"], source, ["cup"], box("n1", "cup"))
    rows = filled.rows("SELECT body, shown FROM labels_document ORDER BY id")
    stored = [(LabelsDocument.read(row.body).source.settings, bool(row.shown)) for row in rows]
    assert stored == [("b" * 64, False), ("c" * 64, True)]


# ---------------------------------------------------------------- the whole way
@dataclass
class House:
    """A service over a folder with four stills: untouched, opened, of the random share, and without pre-labels."""

    filled: Filled
    collector: Collector
    captures: dict[str, str]
    tasks: dict[str, str]
    model: Path
    lead: httpx.Client


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    filled = Filled(tmp_path / "data")
    captures: dict[str, str] = {}
    tasks: dict[str, str] = {}
    for name in ("untouched", "opened", "random", "bare"):
        said = {} if name == "bare" else {"image": [[box(label="plate", score=0.99)]]}
        ids = filled.take(name, "show", {"image": jpeg()}, ["boxes"], objects=["cup"], prelabels=said)
        filled.make(ids["take"])
        captures[name] = ids["image"]
        tasks[name] = filled.tasks(take_id=ids["take"])[0].id
        kind = "random" if name == "random" else "conflict"
        filled.execute(
            "UPDATE task SET reason_kind = :kind, reason_text = 'as it was', priority = 0 WHERE id = :id",
            kind=kind, id=tasks[name],
        )  # fmt: skip
    filled.execute("UPDATE task SET opened_at = created_at WHERE id = :id", id=tasks["opened"])
    filled.db.close()
    collector = Collector(tmp_path)
    collector.start()
    made = House(filled, collector, captures, tasks, package(tmp_path / "planted"), collector.person("lea", "lead"))
    yield made
    made.lead.close()
    collector.stop()


def test_a_new_model_over_old_captures(house: House) -> None:
    done = house.collector.run("prelabel", "run", str(house.model), "--step", "untouched", "--wait", "--json")
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert (row["captures"], row["done"], row["failed"], row["source"]["name"]) == (1, 1, 0, "planted")
    reply = house.lead.post("/api/prelabel-runs", json={"model": str(house.model)})
    assert reply.status_code == 202, reply.text
    run = reply.json()["id"]
    until(lambda: next(r for r in house.lead.get("/api/prelabel-runs").json()["runs"] if r["id"] == run)["done"] == 4)

    said = {
        name: [LabelsDocument.read(row) for row in house.lead.get(f"/api/captures/{one}/labels").json()["documents"]]
        for name, one in house.captures.items()
    }
    (planted,) = [row for row in said["bare"] if row.source.name == "planted"]
    assert planted.labels[0].to_json() | {"score": 1} == {
        "id": "b1", "kind": "box", "label": "cup", "score": 1,
        "x": pytest.approx(12, abs=0.5), "y": pytest.approx(10, abs=0.5),
        "width": pytest.approx(30, abs=0.5), "height": pytest.approx(24, abs=0.5),
    }  # fmt: skip
    assert planted.capture == house.captures["bare"]
    planted.check_settings()
    assert planted.inference is not None and planted.inference.began_at < datetime.now(UTC)
    settings = planted.settings[planted.source.settings or ""]
    assert planted.source.package == describe(str(house.model)).source.package == row["source"]["package"]
    assert (settings["names"], settings["thresholds"]["score"]) == (["plate", "cup"], 0.3)
    assert all(len(rows) == (1 if name == "bare" else 2) for name, rows in said.items())

    house.collector.stop()
    again = house.filled
    again.db = reopened(again.folder)
    try:
        # What somebody has opened keeps what they saw; nobody's task is changed under their hands.
        assert documents(again, house.captures["untouched"]) == {"yolox-nano": False, "planted": True}
        assert documents(again, house.captures["opened"]) == {"yolox-nano": True, "planted": False}
        tasks = {name: again.tasks(id=one)[0] for name, one in house.tasks.items()}
        assert tasks["untouched"].reason_text != "as it was" and tasks["untouched"].reason_kind != "conflict"
        assert tasks["bare"].reason_kind != "conflict", "the cup that the script expects has been found"
        assert (tasks["opened"].reason_text, tasks["random"].reason_text) == ("as it was", "as it was")
        assert tasks["random"].reason_kind == "random"
    finally:
        again.db.close()


def test_the_report_is_made_beside_the_service(house: House) -> None:
    """By another process, so that no review waits for it; asked for twice at once it is made once."""
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: house.lead.get("/api/reports/prelabels"), range(2))
    assert first.status_code == 200, first.text
    assert (first.json()["items"], first.json()["made_at"]) == (0, second.json()["made_at"])
    assert house.lead.get("/api/reports/prelabels", params={"since": "2026-01-01T00:00:00Z"}).json()["items"] == 0


@pytest.mark.parametrize(
    ("member", "sentence"),
    [
        ("sha256", "has changed since this work was requested"),
        # Other thresholds in the manifest: half a run under each would be distinguished by nobody.
        ("package", "has had its manifest changed since this work was requested"),
    ],
)
def test_a_model_that_was_changed_meanwhile_is_not_used(house: House, member: str, sentence: str) -> None:
    """A run names its model by hash. No capture fails: the run is paused until somebody has read why."""
    house.collector.stop()
    database = reopened(house.filled.folder)
    source = describe(str(house.model)).source.model_copy(update={member: "0" * 64})
    asked = RunAsked(model=str(house.model), step="bare")
    run = database.write_sync(lambda conn: start_run(conn, asked, source, ("image",)))
    database.close()
    house.collector.start()
    house.lead.base_url = house.collector.url

    def paused() -> Any:
        (row,) = [row for row in house.lead.get("/api/prelabel-runs").json()["runs"] if row["id"] == run]
        return row if row["state"] == "paused" else None

    row = until(paused)
    assert sentence in row["problem"] and (row["done"], row["failed"], row["waiting"]) == (0, 0, 1)


def test_what_cannot_be_run_is_said_at_once(house: House) -> None:
    refused = house.lead.post("/api/prelabel-runs", json={"model": "no-such-model"})
    assert (refused.status_code, refused.json()["code"]) == (404, "model-not-found")
    nothing = house.lead.post("/api/prelabel-runs", json={"model": str(house.model), "study": "garden"})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing-to-label")
    unknown = house.lead.post("/api/prelabel-runs/run-none/cancel")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "prelabel-run-unknown")
    done = house.collector.run("prelabel", "cancel", "run-none")
    assert done.returncode == 1 and "There is no run run-none." in done.stderr
    assert "No re-runs yet." in house.collector.run("prelabel", "list").stdout
