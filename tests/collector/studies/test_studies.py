"""Plans, consent texts and studies, through a running collector."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from scripts import load
from tests.collector.running import Collector
from tests.collector.samples import session_record
from tests.support import local_http
from wire.canonical import document_hash
from wire.script import Plan


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    made = Collector(tmp_path, GLEANER_COLLECTOR_CONTROL_SHARE="0.2")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def plan() -> Plan:
    return load("kitchen-greeting")


@pytest.fixture
def lead(collector: Collector) -> Iterator[httpx.Client]:
    collector.ask("user-add", name="lin", role="lead")
    token = collector.ask("user-token", name="lin")["token"]
    headers = {"Authorization": f"Bearer {token}"}
    with local_http.Client(base_url=collector.url, headers=headers, timeout=30, trust_env=False) as client:
        yield client


def sent(collector: Collector, plan: Plan) -> str:
    key = document_hash(plan)
    reply = collector.device().call("PUT", f"/api/plans/{key}", json=plan.to_json())
    assert reply.status_code == 204, reply.text
    return key


def test_a_plan_and_its_consent_text_are_read_back_by_hash(
    collector: Collector, lead: httpx.Client, plan: Plan
) -> None:
    key = sent(collector, plan)
    assert sent(collector, plan) == key, "the same again, from another device"
    assert Plan.read(lead.get(f"/api/plans/{key}").content) == plan
    words = plan.consent.text
    found = lead.get(f"/api/consent-texts/{sha256(words.encode()).hexdigest()}").json()
    assert found["text"] == words
    # Another wording is another plan and another text; the first stays.
    other = plan.model_copy(update={"consent": plan.consent.model_copy(update={"text": words + " Danke."})})
    assert sent(collector, other) != key
    assert Plan.read(lead.get(f"/api/plans/{key}").content) == plan
    assert lead.get(f"/api/consent-texts/{sha256(other.consent.text.encode()).hexdigest()}").status_code == 200


def test_a_plan_under_another_hash_is_refused(collector: Collector, lead: httpx.Client, plan: Plan) -> None:
    device = collector.device()
    changed = plan.model_copy(update={"title": "Another title"})
    reply = device.call("PUT", f"/api/plans/{document_hash(plan)}", json=changed.to_json())
    assert (reply.status_code, reply.json()["code"]) == (422, "plan-mismatch")
    assert device.call("PUT", "/api/plans/none", json=plan.to_json()).status_code == 422
    for path, code in (("plans", "plan-unknown"), ("consent-texts", "consent-text-unknown")):
        unknown = lead.get(f"/api/{path}/{'0' * 64}")
        assert (unknown.status_code, unknown.json()["code"]) == (404, code)
    assert device.call("GET", f"/api/plans/{document_hash(plan)}").status_code in (401, 403)


def test_the_first_plan_or_session_makes_the_study(collector: Collector, lead: httpx.Client, plan: Plan) -> None:
    assert lead.get("/api/studies").json() == {"studies": [], "links_from": None}
    sent(collector, plan)
    device = collector.device()
    record = session_record(device.id, [])
    assert device.call("PUT", f"/api/sessions/{record.session}", json=record.to_json()).status_code == 200
    rows = {row["id"]: row["control_share"] for row in lead.get("/api/studies").json()["studies"]}
    assert rows == {plan.study: 0.2, record.study: 0.2}


def test_a_lead_and_a_command_set_the_share(collector: Collector, lead: httpx.Client, plan: Plan) -> None:
    sent(collector, plan)
    changed = lead.patch(f"/api/studies/{plan.study}", json={"control_share": 0.35})
    assert (changed.status_code, changed.json()["control_share"]) == (200, 0.35)
    sent(collector, plan)
    done = collector.run("study", "list")
    assert plan.study in done.stdout and "35%" in done.stdout
    done = collector.run("study", "set", plan.study, "--control-share", "0")
    assert done.returncode == 0 and f"{plan.study}: 0% of its new items get no pre-labels." in done.stdout
    assert lead.get("/api/studies").json()["studies"][0]["control_share"] == 0
    for wrong in ({"control_share": 1.5}, {"control_share": "0.1"}, {"control_share": None}, {}):
        assert lead.patch(f"/api/studies/{plan.study}", json=wrong).status_code == 422, wrong
    done = collector.run("study", "set", "garden", "--control-share", "0.1")
    assert done.returncode == 1 and "There is no study garden here." in " ".join(done.stderr.split())
    assert lead.patch("/api/studies/garden", json={"control_share": 0.1}).json()["code"] == "study-unknown"


def test_a_study_and_its_versions_are_shown(collector: Collector, lead: httpx.Client, plan: Plan) -> None:
    key = sent(collector, plan)
    other = plan.model_copy(update={"labels": plan.labels.model_copy(update={"boxes": ["spoon [big]"]})})
    sent(collector, other)
    found = lead.get(f"/api/studies/{plan.study}").json()
    newest, first = found["versions"]
    assert (newest["number"], newest["label_schema"]["boxes"]) == (2, ["spoon [big]"])
    assert (first["origin"], first["origin_id"], first["consent_text"]) == ("plan", key, plan.consent.text)
    for one in first["instructions"]:
        assert lead.get(f"/api/instructions/{one['sha256']}").json()["text"] == one["text"]
    assert lead.get(f"/api/consent-texts/{first['consent_text_sha256']}").json()["text"] == plan.consent.text
    assert lead.get("/api/studies/garden").json()["code"] == "study-unknown"
    assert collector.run("study", "show", plan.study, "--json").stdout.strip() == json.dumps(found)
    lines = collector.run("study", "show", plan.study).stdout
    assert "spoon [big]" in lines and first["sha256"][:12] in lines and newest["instructions"][0]["text"][:40] in lines
    lines = collector.run("study", "show", plan.study, "--version", "1").stdout
    assert "spoon [big]" not in lines and ", ".join(plan.labels.boxes)[:60] in lines
    assert collector.run("study", "show", plan.study, "--version", "3").returncode == 2
    assert collector.run("study", "show", "garden").returncode == 1
