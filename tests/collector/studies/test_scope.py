"""A person who is limited to one study gets nothing of another one, from any route: ids, words, counts, media, writes.

Every route of the OpenAPI document that takes a person's token is in one of the tables below, and a new one that is not
fails a test.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from collector.app import create_app
from collector.settings import Settings
from tests.collector.studies.two_studies import HIDDEN, PEOPLE, SEEN, StudyIds, TwoStudies
from tests.support.routes import policies

METHODS = ("get", "put", "post", "delete", "patch")


Path_ = Callable[[StudyIds, str], str]
Body = Callable[[StudyIds, str], Any]


def about(path: str) -> Path_:
    """A path with the ids of a study; `{task}` is one that the asking person holds."""
    return lambda ids, who: path.format_map({**ids.values, "study": ids.study, "task": ids.values[f"task-{who}"]})


def body(**members: Any) -> Body:
    return lambda ids, who: {name: member(ids, who) if callable(member) else member for name, member in members.items()}


def nothing(_ids: StudyIds, _who: str) -> None:
    return None


def documents(ids: StudyIds, who: str) -> list[dict[str, Any]]:
    capture = ids.values[f"image-{who}"]
    return [{"schema": 1, "capture": capture, "source": {"kind": "person", "name": who}, "labels": []}]


FENCE = {"fence": 1}
# Routes that name a thing: path, body, and the code of the answer when it is not there.
NAMED: dict[str, tuple[Path_, Body, str]] = {
    "GET /api/tasks/{task}": (about("/api/tasks/{task}"), nothing, "task-unknown"),
    "GET /api/tasks/{task}/drafts": (about("/api/tasks/{task}/drafts"), nothing, "task-unknown"),
    "GET /api/tasks/{task}/history": (about("/api/tasks/{task}/history"), nothing, "task-unknown"),
    "GET /api/tasks/{task}/revisions": (about("/api/tasks/{task}/revisions"), nothing, "task-unknown"),
    "POST /api/activity": (
        about("/api/activity"),
        body(task=lambda ids, who: ids.values[f"task-{who}"], fence=1, visible=True, playing=False, input=True),
        "task-unknown",
    ),
    "POST /api/tasks/{task}/renew": (about("/api/tasks/{task}/renew"), body(**FENCE), "task-unknown"),
    "PUT /api/tasks/{task}/draft": (
        about("/api/tasks/{task}/draft"), body(**FENCE, documents=documents), "task-unknown",
    ),
    "POST /api/tasks/{task}/submit": (
        about("/api/tasks/{task}/submit"),
        body(
            **FENCE,
            submit="6a204bd8-9f3b-4f5c-8a36-2f5f4d1f0c11",
            documents=documents,
            opened_at="2026-11-20T12:00:00.000000Z",
        ),
        "task-unknown",
    ),
    "POST /api/tasks/{task}/skip": (about("/api/tasks/{task}/skip"), body(**FENCE, reason="dark"), "task-unknown"),
    "POST /api/tasks/{task}/return": (about("/api/tasks/{task}/return"), body(**FENCE), "task-unknown"),
    "POST /api/tasks/{task}/reopen": (about("/api/tasks/{task}/reopen"), body(client="page-2"), "task-unknown"),
    "POST /api/tasks/{task}/again": (about("/api/tasks/{done}/again"), nothing, "task-unknown"),
    "GET /api/instructions/{sha256}": (about("/api/instructions/{instruction}"), nothing, "instruction-unknown"),
    "GET /api/captures/{capture}": (about("/api/captures/{video}"), nothing, "capture-unknown"),
    "GET /api/captures/{capture}/labels": (about("/api/captures/{video}/labels"), nothing, "capture-unknown"),
    "GET /api/captures/{capture}/frames": (about("/api/captures/{video}/frames"), nothing, "capture-unknown"),
    "GET /api/captures/{capture}/redaction": (about("/api/captures/{video}/redaction"), nothing, "capture-unknown"),
    "GET /api/captures/{capture}/peaks": (about("/api/captures/{video}/peaks"), nothing, "capture-unknown"),
    "GET /api/captures/{capture}/media": (about("/api/captures/{video}/media"), nothing, "capture-unknown"),
    "GET /api/captures/{capture}/original": (about("/api/captures/{video}/original"), nothing, "capture-unknown"),
    "GET /api/sessions/{session}": (about("/api/sessions/{session}"), nothing, "session-unknown"),
    "GET /api/plans/{sha256}": (about("/api/plans/{plan}"), nothing, "plan-unknown"),
    "GET /api/consent-texts/{sha256}": (about("/api/consent-texts/{consent}"), nothing, "consent-text-unknown"),
    "GET /api/studies/{study}": (about("/api/studies/{study}"), nothing, "study-unknown"),
    "PATCH /api/studies/{study}": (about("/api/studies/{study}"), body(control_share=0.5), "study-unknown"),
    "PATCH /api/devices/{device}": (about("/api/devices/{device}"), body(name="camera"), "device-unknown"),
    "POST /api/devices/{device}/revoke": (about("/api/devices/{device}/revoke"), nothing, "device-unknown"),
    **{
        f"{method} /api/prelabel-runs/{{run}}/{verb}": (
            about(f"/api/prelabel-runs/{{run}}/{verb}"), nothing, "prelabel-run-unknown",
        )
        for method, verb in (("POST", "pause"), ("POST", "resume"), ("POST", "cancel"), ("GET", "failures"))
    },
    **{
        f"{method} /api/exports/{{export}}{rest}": (about(f"/api/exports/{{export}}{rest}"), nothing, "export-unknown")
        for method, rest in (
            ("GET", ""), ("DELETE", ""), ("GET", "/archive"),
            ("POST", "/pause"), ("POST", "/resume"), ("POST", "/cancel"),
        )
    },
    "POST /api/exports": (about("/api/exports"), body(study=lambda ids, _: ids.study), "study-unknown"),
    "POST /api/prelabel-runs": (
        about("/api/prelabel-runs"),
        body(model=lambda ids, _: ids.values["model"], study=lambda ids, _: ids.study),
        "nothing-to-label",
    ),
}  # fmt: skip
# Routes that list or count: what is asked.
LISTS: dict[str, tuple[str, Any]] = {
    "POST /api/tasks/next": ("/api/tasks/next", {"client": "page", "count": 2}),
    "GET /api/captures": ("/api/captures", None),
    "GET /api/tasks": ("/api/tasks", None),
    "GET /api/set-aside": ("/api/set-aside", None),
    "GET /api/sessions": ("/api/sessions", None),
    "GET /api/manifest-conflicts": ("/api/manifest-conflicts", None),
    "GET /api/devices": ("/api/devices", None),
    "GET /api/studies": ("/api/studies", None),
    "GET /api/prelabel-runs": ("/api/prelabel-runs", None),
    "GET /api/exports": ("/api/exports", None),
    "GET /api/reports/today": ("/api/reports/today", None),
    "GET /api/reports/prelabels": ("/api/reports/prelabels", None),
}
# What of the day is the hidden study's.
OF_HIDDEN = {"takes": 11, "captures": 11, "uploads_pending": 1}
TASKS_OF_HIDDEN = {"done": 1, "open": 9, "skipped": 1}
# Routes that are about the person alone.
OWN = {
    "GET /api/me", "GET /api/me/browser-storage", "POST /api/leave", "GET /api/me/tokens", "POST /api/me/leave-others",
    "POST /api/me/tokens/{token}/revoke",
}  # fmt: skip
# Routes about accounts, which are of no study: a limited lead has none of them.
OF_EVERY_STUDY = {
    "GET /api/users": "/api/users",
    "POST /api/users/{name}/disable": "/api/users/ann/disable",
    "POST /api/users/{name}/enable": "/api/users/ann/enable",
    "POST /api/users/{name}/role": "/api/users/ann/role",
    "GET /api/installation": "/api/installation",
    "GET /api/failed-jobs": "/api/failed-jobs",
    "POST /api/failed-jobs/again": "/api/failed-jobs/again",
    "GET /api/storage": "/api/storage",
    "GET /api/users/{name}/tokens": "/api/users/ann/tokens",
    "POST /api/users/{name}/tokens/{token}/revoke": "/api/users/ann/tokens/0123/revoke",
}


APP = create_app(Settings())
ROLES = {name: roles or () for name, roles in policies(APP).items()}
CASES = [(who, route) for route in sorted(NAMED) for who, role in PEOPLE.items() if role in ROLES.get(route, ())]


def test_every_route_of_people_is_tried() -> None:
    """Every operation of the OpenAPI document that takes a person's token."""
    found = {
        f"{method.upper()} {path}"
        for path, operations in APP.openapi()["paths"].items()
        for method in set(operations) & set(METHODS)
    }
    of_people = {name for name in found if set(ROLES.get(name, ())) & {"annotator", "lead"}}
    assert of_people == set(NAMED) | set(LISTS) | OWN | set(OF_EVERY_STUDY)


