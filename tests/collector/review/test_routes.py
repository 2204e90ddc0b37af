"""The queue over HTTP, in this process: every route, what it refuses, and what it keeps."""

from __future__ import annotations

from uuid import uuid4

import pytest

from collector.review import queue
from tests.collector.review.filled import TIMES, box, document, interval, track
from tests.support.queue_site import Site


def test_next_gives_what_the_page_needs(site: Site) -> None:
    reply = site.call("ann", "POST", "/api/tasks/next", {"client": "page-1", "have": [], "count": 2})
    body = reply.json()
    first, second = body["tasks"]
    assert body["progress"] == {"done_today": 0, "open": 3, "per_minute": 0.0}
    assert (first["type"], first["state"], first["lease"]["fence"]) == ("boxes", "leased", 1)
    assert first["lease"]["expires_at"] > body["now"]
    assert [label["id"] for row in first["prelabels"] for label in row["labels"]] == ["b1", "b2"]
    assert first["classes"] == ["cup", "plate"] and first["instructions"]["version"] == 2
    assert [row["role"] for row in second["captures"]] == ["labelled", "beside"]
    assert second["captures"][0]["frames_url"] == f"/api/captures/{second['captures'][0]['id']}/frames"
    assert [task["id"] for task in site.next("ann", count=2)] == [first["id"], second["id"]]
    assert site.next("bob", count=5)[0]["type"] == "speech"
    assert site.next("bob", client="page-2", types=["boxes"]) == []


def test_submit_is_a_revision_with_its_diff(site: Site) -> None:
    (task,) = site.next("ann")
    reply = site.submit("ann", task, [box(x=12.0), box("new", "plate", x=80.0)])
    body = reply.json()
    assert reply.status_code == 200, reply.text
    (diff,) = body["diff"].values()
    assert [diff[name] for name in ("kept", "moved", "deleted", "added")] == [0, 1, 1, 1]
    assert body["progress"]["done_today"] == 1 and body["progress"]["open"] == 2
    (revision,) = site.call("lea", "GET", f"/api/tasks/{task['id']}/revisions").json()["revisions"]
    assert (revision["id"], revision["number"], revision["reviewer"]) == (body["revision"], 1, "ann")
    assert revision["documents"][0]["source"]["name"] == "ann"
    assert revision["first_input_at"] == "2026-11-20T12:00:01.000000Z"
    assert (revision["script_sha256"], revision["instruction_version"]) == ("c" * 64, 2)
    assert revision["diff"] == body["diff"] and revision["active_ms"] >= 0
    view = site.call("ann", "GET", f"/api/tasks/{task['id']}").json()
    assert (view["state"], view["lease"], view["revision"]["id"]) == ("done", None, body["revision"])


def test_the_same_submit_again_is_the_same_answer(site: Site) -> None:
    (task,) = site.next("ann")
    uuid = str(uuid4())
    first = site.submit("ann", task, [], uuid)
    assert site.submit("ann", task, [box()], uuid).json() == first.json()
    assert len(site.filled.rows("SELECT id FROM revision")) == 1
    (other,) = site.next("ann")
    reused = site.submit("ann", other, [], uuid)
    assert (reused.status_code, reused.json()["code"]) == (409, "submit-reused")


def test_a_submit_brings_the_next_tasks_along(site: Site) -> None:
    (task,) = site.next("ann")
    asked = {"client": "page-1", "count": 1}
    reply = site.submit("ann", task, [], uuid := str(uuid4()), {"next": asked}).json()
    (given,) = reply["next"]["tasks"]
    assert (given["type"], given["state"], given["lease"]["fence"]) == ("tracks", "leased", 1)
    assert reply["next"]["progress"] == reply["progress"] and reply["next"]["now"] >= reply["now"]
    # The answer was lost: the same one comes again, with what the page holds and does not have.
    again = site.submit("ann", task, [], uuid, {"next": asked}).json()
    assert again["next"]["tasks"][0]["id"] == given["id"] and again["next"]["tasks"][0]["lease"]["fence"] == 1
    assert {**again, "next": None} == {**reply, "next": None}
    # It has that one now, and the one after it; then there is nothing left.
    have = {**asked, "have": [given["id"]]}
    last = site.submit("ann", task, [], uuid, {"next": have}).json()["next"]["tasks"][0]
    assert last["type"] == "speech"
    assert site.submit("ann", given, [], None, {"next": {**asked, "have": [last["id"]]}}).json()["next"]["tasks"] == []
    # Who does not ask is not answered.
    assert "next" not in site.submit("ann", last, []).json()


