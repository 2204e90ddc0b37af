"""From a device's uploads to ground truth, against a real collector process: tasks, review, report, export."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.collector.review.whole_line import next_tasks, send_takes, submission
from tests.collector.running import Collector
from tests.collector.samples import SampleTake, sample
from tests.support.waiting import until


def test_from_upload_to_export(fresh: Collector, tmp_path: Path) -> None:
    device = fresh.device()
    session, lead, ann = "ses-line", fresh.person("lea", "lead"), fresh.person("ann", "annotator")

    def one(medium: Any, take: str) -> Any:
        return sample(medium, device.id, take, session, step=f"step-{take}")

    takes = [
        SampleTake(
            "take-say", "step-take-say", [one("video", "take-say"), one("audio", "take-say")], ["speech", "tracks"]
        ),
        SampleTake("take-show", "step-take-show", [one("image", "take-show")], ["boxes"], kind="show"),
        SampleTake("take-ask", "step-take-ask", [one("text", "take-ask")], ["text"], kind="answer"),
    ]
    send_takes(device, session, takes)
    rows = until(lambda: found if len(found := lead.get("/api/tasks").json()["tasks"]) == 4 else None)
    assert Counter(row["type"] for row in rows) == {"speech": 1, "tracks": 1, "boxes": 1, "text": 1}

    tasks = next_tasks(ann, count=5)
    assert len(tasks) == 4
    for task in tasks:
        for capture in task["captures"]:
            for url in (capture["media_url"], capture["frames_url"], capture["peaks_url"]):
                assert url is None or ann.get(url).status_code == 200
        body = submission(task, str(uuid4()))
        first = ann.post(f"/api/tasks/{task['id']}/submit", json=body)
        assert first.status_code == 200, first.text
        assert ann.post(f"/api/tasks/{task['id']}/submit", json=body).json() == first.json()
        kept = sum(diff["kept"] for diff in first.json()["diff"].values())
        assert kept == sum(len(row["labels"]) for row in task["prelabels"])

    report = json.loads(fresh.run("report", "today", "--json").stdout)
    assert (report["captures"], report["tasks"]) == (4, {"done": 4, "open": 0, "skipped": 0})
    assert report["people"][0]["name"] == "ann" and report["people"][0]["done"] == 4
    assert lead.get("/api/reports/today").json() == report
    assert ann.get("/api/reports/today").status_code == 403

    lines = fresh.run("export", "--format", "jsonl", "--with-prelabels", "--to", str(tmp_path / "lines"))
    assert lines.returncode == 0, lines.stderr
    assert len((tmp_path / "lines" / "labels.jsonl").read_text().splitlines()) == 4
    assert len(list((tmp_path / "lines" / "media").iterdir())) == 5  # four media and a frame table
    coco = fresh.run("export", "--format", "coco", "--to", str(tmp_path / "coco"), "--json")
    summary = json.loads(coco.stdout.splitlines()[-1])
    assert (summary["images"], summary["documents"]) == (2, 2)
    again = fresh.run("export", "--to", str(tmp_path / "coco"))
    assert again.returncode == 2 and "not empty" in again.stderr and "Traceback" not in again.stderr


def test_people_at_the_same_time_and_a_kill(fresh: Collector) -> None:
    device, session = fresh.device(), "ses-many"
    takes = [
        SampleTake(f"take-{n}", "step-1", [sample("text", device.id, f"take-{n}", session)], ["text"], kind="answer")
        for n in range(24)
    ]
    send_takes(device, session, takes)
    people = [fresh.person(f"person-{n}", "annotator") for n in range(6)]
    lead = fresh.person("lea", "lead")
    until(lambda: len(lead.get("/api/tasks").json()["tasks"]) == 24)
    issued: Counter[str] = Counter()
    lock = threading.Lock()
    held: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}

    def work(number: int) -> None:
        for _ in range(3):
            for task in next_tasks(people[number]):
                with lock:
                    issued[task["id"]] += 1
                body = submission(task, str(uuid4()))
                held[number] = (task, body)
                assert people[number].post(f"/api/tasks/{task['id']}/submit", json=body).status_code == 200

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(people))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(issued) == 18 and set(issued.values()) == {1}

    fresh.kill()
    fresh.start()
    assert len(lead.get("/api/tasks?state=done").json()["tasks"]) == 18
    for number, (task, body) in held.items():
        again = people[number].post(f"/api/tasks/{task['id']}/submit", json=body)
        assert again.status_code == 200, again.text
        revisions = people[number].get(f"/api/tasks/{task['id']}/revisions").json()["revisions"]
        assert [row["id"] for row in revisions] == [again.json()["revision"]]