@pytest.mark.parametrize("route", OF_EVERY_STUDY)
def test_a_lead_of_some_studies_looks_after_no_accounts(world: TwoStudies, route: str) -> None:
    reply = world.call("lea", route, OF_EVERY_STUDY[route], None)
    assert (reply.status_code, reply.json()["code"]) == (403, "not-allowed")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoStudies]:
    made = TwoStudies(tmp_path_factory.mktemp("scope"))
    yield made
    made.close()


def said(reply: httpx.Response) -> str:
    return reply.content.decode("utf-8", "replace") + str(dict(reply.headers))


@pytest.mark.parametrize(("who", "route"), CASES)
def test_nothing_of_another_study_is_there_or_can_be_changed(world: TwoStudies, who: str, route: str) -> None:
    path, sent, code = NAMED[route]
    hidden = world.ids[HIDDEN]
    before = world.of_hidden()
    reply = world.call(who, route, path(hidden, who), sent(hidden, who))
    assert (reply.status_code, reply.json()["code"]) == (409 if code == "nothing-to-label" else 404, code)
    named = path(hidden, who) + json.dumps(sent(hidden, who))
    assert [mark for mark in hidden.marks if mark in said(reply) and mark not in named] == []
    assert world.of_hidden() == before


@pytest.mark.parametrize(("who", "route"), CASES)
def test_their_own_study_is_there(world: TwoStudies, who: str, route: str) -> None:
    """Or the test before would pass with any address that is wrong."""
    path, sent, code = NAMED[route]
    seen = world.ids[SEEN]
    reply = world.call(who, route, path(seen, who), sent(seen, who))
    assert reply.status_code != 422 and (reply.status_code < 400 or reply.json()["code"] != code), reply.text


