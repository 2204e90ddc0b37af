"""A revision remembers the instructions that its person was shown; the words of every version stay."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from collector.review.views import revision_views, task_view
from collector.studies import instructions
from collector.studies.instructions import BUILT_IN, Instructions
from tests.collector.review.filled import Filled, box
from tests.support.queue_site import Site
from wire.tasks import TaskType

# Words that change under the same version would be lost: raise the version and add a line here.
SHIPPED: dict[tuple[TaskType, int], str] = {
    ("boxes", 1): "5470a842e5c182c66ab345b0e3660048ec2e9917ac69e636bf02f8a720c2de90",
    ("tracks", 1): "2725f5acde907192ce46642e1f0765db470a7132abf0bae6e625b3f021d63c0e",
    ("speech", 1): "a718ae0f44a8f038e327f8fc0ed4b29bec9cd8125dba6504d64ea2379a9a7273",
    ("text", 3): "cb711c121985a88ffb61c9177ea589998706d52891e89028555f5769c30de125",
    ("boxes", 2): "36d08b89682f8aa241acb3dc2480b6a7e1f846118d3ca844ef514abdf88b04c3",
    ("tracks", 2): "f91d12e2981d66985fcf04001be2d70723d5e1bf9917c3c11415af46e53e7824",
    ("speech", 2): "6560368717fc1b5f4a3c70d8876339131bc771822cc9bc466e27bf9a37cdba93",
    ("text", 4): "ad3e13caaeb01eec9186006a9fc82d507f7c068f80548435bc1b6c9d23088f8a",
}
NEWER = Instructions(version=7, text="Box the handle, too.")


def test_words_never_change_under_the_same_version() -> None:
    found = {(kind, shown.version): sha256(shown.text.encode()).hexdigest() for kind, shown in BUILT_IN.items()}
    assert found.items() <= SHIPPED.items()


def release(filled: Filled, shown: Instructions) -> None:
    """A version of the study with these instructions for stills, which its open tasks and its session get."""
    filled.execute(
        "INSERT INTO instruction (type, version, text, sha256, first_used_at)"
        " VALUES ('boxes', :version, :text, :sha256, 't')",
        **shown.to_json(),
    )
    filled.execute(
        "INSERT INTO study_version (study, number, sha256, label_schema, consent_text_sha256, origin, origin_id,"
        " made_at) SELECT study, number + 1, :sha256, label_schema, consent_text_sha256, origin, origin_id, made_at"
        " FROM study_version ORDER BY number DESC LIMIT 1",
        sha256=shown.sha256,
    )
    (row,) = filled.rows("SELECT max(id) AS newest FROM study_version")
    filled.execute(
        "INSERT INTO study_version_instruction (study_version_id, type, version) SELECT :newest, type,"
        " CASE type WHEN 'boxes' THEN :version ELSE version END FROM study_version_instruction"
        " WHERE study_version_id = :before",
        newest=row.newest,
        before=row.newest - 1,
        version=shown.version,
    )
    filled.execute("UPDATE task SET study_version_id = :newest WHERE state IN ('open', 'leased')", newest=row.newest)
    filled.execute("UPDATE session SET study_version_id = :newest", newest=row.newest)


def still(filled: Filled) -> tuple[str, str]:
    ids = filled.take("show", "show", {"image": b"jpeg"}, ["boxes"])
    filled.make(ids["take"])
    return ids["image"], filled.tasks()[-1].id


def test_a_revision_remembers_what_was_shown(filled: Filled) -> None:
    ann, (capture, task) = filled.person("ann"), still(filled)
    release(filled, NEWER)
    shown = filled.db.read_sync(lambda conn: task_view(conn, task, ann)).instructions.version
    filled.submit(ann, task, {capture: [box()]})
    assert shown == 7
    assert [row.instruction_version for row in filled.db.read_sync(lambda conn: revision_views(conn, task))] == [7]


def test_a_page_that_got_the_older_words_submits_under_them(filled: Filled, at_noon: None) -> None:
    site = Site(filled)
    site.add("ann")
    still(filled)
    (task,) = site.next("ann")
    first = task["instructions"]["version"]
    release(filled, NEWER)
    assert site.submit("ann", task, []).status_code == 200
    still(filled)
    (second,) = site.next("ann")
    release(filled, Instructions(version=8, text="And the saucer."))
    (again,) = site.next("ann")  # a page that was loaded anew is shown the newest words
    assert (second["instructions"]["version"], again["instructions"]["version"]) == (7, 8)
    assert site.submit("ann", again, []).status_code == 200
    versions = filled.rows("SELECT instruction_version FROM revision ORDER BY submitted_at")
    assert [row.instruction_version for row in versions] == [first, 8]


def test_a_revision_names_the_words_that_were_on_the_screen(filled: Filled, at_noon: None) -> None:
    """Whatever was delivered with the lease: the page quotes what it shows, by hash."""
    site = Site(filled)
    site.add("ann")
    before = BUILT_IN["boxes"]
    still(filled)
    release(filled, NEWER)
    for number, quoted in enumerate((None, before.sha256, NEWER.sha256, "0" * 64)):
        if number:
            still(filled)
        (task,) = site.next("ann")
        assert task["instructions"]["sha256"] == NEWER.sha256
        more = {} if quoted is None else {"instructions": quoted}
        assert site.submit("ann", task, [], more=more | {"page": f"build-{number}"}).status_code == 200
        (revision,) = site.call("ann", "GET", f"/api/tasks/{task['id']}/revisions").json()["revisions"]
        shown = before if quoted == before.sha256 else NEWER
        assert (revision["instruction_version"], revision["instruction_sha256"]) == (shown.version, shown.sha256)
        assert revision["page"] == f"build-{number}"
        found = site.call("ann", "GET", f"/api/instructions/{revision['instruction_sha256']}").json()
        assert (found["type"], found["version"], found["text"]) == ("boxes", shown.version, shown.text)
    unknown = site.call("ann", "GET", f"/api/instructions/{'0' * 64}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "instruction-unknown")


def test_a_revision_has_the_pre_labels_that_were_shown_and_the_signs_of_life_as_told(
    filled: Filled, at_noon: None
) -> None:
    site = Site(filled)
    site.add("ann")
    ids = filled.take(
        "show", "show", {"image": b"jpeg"}, ["boxes"], prelabels={"image": [[box("seen")], [box("away")]]}
    )
    filled.execute("UPDATE labels_document SET shown = FALSE WHERE name = 'model1'")
    filled.make(ids["take"])
    (task,) = site.next("ann")
    assert site.submit("ann", task, [box("seen")]).status_code == 200
    (revision,) = site.call("ann", "GET", f"/api/tasks/{task['id']}/revisions").json()["revisions"]
    (document,) = filled.rows("SELECT id, capture_id, raw_sha256 FROM labels_document WHERE name = 'model0'")
    assert revision["shown"] == [
        {"document": document.id, "capture": document.capture_id, "sha256": document.raw_sha256}
    ]
    (row,) = filled.rows("SELECT told FROM revision")
    assert json.loads(row.told) == [{"at": "2026-11-20T12:00:01.000000Z", "visible": True, "playing": False}]


def test_a_study_keeps_its_instructions_when_the_built_in_texts_change(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    still(filled)
    before = BUILT_IN["boxes"]
    monkeypatch.setitem(instructions.BUILT_IN, "boxes", NEWER)
    still(filled)
    assert {row.instruction_version for row in filled.tasks()} == {before.version}
    filled.begin("garden")
    still(filled)
    assert filled.tasks(study="garden")[0].instruction_version == NEWER.version
    rows = filled.rows("SELECT version, text FROM instruction WHERE type = 'boxes' ORDER BY version")
    assert [tuple(row) for row in rows] == [(before.version, before.text), (7, NEWER.text)], "of both"
