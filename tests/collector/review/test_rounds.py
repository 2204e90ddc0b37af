"""Several independent answers to one question."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from collector.exports.truth import item_ids, items
from collector.prelabels.reviewed_rows import Asked, ReviewedRows
from collector.review import queue
from collector.review.problems import NoSuchTask
from collector.review.rounds import MAX_ROUNDS, RoundRefused, add_round
from tests.collector.review.filled import Filled, box
from tests.support.databases import on_both
from tests.support.queue_desk import NOW, TYPES, Desk
from tests.support.queue_site import Site

pytestmark = on_both


@pytest.fixture
def site(filled: Filled, at_noon: None) -> Site:
    made = Site(filled)
    for name, role in (("ann", "annotator"), ("bob", "annotator"), ("lea", "lead")):
        made.add(name, role)
    ids = filled.take("show", "show", {"image": b"jpeg"}, ["boxes"], prelabels={"image": [[box("b1", score=0.5)]]})
    filled.make(ids["take"])
    return made


def test_a_second_person_answers_without_seeing_the_first(site: Site) -> None:
    (first,) = site.next("ann")
    assert site.submit("ann", first, [box("b1", x=1.0)]).status_code == 200
    reply = site.call("lea", "POST", f"/api/tasks/{first['id']}/again")
    assert reply.status_code == 201 and reply.json()["round"] == 2
    assert site.next("ann") == [], "not to whoever has answered it"
    (second,) = site.next("bob")
    assert second["id"] == reply.json()["task"] != first["id"]
    assert (second["revision"], second["draft"]) == (None, None)
    same = ("take", "type", "prompt", "classes", "prelabels", "captures", "instructions")
    assert [second[name] for name in same] == [first[name] for name in same]
    assert site.submit("bob", second, [box("b1", x=2.0)]).status_code == 200
    for name, task, x in (("ann", first, 1.0), ("bob", second, 2.0)):
        (revision,) = site.call(name, "GET", f"/api/tasks/{task['id']}/revisions").json()["revisions"]
        assert revision["documents"][0]["labels"][0]["x"] == x
    assert site.call("bob", "GET", f"/api/tasks/{first['id']}").status_code == 403
    rows = site.call("lea", "GET", "/api/tasks").json()["tasks"]
    assert sorted(row["round"] for row in rows) == [1, 2]


def test_only_a_lead_asks_again_and_only_what_is_finished(site: Site) -> None:
    (task,) = site.next("ann")
    again = f"/api/tasks/{task['id']}/again"
    assert site.call("ann", "POST", again).status_code == 403
    refused = site.call("lea", "POST", again)
    assert (refused.status_code, refused.json()["code"]) == (409, "round-refused")
    assert site.call("lea", "POST", "/api/tasks/task-none/again").status_code == 404
    assert site.submit("ann", task, []).status_code == 200
    for number in range(2, MAX_ROUNDS + 1):
        assert site.call("lea", "POST", again).json()["round"] == number
    assert "10 rounds already" in site.call("lea", "POST", again).json()["title"]


def test_an_expired_round_does_not_come_to_who_had_another_one(filled: Filled) -> None:
    desk = Desk(filled, 1)
    (mine,) = desk.next(desk.ann)
    desk.submit(desk.ann, mine.task, mine.fence, "11111111-1111-4111-8111-111111111111")
    again, _ = desk.write(lambda conn: add_round(conn, mine.task, NOW))
    (theirs,) = desk.next(desk.bob)
    late = NOW + timedelta(minutes=30)
    assert theirs.task == again and desk.next(desk.ann, "other page", now=late) == []
    cleo = filled.person("cleo")
    (third,) = desk.write(lambda conn: queue.take_next(conn, cleo, "page", [], TYPES, [0.5], late))
    assert third.task == again


def test_exports_and_reports_count_the_question_once(filled: Filled) -> None:
    ann, bob = filled.person("ann"), filled.person("bob")
    ids = filled.take("show", "show", {"image": b"jpeg"}, ["boxes"], prelabels={"image": [[box("b1", score=0.5)]]})
    filled.make(ids["take"])
    task = filled.tasks()[0].id
    filled.submit(ann, task, {ids["image"]: [box("b1")]})
    again, _ = filled.db.write_sync(lambda conn: add_round(conn, task, datetime.now(UTC)))
    filled.submit(bob, again, {ids["image"]: []})
    assert [item.round for item in items(filled.db, item_ids(filled.db))] == [1, 2]
    assert [item.round for item in items(filled.db, item_ids(filled.db, all_rounds=False))] == [1]
    assert len(ReviewedRows(filled.db, filled.blobs).selected(Asked())) == 1


def test_a_missing_task_is_no_round(filled: Filled) -> None:
    with pytest.raises(NoSuchTask):
        filled.db.write_sync(lambda conn: add_round(conn, "task-none", NOW))
    assert RoundRefused("x").problem()["status"] == 409