@pytest.mark.parametrize(("who", "route"), [
    (who, route) for route in sorted(LISTS) for who, role in PEOPLE.items() if role in ROLES.get(route, ())
])  # fmt: skip
def test_lists_and_counts_have_one_study_alone(world: TwoStudies, who: str, route: str) -> None:
    path, sent = LISTS[route]
    limited, unlimited = world.call(who, route, path, sent), world.call("all", route, path, sent)
    assert limited.status_code == unlimited.status_code == 200, limited.text
    assert [mark for mark in world.ids[HIDDEN].marks if mark in said(limited)] == []
    mine, both = limited.json(), unlimited.json()
    if route == "GET /api/reports/today":
        assert {name: both[name] - mine[name] for name in OF_HIDDEN} == OF_HIDDEN
        assert {name: both["tasks"][name] - mine["tasks"][name] for name in TASKS_OF_HIDDEN} == TASKS_OF_HIDDEN
        ann, other = (next(row for row in day["people"] if row["name"] == "ann") for day in (mine, both))
        assert [other[name] - ann[name] for name in ("done", "skipped", "returned")] == [1, 1, 0]
    elif route == "GET /api/reports/prelabels":
        assert (mine["items"], both["items"]) == (1, 2)
    elif route == "POST /api/tasks/next":
        assert mine["tasks"] and all(task["study"] == SEEN for task in mine["tasks"])
    else:
        assert all(any(mark in said(unlimited) for mark in ids.marks) for ids in world.ids.values())
        assert any(mark in said(limited) for mark in world.ids[SEEN].marks)


