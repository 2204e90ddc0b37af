"""Ground truth as JSON lines."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from collector.catalogue.sessions import save_session
from collector.cli import app
from collector.exports import truth
from collector.exports.check import check_export
from collector.exports.problems import FolderNotEmpty, FolderNotWritable, MediaDamaged
from collector.review.task_detail import task_detail
from collector.store.blobs import blob_name
from collector.studies.instructions import BUILT_IN
from tests.collector.review.filled import MODEL, Filled, box, interval
from tests.support.databases import command
from wire.capture import CaptureManifest
from wire.labels import LabelsDocument
from wire.session import SessionRecord

ORIGIN = {
    "take", "session", "study", "study_version", "script", "step", "attempt", "prompt", "participant", "home", "device",
    "consent",
}  # fmt: skip


def export(filled: Filled, to: Path, *more: str) -> Any:
    return command(app, ["export", "--to", str(to), "--data", str(filled.folder), *more], filled.folder)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def reviewed(filled: Filled) -> dict[str, str]:
    """A still that was corrected and a sentence nobody has looked at."""
    ann = filled.person("ann")
    still = filled.take("show-cup", "show", {"image": b"a jpeg"}, ["boxes"], prelabels={"image": [[box()]]})
    sound = filled.take("say-it", "say", {"audio": b"a flac"}, ["speech"], prelabels={"audio": [[interval()]]})
    filled.make(still["take"])
    filled.make(sound["take"])
    task = filled.tasks(type="boxes")[0].id
    reply = filled.submit(ann, task, {still["image"]: [box(x=11.0), box("new", "plate")]})
    return {"image": still["image"], "audio": sound["audio"], "task": task, "revision": reply["revision"]}


def test_a_line_says_where_it_comes_from(filled: Filled, reviewed: dict[str, str], tmp_path: Path) -> None:
    done = export(filled, tmp_path / "out")
    assert done.exit_code == 0, done.output
    (line,) = lines(tmp_path / "out" / "labels.jsonl")
    document = {"schema", "capture", "source", "labels", "media", "task", "type", "revision", "reviewer"}
    assert document | {"instruction_version", "control", "round"} | ORIGIN == set(line)
    assert (line["capture"], line["task"], line["revision"]) == (
        reviewed["image"],
        reviewed["task"],
        reviewed["revision"],
    )
    assert (line["participant"], line["home"], line["consent"]) == ("p-07", "home-3", "con-1")
    assert line["instruction_version"] == BUILT_IN["boxes"].version and line["media"]["consent_until"] is None
    assert line["script"] == {"id": "kitchen-greeting", "version": "1.0", "sha256": "c" * 64}
    moved, added = line["labels"]
    assert moved["edited"] is True and moved["source"]["sha256"] == MODEL["sha256"] and moved["score"] == 0.8
    assert "source" not in added and added["score"] is None
    media = tmp_path / "out" / line["media"]["path"]
    assert media.name == f"{hashlib.sha256(b'a jpeg').hexdigest()}.jpg" and media.read_bytes() == b"a jpeg"
    LabelsDocument.read({name: line[name] for name in ("schema", "capture", "source", "labels")})
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_labels_alone_name_their_media_by_hash(filled: Filled, reviewed: dict[str, str], tmp_path: Path) -> None:
    walk = filled.take("walk", "do", {"video": b"mkv"}, ["tracks"])
    filled.make(walk["take"])
    filled.submit(filled.person("cleo"), filled.tasks(take_id=walk["take"])[0].id, {walk["video"]: []})
    assert export(filled, tmp_path / "with").exit_code == 0
    assert export(filled, tmp_path / "without", "--no-media").exit_code == 0
    whole, alone = (lines(tmp_path / name / "labels.jsonl") for name in ("with", "without"))
    for line in whole:
        del line["media"]["path"]
    assert alone == whole and len(alone) == 2
    left = sorted(path.name for path in (tmp_path / "without" / "media").iterdir())
    assert left == [alone[1]["media"]["frames"].removeprefix("media/")], "the times of frames are in no other place"
    assert check_export(tmp_path / "without").documents == 2
    refused = export(filled, tmp_path / "coco", "--no-media", "--format", "coco")
    assert refused.exit_code == 2 and "COCO needs its pictures" in refused.output
    assert not (tmp_path / "coco").exists()


def test_a_consent_that_is_narrowed_while_an_export_runs_counts_at_once(
    filled: Filled, reviewed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truth, "BATCH_TASKS", 1)
    ann = filled.person("dora")
    for number in range(3):
        ids = filled.take(f"more-{number}", "show", {"image": b"jpeg"}, ["boxes"])
        filled.make(ids["take"])
        filled.submit(ann, filled.tasks(take_id=ids["take"])[0].id, {ids["image"]: []})
    running = truth.items(filled.db, truth.item_ids(filled.db))
    assert next(running).withheld == 0 and next(running).withheld == 0
    record = filled.record().to_json()
    record["consent"]["grants"] = [row for row in record["consent"]["grants"] if row["use"] != "image"]
    filled.db.write_sync(lambda conn: save_session(conn, SessionRecord.read(record)))
    assert [item.withheld for item in running] == [1, 1]


def test_a_line_says_on_what_it_was_recorded(filled: Filled, reviewed: dict[str, str], tmp_path: Path) -> None:
    """Where the manifest does; what was recorded before has neither member."""
    facts = {"agent_version": "0.1.0", "board": "Raspberry Pi 5", "firmware": "2024/09/23"}
    settings = {"exposure_us": 20_000, "analogue_gain": 2.5}
    (row,) = filled.rows("SELECT manifest FROM capture WHERE id = :id", id=reviewed["image"])
    told = CaptureManifest.model_validate(
        {**json.loads(row.manifest), "schema": 3, "device_facts": facts, "sensor_settings": settings}
    )
    assert export(filled, tmp_path / "before").exit_code == 0
    filled.execute(
        "UPDATE capture SET manifest = :body WHERE id = :id", body=json.dumps(told.to_json()), id=reviewed["image"]
    )
    assert export(filled, tmp_path / "after").exit_code == 0
    (before,), (after,) = (lines(tmp_path / name / "labels.jsonl") for name in ("before", "after"))
    assert not {"device_facts", "sensor_settings"} & set(before["media"])
    assert after["media"]["sensor_settings"] == settings
    assert {name: after["media"]["device_facts"][name] for name in facts} == facts


def test_pre_labels_lie_in_a_file_of_their_own(filled: Filled, reviewed: dict[str, str], tmp_path: Path) -> None:
    done = export(filled, tmp_path / "out", "--with-prelabels", "--json")
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["documents"], summary["prelabels"]) == (1, 2)
    rows = {row["capture"]: row for row in lines(tmp_path / "out" / "prelabels.jsonl")}
    assert set(rows) == {reviewed["image"], reviewed["audio"]}
    assert rows[reviewed["image"]]["labels"][0]["x"] == 10.0 and "revision" not in rows[reviewed["image"]]
    assert len(lines(tmp_path / "out" / "labels.jsonl")) == 1


def test_a_video_brings_its_frame_table(filled: Filled, tmp_path: Path) -> None:
    ids = filled.take("walk", "do", {"video": b"an mkv"}, ["tracks"])
    filled.make(ids["take"])
    filled.submit(filled.person("ann"), filled.tasks()[0].id, {ids["video"]: []})
    assert export(filled, tmp_path / "out").exit_code == 0
    (line,) = lines(tmp_path / "out" / "labels.jsonl")
    assert line["media"]["path"].endswith(".mkv")
    table = json.loads((tmp_path / "out" / line["media"]["frames"]).read_text())
    assert table["capture"] == ids["video"] and table["times_us"][0] == 0


def test_the_newest_submit_is_the_truth(filled: Filled, reviewed: dict[str, str], tmp_path: Path) -> None:
    bob = filled.person("bob")
    filled.submit(bob, reviewed["task"], {reviewed["image"]: []})
    export(filled, tmp_path / "out")
    (line,) = lines(tmp_path / "out" / "labels.jsonl")
    assert (line["reviewer"], line["labels"]) == (bob, [])


def test_nothing_submitted_yet_is_said(filled: Filled, tmp_path: Path) -> None:
    done = export(filled, tmp_path / "out")
    assert done.exit_code == 0 and "no ground truth yet" in done.output
    assert lines(tmp_path / "out" / "labels.jsonl") == []


def test_a_folder_with_something_in_it_is_left_alone(filled: Filled, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    done = export(filled, tmp_path / "full")
    assert isinstance(done.exception, FolderNotEmpty) and done.exception.exit_code == 2
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine"]
    (tmp_path / "file").touch()
    assert isinstance(export(filled, tmp_path / "file").exception, FolderNotWritable)
    (tmp_path / "empty").mkdir()
    assert export(filled, tmp_path / "empty").exit_code == 0


def test_a_damaged_blob_stops_the_export_until_it_is_mended(
    filled: Filled, reviewed: dict[str, str], tmp_path: Path
) -> None:
    path = filled.blobs.root / blob_name(hashlib.sha256(b"a jpeg").hexdigest())
    path.write_bytes(b"b jpeg")
    done = export(filled, tmp_path / "out")
    assert isinstance(done.exception, MediaDamaged)
    assert not (tmp_path / "out").exists()
    path.write_bytes(b"a jpeg")
    assert export(filled, tmp_path / "out").exit_code == 0
    assert {entry.name for entry in tmp_path.iterdir()} == {"data", "out"}


def test_consent_that_has_run_out_keeps_its_captures_back(
    filled: Filled, reviewed: dict[str, str], tmp_path: Path
) -> None:
    filled.execute("UPDATE session_grant SET until = '2026-01-01T00:00:00.000000Z' WHERE use = 'image'")
    done = export(filled, tmp_path / "out")
    assert "consent has run out" in done.output
    assert lines(tmp_path / "out" / "labels.jsonl") == [] and not list((tmp_path / "out" / "media").iterdir())


def test_a_spoken_answer_leaves_as_regions_and_as_one_text(filled: Filled, tmp_path: Path) -> None:
    ann = filled.person("ann")
    answer = {"id": "a1", "kind": "text", "label": "answer", "score": 0.8, "text": "toast", "language": "en"}
    heard = [interval(text="toast"), answer]
    ids = filled.take("eat", "answer", {"audio": b"a flac"}, ["speech", "text"], prelabels={"audio": [heard]})
    filled.make(ids["take"])
    for kind, label in (("speech", interval(text="toast")), ("text", {**answer, "text": "toast, jam"})):
        filled.submit(ann, filled.tasks(type=kind)[0].id, {ids["audio"]: [label]})
    assert export(filled, tmp_path / "out", "--with-prelabels").exit_code == 0
    truth = {line["type"]: line for line in lines(tmp_path / "out" / "labels.jsonl")}
    assert [(label["id"], label["text"]) for label in truth["text"]["labels"]] == [("a1", "toast, jam")]
    assert [label["id"] for label in truth["speech"]["labels"]] == ["s1"]
    assert truth["text"]["media"] == truth["speech"]["media"]
    (said,) = lines(tmp_path / "out" / "prelabels.jsonl")
    assert [label["id"] for label in said["labels"]] == ["s1", "a1"], "once, though the capture has two tasks"
    done = export(filled, tmp_path / "coco", "--format", "coco")
    assert "2 labels are of kinds" in done.output and "no ground truth" not in done.output


def test_ids_of_pre_labels_are_those_that_people_saw(filled: Filled, tmp_path: Path) -> None:
    documents = [[box("b1", x=10.0)], [box("b1", x=90.0)], [box("b1", x=50.0)]]
    ids = filled.take("show-cup", "show", {"image": b"a jpeg"}, ["boxes"], prelabels={"image": documents})
    filled.execute("UPDATE labels_document SET shown = FALSE WHERE name = 'model0'")
    filled.make(ids["take"])
    task = filled.tasks()[0].id
    seen = filled.db.read_sync(lambda conn: task_detail(conn, task)).prelabels
    wanted = {label.id: label.to_json()["x"] for document in seen for label in document.labels}
    filled.submit(filled.person("ann"), task, {ids["image"]: [box("b1", x=90.0)]})
    assert export(filled, tmp_path / "out", "--with-prelabels").exit_code == 0
    rows = lines(tmp_path / "out" / "prelabels.jsonl")
    assert {label["id"]: label["x"] for row in rows if row["shown"] for label in row["labels"]} == wanted
    assert wanted == {"b1": 90.0, "b1-2": 50.0}
    assert [label["x"] for row in rows if not row["shown"] for label in row["labels"]] == [10.0]


def test_a_line_stays_one_line_for_every_reader(filled: Filled, tmp_path: Path) -> None:
    words = "one\u2028two\u2029three\x85four"
    ids = filled.take("ask", "answer", {"text": b"x"}, ["text"])
    filled.make(ids["take"])
    label = {"id": "w", "kind": "text", "label": "answer", "score": None, "text": words}
    filled.submit(filled.person("ann"), filled.tasks()[0].id, {ids["text"]: [label]})
    assert export(filled, tmp_path / "out").exit_code == 0
    (line,) = lines(tmp_path / "out" / "labels.jsonl")
    assert line["labels"][0]["text"] == words
