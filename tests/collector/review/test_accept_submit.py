"""What a submit is compared with: the task as the person was shown it."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from collector.catalogue.prelabel_documents import PrelabelDocument, replace_document
from collector.review.accept_submit import Submission
from collector.review.shown_tasks import ShownTasks
from collector.services import services_of
from tests.collector.review.filled import box, document
from tests.support.databases import Engine, on_both
from tests.support.queue_site import Site

pytestmark = on_both


def replace_prelabels(site: Site, capture: str, labels: list[Any]) -> None:
    """A run at the collector finds other labels, while people are at work."""
    (row,) = site.filled.rows("SELECT * FROM labels_document WHERE capture_id = :id", id=capture)
    body = json.dumps({**json.loads(row.body), "labels": labels})
    named = (row.capture_id, row.name, row.source_kind, row.source_name, row.source_sha256)
    found = PrelabelDocument(*named, body, "b" * 64)
    site.filled.execute(
        "INSERT INTO prelabel_run (id, model, source, asked, captures, created_at)"
        " VALUES ('run', 'm', '{}', '{}', 1, '')"
    )
    site.filled.db.write_sync(lambda conn: replace_document(conn, found, shown=True, run="run"))


@pytest.mark.parametrize("restarted", [False, True])
def test_what_counts_is_what_the_person_saw(site: Site, restarted: bool) -> None:
    (task,) = site.next("ann")
    (capture,) = (row["id"] for row in task["captures"] if row["role"] == "labelled")
    seen = task["prelabels"][0]["labels"]
    replace_prelabels(site, capture, [box("other", x=100.0)])
    if restarted:  # or another process, where nobody has shown it
        services_of(site.app).get(ShownTasks).drop(task["id"], task["lease"]["fence"])
    (diff,) = site.submit("ann", task, seen).json()["diff"].values()
    assert [diff[name] for name in ("kept", "deleted", "added")] == [2, 0, 0]
    (shown,) = site.filled.rows("SELECT shown FROM revision")
    assert json.loads(shown.shown)[0]["sha256"] != "b" * 64
    # Whoever gets the task from now on sees the new ones.
    site.filled.execute("UPDATE task SET state = 'open', revision_id = NULL")
    (again,) = site.next("bob")
    assert [label["id"] for label in again["prelabels"][0]["labels"]] == ["other"]


def test_submits_of_one_lease_at_the_same_time_all_count_and_the_newest_is_the_truth(site: Site) -> None:
    (task,) = site.next("ann")
    (capture,) = (row["id"] for row in task["captures"] if row["role"] == "labelled")

    async def all_at_once() -> list[Any]:
        path, headers = f"/api/tasks/{task['id']}/submit", {"Authorization": f"Bearer {site.tokens['ann']}"}
        common = {"fence": task["lease"]["fence"], "opened_at": "2026-11-20T12:00:00.000000Z"}
        return await asyncio.gather(*(
            site._send(
                "POST", path, {**common, "submit": str(uuid4()), "documents": [document(capture, [box(x=x)])]}, headers
            )
            for x in (1.0, 2.0, 3.0, 4.0)
        ))  # fmt: skip

    replies = asyncio.run(all_at_once())
    assert [reply.status_code for reply in replies] == [200] * 4
    rows = site.filled.rows("SELECT id, number FROM revision ORDER BY number")
    assert [row.number for row in rows] == [1, 2, 3, 4]
    assert site.filled.tasks(id=task["id"])[0].revision_id == rows[-1].id
    assert len({reply.json()["revision"] for reply in replies}) == 4


def test_labels_that_are_refused_are_saved_all_the_same_when_they_come_too_late(site: Site) -> None:
    (task,) = site.next("ann")
    site.filled.execute(
        "UPDATE task SET lease_expires_at = '2026-01-01T00:00:00.000000Z' WHERE id = :id", id=task["id"]
    )
    site.next("bob")
    late = site.submit("ann", task, [box(label="no such word")])
    assert (late.status_code, late.json()["code"]) == (409, "lease-lost")
    (draft,) = site.filled.rows("SELECT documents, why FROM draft")
    assert draft.why == "lease-lost" and "no such word" in draft.documents
    never = site.submit("lea", task, [box(label="no such word")])
    assert (never.status_code, never.json()["code"]) == (403, "task-not-yours")


def test_a_long_submit_is_checked_in_a_thread(site: Site, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[bool] = []
    check = Submission._save

    def note(self: Submission, *arguments: Any, **more: Any) -> Any:
        ran.append(_is_on_a_loop())
        return check(self, *arguments, **more)

    monkeypatch.setattr(Submission, "_save", note)
    first, second = site.next("ann", count=2)
    assert site.submit("ann", first, [box(f"b{number}", x=1.0 + number) for number in range(60)]).status_code == 200
    assert ran == [False]
    (third,) = site.next("bob")
    assert site.submit("bob", third, []).status_code == 200 and second["id"] != third["id"]
    # A server of a database is asked from the loop only where it answers soon enough.
    assert ran == [False, True] or engine == "postgresql"


def _is_on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