@pytest.mark.parametrize("client", ["page", "page-1"])
@pytest.mark.parametrize("who", PEOPLE)
def test_the_queue_gives_what_is_held_expired_and_open_of_one_study(world: TwoStudies, who: str, client: str) -> None:
    """On the page that holds items of both, and on another one, to which those pass that ran out."""
    reply = world.call(who, "POST", "/api/tasks/next", {"client": client, "count": 5})
    assert {task["study"] for task in reply.json()["tasks"]} <= {SEEN}
    assert [mark for mark in world.ids[HIDDEN].marks if mark in said(reply)] == []


@pytest.mark.parametrize("who", PEOPLE)
def test_counts_of_the_page_are_of_one_study(world: TwoStudies, who: str) -> None:
    sent = {"client": "page-1", "types": []}
    counts = world.call(who, "POST", "/api/tasks/next", sent).json()["progress"]
    (row,) = world.filled_rows("SELECT sum(tasks) FROM waiting WHERE study = :study", study=SEEN)
    assert counts["open"] == row[0]
    (row,) = world.filled_rows(
        "SELECT count(DISTINCT task_id) FROM revision JOIN task ON task.id = revision.task_id"
        " WHERE person_id = :person AND study = :study",
        person=world.people[who],
        study=SEEN,
    )
    assert counts["done_today"] == row[0]


def test_what_is_about_the_person_alone_names_no_study(world: TwoStudies) -> None:
    for route in sorted(OWN):
        method, path = route.split()
        reply = world.call("ann", method, path, None)
        assert reply.status_code in (200, 204) or reply.json()["code"] in ("token-unknown", "not-allowed")
        assert [mark for ids in world.ids.values() for mark in ids.marks if mark in said(reply)] == []


def test_the_limit_ends_and_is_narrowed_at_once(world: TwoStudies) -> None:
    """No page has to be loaded anew, and the commands name the studies."""
    path = f"/api/sessions/{world.ids[HIDDEN].session}"
    assert world.clients["lea"].get(path).status_code == 404
    done = world.collector.run("user", "studies", "lea", "--all")
    assert (done.returncode, done.stdout) == (0, "lea sees every study.\n")
    assert world.clients["lea"].get(path).status_code == 200
    done = world.collector.run("user", "studies", "lea", "--only", SEEN, "--only", HIDDEN)
    assert done.stdout == "lea sees garden, kitchen alone.\n" and world.clients["lea"].get(path).status_code == 200
    assert world.collector.ask("user-list")["users"][2]["studies"] == [HIDDEN, SEEN]
    assert "garden, kitchen" in world.collector.run("user", "list").stdout
    done = world.collector.run("user", "studies", "lea", "--only", SEEN, "--json")
    assert json.loads(done.stdout) == {"name": "lea", "studies": [SEEN]}
    assert world.clients["lea"].get(path).status_code == 404
    for words, code in (([], 2), (["--all", "--only", SEEN], 2), (["--only", "attic"], 1)):
        assert world.collector.run("user", "studies", "lea", *words).returncode == code
    assert world.collector.run("user", "studies", "nobody", "--all").returncode == 1
    assert world.clients["lea"].get(path).status_code == 404
