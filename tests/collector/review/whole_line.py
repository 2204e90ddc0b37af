"""Takes sent by a device and worked on by people, over HTTP."""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.collector.running import DeviceClient
from tests.collector.samples import SampleTake, session_record


def send_takes(device: DeviceClient, session: str, takes: list[SampleTake]) -> None:
    for take in takes:
        for one in take.captures:
            device.send(one)
    record = session_record(device.id, takes, session)
    body = json.dumps(record.to_json())
    reply = device.call("PUT", f"/api/sessions/{session}", content=body)
    assert reply.status_code == 200, reply.text


def next_tasks(client: httpx.Client, count: int = 1, **more: Any) -> list[dict[str, Any]]:
    reply = client.post("/api/tasks/next", json={"client": "page", "count": count, **more})
    assert reply.status_code == 200, reply.text
    tasks: list[dict[str, Any]] = reply.json()["tasks"]
    return tasks


def submission(task: dict[str, Any], uuid: str) -> dict[str, Any]:
    """What the page sends when a person accepts everything."""
    labelled = [row["id"] for row in task["captures"] if row["role"] == "labelled"]
    labels = {name: [] for name in labelled}
    for row in task["prelabels"]:
        labels[row["capture"]] += row["labels"]
    person = {"kind": "person", "name": "me"}
    return {
        "fence": task["lease"]["fence"],
        "submit": uuid,
        "documents": [{"schema": 1, "capture": name, "source": person, "labels": labels[name]} for name in labelled],
        "opened_at": "2026-11-23T12:00:00.000000Z",
        "first_input_at": None,
        "activity": [],
    }