def test_a_submit_stands_where_nothing_more_can_be_held(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    (task,) = site.next("ann")
    site.next("ann", client="page-2")
    monkeypatch.setattr(queue, "MAX_LEASES", 1)
    reply = site.submit("ann", task, [], None, {"next": {"client": "page-3"}})
    assert reply.status_code == 200 and reply.json().get("next") is None
    assert len(site.filled.rows("SELECT id FROM revision")) == 1


def test_a_submit_that_is_refused_leases_nothing(site: Site) -> None:
    (task,) = site.next("ann")
    wrong = {**task, "lease": {"fence": 7}}
    refused = site.submit("ann", wrong, [], None, {"next": {"client": "page-1", "have": [task["id"]]}})
    assert (refused.status_code, refused.json()["code"]) == (409, "lease-lost")
    held = site.filled.rows("SELECT id FROM task WHERE state = 'leased'")
    assert [row.id for row in held] == [task["id"]]
    unreadable = site.submit("ann", task, [], None, {"next": {"client": "page-1", "count": 99}})
    assert unreadable.status_code == 422


def test_a_lost_lease_keeps_the_work_as_a_draft(site: Site) -> None:
    (task,) = site.next("ann")
    site.filled.execute(
        "UPDATE task SET lease_expires_at = '2026-01-01T00:00:00.000000Z' WHERE id = :id", id=task["id"]
    )
    (theirs,) = site.next("bob")
    assert theirs["id"] == task["id"] and theirs["draft"] is None
    body = {"fence": 1, "documents": [document(task["captures"][0]["id"], [box(x=77.0)])]}
    for reply in (
        site.submit("ann", task, [box(x=77.0)]),
        site.call("ann", "PUT", f"/api/tasks/{task['id']}/draft", body),
    ):
        problem = reply.json()
        assert (reply.status_code, problem["code"]) == (409, "lease-lost")
        assert problem["task"] == {"id": task["id"], "state": "leased", "holder": "bob"}
        assert "saved as a draft" in problem["hint"]
    assert site.submit("bob", theirs, []).status_code == 200
    view = site.call("ann", "GET", f"/api/tasks/{task['id']}").json()
    assert view["draft"]["why"] == "lease-lost" and view["draft"]["documents"][0]["labels"][0]["x"] == 77.0


def test_renew_draft_return_skip(site: Site) -> None:
    (task,) = site.next("ann")
    path, fence = f"/api/tasks/{task['id']}", {"fence": task["lease"]["fence"]}
    renewed = site.call("ann", "POST", f"{path}/renew", fence).json()
    assert renewed["lease"]["fence"] == 1 and renewed["lease"]["expires_at"] >= task["lease"]["expires_at"]
    body = {**fence, "documents": [document(task["captures"][0]["id"], [box(x=5.0)])]}
    saved = site.call("ann", "PUT", f"{path}/draft", body).json()
    assert saved["saved_at"]
    (again,) = site.next("ann")
    assert again["draft"]["documents"][0]["labels"][0]["x"] == 5.0 and again["draft"]["saved_at"] == saved["saved_at"]
    assert site.call("bob", "POST", f"{path}/renew", fence).json()["code"] == "task-not-yours"
    assert site.call("ann", "POST", f"{path}/return", fence).status_code == 200
    assert site.filled.tasks(id=task["id"])[0].state == "open"
    (back,) = site.next("bob")
    assert back["id"] == task["id"]
    assert site.call("ann", "POST", f"{path}/renew", fence).json()["code"] == "lease-lost"
    skipped = site.call("bob", "POST", f"{path}/skip", {"fence": 2, "reason": "too dark"})
    assert skipped.status_code == 200
    assert site.filled.rows("SELECT reason FROM skip WHERE kind = 'skipped'")[0].reason == "too dark"
    assert site.filled.tasks(id=task["id"])[0].state == "skipped"


def test_back_opens_ones_own_submit(site: Site) -> None:
    (task,) = site.next("ann")
    site.submit("ann", task, [box(x=1.0)])
    path = f"/api/tasks/{task['id']}/reopen"
    assert site.call("bob", "POST", path, {"client": "page-1"}).json()["code"] == "task-not-yours"
    again = site.call("ann", "POST", path, {"client": "page-1"}).json()
    assert again["lease"]["fence"] == 2 and again["revision"]["documents"][0]["labels"][0]["x"] == 1.0
    assert site.submit("ann", again, []).status_code == 200
    assert len(site.call("ann", "GET", f"/api/tasks/{task['id']}/revisions").json()["revisions"]) == 2
    assert site.call("bob", "GET", f"/api/tasks/{task['id']}/revisions").status_code == 403


def test_labels_are_checked_against_the_recording(site: Site) -> None:
    tasks = {task["type"]: task for task in site.next("ann", count=3)}
    late = track(frames=(1, 5))
    late["keyframes"][1]["start_us"] += 1
    reply = site.submit("ann", tasks["tracks"], [late])
    problem = reply.json()
    assert (reply.status_code, problem["code"], problem["label"]) == (422, "labels-refused", "t1")
    assert str(TIMES[5]) in problem["title"]
    assert site.submit("ann", tasks["tracks"], [track(frames=(1, 3, 5))]).status_code == 200
    assert site.submit("ann", tasks["speech"], [interval(end_us=10**9)]).json()["code"] == "labels-refused"
    assert site.submit("ann", tasks["boxes"], [interval()]).json()["code"] == "labels-refused"


def test_what_is_no_request_is_one_sentence(site: Site) -> None:
    for body in ({}, {"client": "a b"}, {"client": "p", "count": 6}, {"client": "p", "more": 1}):
        reply = site.call("ann", "POST", "/api/tasks/next", body)
        assert (reply.status_code, reply.json()["code"]) == (422, "request-invalid")
    assert site.call("ann", "GET", "/api/tasks/task-none").json()["code"] == "task-unknown"
    for verb in ("renew", "return"):
        reply = site.call("ann", "POST", f"/api/tasks/task-none/{verb}", {"fence": 1})
        assert (reply.status_code, reply.json()["code"]) == (404, "task-unknown")
    (task,) = site.next("ann")
    assert site.submit("ann", task, [{**box(), "x": "left"}]).json()["code"] == "request-invalid"


def test_who_may(site: Site) -> None:
    assert site.call("", "POST", "/api/tasks/next", {"client": "p"}).status_code == 401
    assert site.call("ann", "GET", "/api/tasks").status_code == 403
    (task,) = site.next("ann")
    rows = site.call("lea", "GET", "/api/tasks?state=leased").json()["tasks"]
    assert [(row["id"], row["holder"]) for row in rows] == [(task["id"], "ann")]
    assert len(site.call("lea", "GET", "/api/tasks?state=open&type=speech").json()["tasks"]) == 1
    assert len(site.call("lea", "GET", "/api/tasks").json()["tasks"]) == 3
    assert site.call("lea", "GET", "/api/tasks?state=odd").status_code == 422


def test_a_task_shows_others_nothing_of_who_worked_on_it(site: Site) -> None:
    (task,) = site.next("ann")
    path = f"/api/tasks/{task['id']}"
    assert site.submit("ann", task, [box(x=31.5)]).status_code == 200
    body = {"fence": 1, "documents": []}
    for refused in (
        site.call("bob", "GET", path),
        site.call("bob", "GET", f"{path}/revisions"),
        site.call("bob", "PUT", f"{path}/draft", body),
        site.call("bob", "POST", f"{path}/return", {"fence": 1}),
        site.submit("bob", task, []),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "task-not-yours")
        assert "ann" not in refused.text.replace("annotator", "")
    assert site.call("ann", "GET", path).json()["revision"]["reviewer"] == "ann"
    assert site.call("lea", "GET", path).json()["revision"]["documents"][0]["labels"][0]["x"] == 31.5
    # A lead corrects it: the first annotator still sees the task, and not whose labels count now.
    again = site.call("lea", "POST", f"{path}/reopen", {"client": "page-9"}).json()
    assert site.submit("lea", again, [box(x=2.0)]).status_code == 200
    assert site.call("ann", "GET", path).json()["revision"] is None
    assert site.call("lea", "GET", path).json()["revision"]["reviewer"] == "lea"


def test_signs_of_life_are_counted(site: Site) -> None:
    (task,) = site.next("ann")
    sign = {"task": task["id"], "fence": 1, "visible": True, "playing": False, "input": True}
    assert site.call("ann", "POST", "/api/activity", sign).status_code == 204
    assert site.call("bob", "POST", "/api/activity", sign).json()["code"] == "task-not-yours"
    assert site.call("ann", "POST", "/api/activity", sign | {"fence": 9}).json()["code"] == "lease-lost"
    assert len(site.filled.rows("SELECT id FROM activity")) == 1
    site.filled.execute("UPDATE task SET leased_at = '2026-01-01T00:00:00.000000Z'")
    site.filled.execute("UPDATE activity SET at = '2026-11-20T12:00:05.000000Z'")
    assert site.submit("ann", task, []).status_code == 200
    # Opened at 12:00:00, input at :05; then silence, of which 30 seconds count.
    assert site.filled.rows("SELECT active_ms FROM revision")[0].active_ms == 35_000


def test_every_route_names_its_answer(site: Site) -> None:
    paths = site.app.openapi()["paths"]
    for path, verbs in paths.items():
        for verb, facts in verbs.items():
            good = [facts["responses"][code] for code in ("200", "201", "204") if code in facts["responses"]]
            assert good and ((verb == "post" and path == "/api/activity") or "content" in good[0]), (verb, path)


def test_a_lead_sees_what_was_set_aside(site: Site) -> None:
    first, second = site.next("ann", count=2)
    body = {"fence": first["lease"]["fence"], "reason": "too dark"}
    assert site.call("ann", "POST", f"/api/tasks/{first['id']}/skip", body).status_code == 200
    site.filled.execute("UPDATE task SET lease_expires_at = '2020-01-01T00:00:00.000000Z' WHERE state = 'leased'")
    (taken,) = site.next("bob")
    assert taken["id"] == second["id"]
    assert site.submit("ann", second, [track("t9")]).status_code == 409
    told = site.call("lea", "GET", "/api/set-aside").json()
    (skipped,), (late,) = told["skipped"], told["late"]
    assert (skipped["task"], skipped["person"], skipped["reason"]) == (first["id"], "ann", "too dark")
    assert (late["task"], late["person"], late["state"], late["labels"]) == (second["id"], "ann", "leased", 1)
    (draft,) = site.call("lea", "GET", f"/api/tasks/{second['id']}/drafts").json()["drafts"]
    assert draft["person"] == "ann" and draft["documents"][0]["labels"][0]["id"] == "t9"
    for path in ("/api/set-aside", f"/api/tasks/{second['id']}/drafts"):
        assert site.call("ann", "GET", path).status_code == 403
    assert site.call("lea", "GET", "/api/tasks/task-none/drafts").status_code == 404
    # What a lead has submitted since is done with.
    assert site.submit("bob", taken, [track()]).status_code == 200
    assert len(site.call("lea", "GET", "/api/set-aside").json()["late"]) == 1
    for item in (first["id"], second["id"]):
        again = site.call("lea", "POST", f"/api/tasks/{item}/reopen", {"client": "page-9"}).json()
        assert site.submit("lea", again, [] if item == first["id"] else [track()]).status_code == 200
    assert site.call("lea", "GET", "/api/set-aside").json() == {"skipped": [], "late": []}
