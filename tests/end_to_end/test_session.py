"""A guided session from its script to tasks, ground truth and a data set, with two real processes."""

from __future__ import annotations

import json
import platform
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.collector.running import noon
from tests.end_to_end.installation import Installation, session_page
from tests.support import local_http
from tests.support.waiting import until
from wire.version import installed_version


def submit(installation: Installation, task: dict[str, Any], documents: list[dict[str, Any]]) -> dict[str, Any]:
    body = {
        "fence": task["lease"]["fence"],
        "submit": str(uuid.uuid4()),
        "documents": documents,
        "opened_at": datetime.now(UTC).isoformat(),
        "first_input_at": None,
        "activity": [],
    }
    reply = installation.post(f"/api/tasks/{task['id']}/submit", body)
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def accepted(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Every pre-label of the task taken over as it is, one document a labelled capture."""
    documents = []
    for capture in task["captures"]:
        if capture["role"] != "labelled":
            continue
        labels = [label for one in task["prelabels"] if one["capture"] == capture["id"] for label in one["labels"]]
        documents.append(
            {"schema": 1, "capture": capture["id"], "source": {"kind": "person", "name": "lead"}, "labels": labels}
        )
    return documents


def check_recorded(told: dict[str, Any]) -> None:
    """The device says what it was, and its simulated sensors which room they were in."""
    facts = told["device_facts"]
    assert facts["agent_version"] == installed_version()
    assert facts["boot"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert platform.node() not in json.dumps(facts)
    is_text = (told.get("medium") or told["format"]["container"]) in ("text", "plain")
    assert is_text or told["sensor_settings"]["seed"] == 1


def test_from_script_to_ground_truth(installation: Installation, tmp_path: Path) -> None:
    installation.start_agent()
    facts = installation.finish_agent()
    assert facts["takes"] == 5 and facts["lost"] == 0, facts
    assert facts["prelabels"].get("interval") and facts["prelabels"].get("track"), facts

    # Consent is in the journal before anything is recorded, and its id goes everywhere.
    journal = installation.journal()
    kinds = [next(iter(entry)) for entry in journal]
    assert kinds.index("consent") < kinds.index("take")
    consent = next(entry["consent"]["consent"] for entry in journal if "consent" in entry)
    until(lambda: len(installation.rows("SELECT id FROM task")) == 5)
    for table in ("session", "capture", "task"):
        assert {row["consent"] for row in installation.rows(f"SELECT consent FROM {table}")} == {consent}

    # Hashes are equal on both sides, and the device has deleted what has its receipt.
    captures = installation.rows("SELECT id, sha256, medium FROM capture")
    assert len(captures) == 8
    for row in captures:
        assert installation.original(row["id"]) == row["sha256"]
    assert not list((installation.state / "spool").rglob("media"))

    # Tasks carry pre-labels with the model's name and hash; prompts are expected, never transcripts.
    reply = installation.post("/api/tasks/next", {"client": "page-1", "have": [], "count": 5})
    tasks = {task["id"]: task for task in reply.json()["tasks"]}
    assert sorted(task["type"] for task in tasks.values()) == ["boxes", "speech", "speech", "text", "tracks"]
    for task in tasks.values():
        for document in task["prelabels"]:
            # A typed answer comes with the script's word for it.
            kind = "script" if task["type"] == "text" else "model"
            assert document["source"]["kind"] == kind and len(document["source"]["sha256"]) == 64
        if task["type"] == "speech":
            (document,) = task["prelabels"]
            parts = [label["expected"] for label in document["labels"] if "expected" in label]
            assert " ".join(parts) == "Hello kitchen."
            assert all("text" not in label for label in document["labels"])
        assert task["lease"]["fence"] == 1 and task["prompt"]

    # The plan that ran and the words that were consented to can be read back by the hashes in the records.
    (session,) = {row["session_id"] for row in installation.rows("SELECT session_id FROM capture")}
    record = installation.get(f"/api/sessions/{session}")["record"]
    plan = installation.get(f"/api/plans/{record['script']['sha256']}")
    assert (plan["id"], plan["version"]) == (record["script"]["id"], record["script"]["version"])
    words = installation.get(f"/api/consent-texts/{record['consent']['text_sha256']}")["text"]
    assert words == plan["consent"]["text"]

    cup = {"id": "p1", "kind": "box", "label": "cup", "score": None, "x": 40, "y": 50, "width": 60, "height": 70}
    for task in tasks.values():
        documents = accepted(task)
        if task["type"] == "boxes":
            documents[0]["labels"].append(cup)
        (diff,) = submit(installation, task, documents)["diff"].values()
        assert diff["deleted"] == 0 and diff["added"] == (task["type"] == "boxes")
        (revision,) = installation.get(f"/api/tasks/{task['id']}/revisions")["revisions"]
        instruction = installation.get(f"/api/instructions/{revision['instruction_sha256']}")
        assert instruction["text"] == task["instructions"]["text"]
        assert revision["script_sha256"] == record["script"]["sha256"]

    today = ("collector", "report", "today", "--data", str(installation.collector_data), "--json")
    report = json.loads(installation.run(*today, env={"TZ": noon()}).stdout)
    assert report["tasks"]["done"] == 5 and report["takes"] == 5 and report["uploads_pending"] == 0
    assert [(row["name"], row["done"]) for row in report["people"]] == [("lead", 5)]

    # The data set: one line a labels document, with where it came from.
    out = tmp_path / "jsonl"
    data = ("--data", str(installation.collector_data))
    installation.run("collector", "export", "--format", "jsonl", "--to", str(out), "--with-prelabels", *data)
    lines = [json.loads(line) for line in (out / "labels.jsonl").read_text().splitlines()]
    assert len(lines) == 5
    for line in lines:
        assert {
            "capture", "take", "session", "study", "script", "step", "prompt", "participant", "home", "device", "media",
            "task", "revision", "reviewer", "consent", "labels", "source",
        } <= set(line)  # fmt: skip
        assert (out / line["media"]["path"]).exists()
        assert line["consent"] == consent
        check_recorded(line["media"])
    labelled = [json.loads(line) for line in (out / "prelabels.jsonl").read_text().splitlines()]
    for line in (line for line in labelled if line["source"]["kind"] == "model"):
        assert line["settings"][line["source"]["settings"]]["runtime"].startswith("onnxruntime ")
        assert len(line["source"]["package"]) == 64
    for row in captures:
        view = installation.get(f"/api/captures/{row['id']}")
        check_recorded(view)
    coco = tmp_path / "coco"
    installation.run("collector", "export", "--format", "coco", "--to", str(coco), *data)
    book = json.loads((coco / "annotations.json").read_text())
    assert all((coco / "images" / image["file_name"]).exists() for image in book["images"])
    words = {category["id"]: category["name"] for category in book["categories"]}
    drawn = {words[row["category_id"]] for row in book["annotations"]}
    assert "cup" in drawn and drawn & {"face", "person"}  # the second as the model that is here calls it
    assert [40, 50, 60, 70] in [row["bbox"] for row in book["annotations"]]


def test_a_refused_medium_is_nowhere(installation: Installation) -> None:
    """Consent to the typed answer alone: no camera or microphone is built, the session is one step long."""
    installation.start_agent(
        str(Path(__file__).parent / "short.yaml"), "--camera", "opencv:97", "--participant", "person"
    )
    page = until(lambda: session_page(installation.log()))

    with local_http.Client(headers={"X-Gleaner-Page": "1"}, follow_redirects=True) as browser:
        base = page.split("/?")[0]
        browser.get(page)

        def say(event: dict[str, Any]) -> None:
            reply = browser.post(f"{base}/api/events", json=event)
            assert reply.status_code < 300, reply.text

        def state() -> str:
            return str(browser.get(f"{base}/api/snapshot").json()["state"])

        say({"event": "consent", "granted": ["text"], "refused": ["video", "audio", "image"]})
        until(lambda: state() == "ready")
        say({"event": "start"})
        until(lambda: state() == "answering")
        say({"event": "answer", "text": "Tea \U0001f375"})
    facts = installation.finish_agent()
    assert (facts["takes"], facts["captures"], facts["lost"]) == (1, 1, 0)
    consent = next(entry["consent"] for entry in installation.journal() if "consent" in entry)
    assert consent["refused"] == ["video", "audio", "image"]
    (row,) = installation.rows("SELECT medium, id FROM capture")
    assert row["medium"] == "text"
    assert installation.get(f"/api/captures/{row['id']}/original").decode() == "Tea \U0001f375"
