"""Accounts in the hands of a lead, in a running service: everything counts at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.collector.review.filled import Filled
from tests.collector.running import Collector
from tests.support import local_http

PAGE = {"X-Gleaner-Page": "1"}


def signed_in(collector: Collector, link: str) -> httpx.Client:
    page = local_http.Client(base_url=collector.url, headers=PAGE)
    assert page.post("/api/enter", json={"code": link.rsplit("/", 1)[1]}).status_code == 200
    return page


@pytest.fixture
def with_item(tmp_path: Path) -> Iterator[Collector]:
    """A service with one item in its queue."""
    filled = Filled(tmp_path / "data")
    filled.make(filled.take("step-1", "answer", {"text": b"yes"}, ["text"])["take"])
    filled.db.close()
    running = Collector(tmp_path)
    running.start()
    yield running
    running.stop()


def test_a_disabled_person_is_out_at_once_and_what_they_held_goes_to_others(with_item: Collector) -> None:
    ann = with_item.person("ann", "annotator")
    (task,) = ann.post("/api/tasks/next", json={"client": "page", "count": 1}).json()["tasks"]
    (capture,) = [row["id"] for row in task["captures"]]
    person = {"kind": "person", "name": "ann"}
    body = {
        "fence": task["lease"]["fence"],
        "documents": [{"schema": 1, "capture": capture, "source": person, "labels": []}],
    }
    assert ann.put(f"/api/tasks/{task['id']}/draft", json=body).status_code == 200
    page = signed_in(with_item, with_item.ask("user-link", name="ann")["url"])
    lead = with_item.person("lea", "lead")
    assert (ann.get("/api/me").status_code, page.get("/api/me").status_code) == (200, 200)
    assert lead.post("/api/users/ann/disable").json() == {"name": "ann", "released": 1}
    assert (ann.get("/api/me").status_code, page.get("/api/me").status_code) == (401, 401)
    assert lead.post("/api/users/ann/disable").json() == {"name": "ann", "released": 0}
    bob = with_item.person("bob", "annotator")
    given = bob.post("/api/tasks/next", json={"client": "page", "count": 1}).json()["tasks"]
    assert [row["id"] for row in given] == [task["id"]]
    drafts = lead.get(f"/api/tasks/{task['id']}/drafts").json()["drafts"]
    assert [(row["person"], row["documents"][0]["capture"]) for row in drafts] == [("ann", capture)]
    rows = {row["name"]: row for row in lead.get("/api/users").json()["users"]}
    assert rows["ann"]["disabled_at"] and rows["lea"]["disabled_at"] is None
    assert lead.get("/api/users/ann/tokens").json() == {"tokens": []}
    assert lead.post("/api/users/ann/enable").status_code == 204
    assert ann.get("/api/me").status_code == 401, "old tokens stay ended"
    signed_in(with_item, with_item.ask("user-link", name="ann")["url"])


def test_commands_do_the_same(fresh: Collector) -> None:
    lead, ann = fresh.person("lea", "lead"), fresh.person("ann", "annotator")
    made = json.loads(fresh.run("user", "token", "ann", "--days", "30", "--json").stdout)
    other = local_http.Client(base_url=fresh.url, headers={"Authorization": f"Bearer {made['token']}"})
    assert other.get("/api/me").status_code == 200
    rows = json.loads(fresh.run("user", "tokens", "ann", "--json").stdout)["tokens"]
    (ending,) = [row["id"] for row in rows if row["expires_at"]]
    assert fresh.run("user", "revoke-token", "ann", ending).stdout == f"{ending} of ann opens nothing any more.\n"
    assert (other.get("/api/me").status_code, ann.get("/api/me").status_code) == (401, 200)
    assert ending not in fresh.run("user", "tokens", "ann").stdout
    assert fresh.run("user", "disable", "ann").stdout == "ann cannot sign in any more. Items released: 0.\n"
    assert ann.get("/api/me").status_code == 401
    assert "ann annotator (disabled)" in " ".join(fresh.run("user", "list").stdout.split())
    refused = fresh.run("user", "disable", "lea")
    assert refused.returncode == 1 and "lea is the only lead." in refused.stderr
    assert fresh.run("user", "enable", "ann").returncode == 0
    assert lead.get("/api/me").status_code == 200
    assert fresh.run("user", "token", "ann", "--days", "0").returncode == 2


def test_leads_of_every_study_alone_have_the_routes(collector: Collector) -> None:
    annotator, lead = collector.person("amy", "annotator"), collector.person("lou", "lead")
    routes = (
        ("GET", "/api/users"),
        ("POST", "/api/users/amy/disable"),
        ("POST", "/api/users/amy/enable"),
        ("GET", "/api/users/amy/tokens"),
        ("POST", "/api/users/amy/tokens/0123/revoke"),
    )
    for client, answer in ((annotator, 403), (local_http.Client(base_url=collector.url), 401)):
        assert {client.request(method, path).status_code for method, path in routes} == {answer}
    unknown = lead.post("/api/users/amy/tokens/0123/revoke")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "token-unknown")
    assert lead.post("/api/users/nobody/disable").json()["code"] == "person-unknown"


def test_people_see_and_end_their_own_sessions(collector: Collector) -> None:
    here = signed_in(collector, collector.new_link("max"))
    links = [collector.ask("user-link", name="max")["url"] for _ in range(2)]
    there, elsewhere = (signed_in(collector, link) for link in links)
    rows = here.get("/api/me/tokens").json()["tokens"]
    assert sorted(row["current"] for row in rows) == [False, False, True]
    (own,) = [row["id"] for row in there.get("/api/me/tokens").json()["tokens"] if row["current"]]
    assert here.post(f"/api/me/tokens/{own}/revoke").status_code == 204
    assert (there.get("/api/me").status_code, elsewhere.get("/api/me").status_code) == (401, 200)
    assert here.post("/api/me/leave-others").json() == {"ended": 1}
    assert (elsewhere.get("/api/me").status_code, here.get("/api/me").status_code) == (401, 200)
    other = collector.person("mia", "annotator")
    assert other.post(f"/api/me/tokens/{own}/revoke").json()["code"] == "token-unknown"
