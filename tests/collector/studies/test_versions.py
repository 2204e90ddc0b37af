"""Versions of a study: made by plans and by sessions without one, and what tasks and revisions keep of theirs."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from collector.prelabels.reviewed_rows import Asked, ReviewedRows
from collector.review.problems import LabelsRefused
from collector.review.rounds import add_round
from collector.review.task_detail import task_detail
from collector.review.views import RevisionView, revision_views
from collector.studies.categories import categories
from collector.studies.instructions import BUILT_IN, instructions_by_hash
from collector.studies.plans import consent_text_by_hash, plan_by_hash, save_plan
from collector.studies.studies import StudyUnknown, StudyVersion, study_detail
from scripts import load
from tests.collector.review.filled import Filled, box
from wire.canonical import document_hash
from wire.script import LabelSchema, Plan

CUPS = {"boxes": ["cup", "plate"], "tracks": ["person"], "speech": ["speech"], "text": ["answer"]}
MUGS = {"boxes": ["mug", "cup"], "tracks": ["person", "dog"], "speech": ["speech", "noise"], "text": []}


def plan_of(words: dict[str, list[str]], consent: str = "Do you agree?", title: str = "Kitchen") -> Plan:
    plan = load("kitchen-greeting")
    texts = plan.consent.model_copy(update={"text": consent})
    changes = {"study": "kitchen", "title": title, "labels": LabelSchema(**words), "consent": texts}
    return plan.model_copy(update=changes)


def send(filled: Filled, plan: Plan, control_share: float = 0.0) -> str:
    key = document_hash(plan)
    filled.db.write_sync(lambda conn: save_plan(conn, key, plan, "dev-1", control_share))
    return key


def versions(filled: Filled, study: str = "kitchen") -> list[StudyVersion]:
    return filled.db.read_sync(lambda conn: study_detail(conn, study)).versions


def begin(filled: Filled, plan: Plan) -> None:
    """A session of a plan, whether the plan is here or not."""
    consent = sha256(plan.consent.text.encode()).hexdigest()
    filled.begin(plan.study, plan.labels.to_json(), document_hash(plan), consent)


def still(filled: Filled, *words: str) -> tuple[str, str]:
    """A still with a pre-label of each word, and its task."""
    labels = [box(f"b{number}", word) for number, word in enumerate(words)]
    ids = filled.take("show", "show", {"image": b"jpeg"}, ["boxes"], prelabels={"image": [labels]})
    filled.make(ids["take"])
    (task,) = filled.tasks(take_id=ids["take"])
    return ids["image"], task.id


def session_version(filled: Filled) -> tuple[str, int]:
    (row,) = filled.rows(
        "SELECT study_version.study, study_version.number FROM session JOIN study_version"
        " ON study_version.id = session.study_version_id WHERE session.id = :id",
        id=filled.session,
    )
    return row.study, row.number


def test_other_words_and_another_consent_text_make_a_version_and_nothing_else_does(filled: Filled) -> None:
    first = send(filled, plan_of(CUPS), 0.25)
    for _ in range(2):
        send(filled, plan_of(CUPS))
        send(filled, plan_of(CUPS, title="Another title"))
    send(filled, plan_of(MUGS))
    send(filled, plan_of(CUPS, consent="Do you agree to all of it?"))
    send(filled, plan_of(CUPS, title="The first words again"))
    found = versions(filled)
    assert [row.number for row in found] == [3, 2, 1] and len({row.sha256 for row in found}) == 3
    assert [row.label_schema.boxes for row in found] == [CUPS["boxes"], MUGS["boxes"], CUPS["boxes"]]
    assert [row.consent_text for row in found] == ["Do you agree to all of it?", "Do you agree?", "Do you agree?"]
    assert (found[2].origin, found[2].origin_id) == ("plan", first)
    for row in found:
        assert {one.type: (one.version, one.text) for one in row.instructions} == {
            kind: (shown.version, shown.text) for kind, shown in BUILT_IN.items()
        }
    assert list(filled.db.read_sync(categories)) == ["cup", "plate", "person", "mug", "dog"]
    assert filled.rows("SELECT control_share FROM study")[0].control_share == 0.25


def test_the_order_of_words_counts_because_it_gives_the_keys(filled: Filled) -> None:
    send(filled, plan_of(CUPS))
    send(filled, plan_of({**CUPS, "boxes": ["plate", "cup"]}))
    assert [row.label_schema.boxes for row in versions(filled)] == [["plate", "cup"], ["cup", "plate"]]


def test_a_session_points_to_the_version_of_its_plan_or_makes_its_own(filled: Filled) -> None:
    known, unknown = plan_of(MUGS), plan_of(CUPS, consent="May we?")
    send(filled, known)
    begin(filled, known)
    still(filled)
    assert session_version(filled) == ("kitchen", 1)
    begin(filled, unknown)  # an older device, which sends no plans
    still(filled)
    session = filled.session
    assert session_version(filled) == ("kitchen", 2)
    newest = versions(filled)[0]
    assert (newest.origin, newest.origin_id, newest.label_schema.boxes) == ("session", session, CUPS["boxes"])
    assert newest.consent_text is None, "only its hash is known"
    still(filled)
    begin(filled, unknown)
    still(filled)
    assert session_version(filled) == ("kitchen", 2) and len(versions(filled)) == 2
    send(filled, unknown)
    assert len(versions(filled)) == 2 and versions(filled)[0].consent_text == "May we?"
    # A plan of one study says nothing of another.
    filled.begin("garden", CUPS, document_hash(known), "e" * 64)
    still(filled)
    assert (
        session_version(filled) == ("garden", 1) and versions(filled, "garden")[0].label_schema.boxes == CUPS["boxes"]
    )
    with pytest.raises(StudyUnknown):
        versions(filled, "attic")


def test_a_record_that_says_other_words_moves_its_session_and_no_task(filled: Filled) -> None:
    filled.begin("kitchen", CUPS)
    _, before = still(filled)
    filled.schema = MUGS
    _, after = still(filled)
    assert session_version(filled) == ("kitchen", 2)
    assert [classes(filled, task) for task in (before, after)] == [CUPS["boxes"], MUGS["boxes"]]


def classes(filled: Filled, task: str) -> list[str]:
    return filled.db.read_sync(lambda conn: task_detail(conn, task)).classes


def shown(filled: Filled, task: str) -> list[str]:
    facts = filled.db.read_sync(lambda conn: task_detail(conn, task))
    return [label.label for document in facts.prelabels for label in document.labels]


def test_a_task_keeps_the_words_of_its_version(filled: Filled) -> None:
    """Of two plans of one study a task has the words of its own: to choose from, to be shown, and to be measured by."""
    ann = filled.person("ann")
    old, new = plan_of(CUPS), plan_of(MUGS)
    send(filled, old)
    begin(filled, old)
    first_image, first = still(filled, "cup", "plate", "mug")
    send(filled, new)
    _, late = still(filled, "plate", "mug")  # of the session that is under way
    begin(filled, new)
    second_image, second = still(filled, "cup", "plate", "mug")
    assert [classes(filled, task) for task in (first, late, second)] == [CUPS["boxes"]] * 2 + [MUGS["boxes"]]
    assert [shown(filled, task) for task in (first, late, second)] == [["cup", "plate"], ["plate"], ["cup", "mug"]]
    with pytest.raises(LabelsRefused, match="the study knows mug, cup"):
        filled.submit(ann, second, {second_image: [box("x", "plate", None)]})
    with pytest.raises(LabelsRefused, match="the study knows cup, plate"):
        filled.submit(ann, first, {first_image: [box("x", "mug", None)]})
    filled.submit(ann, first, {first_image: [box("x", "plate", None)]})
    filled.submit(ann, second, {second_image: [box("x", "mug", None)]})
    measured = {item.capture: item for item in ReviewedRows(filled.db, filled.blobs).items(Asked())}
    assert {name: [label.label for label in item.before.labels] for name, item in measured.items()} == {
        first_image: ["cup", "plate"],
        second_image: ["cup", "mug"],
    }
    again, _ = filled.db.write_sync(lambda conn: add_round(conn, first, datetime.now(UTC)))
    assert classes(filled, again) == CUPS["boxes"]


def test_everything_a_revision_was_answered_under_is_read_back_by_hash(filled: Filled) -> None:
    ann, plan = filled.person("ann"), plan_of(CUPS, consent="Dürfen wir?")
    key = send(filled, plan)
    begin(filled, plan)
    image, task = still(filled, "cup")
    send(filled, plan_of(MUGS))
    filled.submit(ann, task, {image: [box("x", "plate", None)]})

    def read(conn: Any) -> tuple[RevisionView, Plan, str, str]:
        (row,) = revision_views(conn, task)
        text = consent_text_by_hash(conn, row.consent_text_sha256).text
        return (
            row,
            plan_by_hash(conn, row.script_sha256),
            text,
            instructions_by_hash(conn, str(row.instruction_sha256)).text,
        )

    row, script, consent, instruction = filled.db.read_sync(read)
    assert (script, consent, instruction) == (plan, "Dürfen wir?", BUILT_IN["boxes"].text)
    (version,) = [one for one in versions(filled) if one.number == row.study_version]
    assert (version.number, version.label_schema, version.origin_id) == (1, plan.labels, key)
