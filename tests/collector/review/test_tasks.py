"""From takes to tasks."""

from __future__ import annotations

from collector.catalogue.sessions import save_session
from collector.catalogue.takes import enqueue_tasks_when_complete
from collector.review.task_detail import task_detail
from collector.review.views import task_view
from tests.collector.review.filled import Filled, box, interval, track

BODY = b"bytes"


def test_one_task_a_type_with_what_it_labels_and_what_stands_beside(filled: Filled) -> None:
    ids = filled.take("greet", "do", {"video": BODY, "audio": BODY}, ["tracks", "speech"])
    assert filled.make(ids["take"]) == 2
    roles = {
        (row.type, row.capture_id, row.role)
        for row in filled.rows("SELECT type, capture_id, role FROM task JOIN task_capture ON task_id = task.id")
    }
    assert roles == {
        ("tracks", ids["video"], "labelled"),
        ("tracks", ids["audio"], "beside"),
        ("speech", ids["audio"], "labelled"),
        ("speech", ids["video"], "beside"),
    }
    assert filled.make(ids["take"]) == 0
    assert {row.consent for row in filled.tasks()} == {"con-1"}


def test_still_and_answer(filled: Filled) -> None:
    for step, kind, medium, review in (("show-cup", "show", "image", "boxes"), ("ask", "answer", "text", "text")):
        ids = filled.take(step, kind, {medium: BODY}, [review])
        assert filled.make(ids["take"]) == 1
    assert [row.type for row in filled.tasks()] == ["boxes", "text"]


def test_nothing_before_the_take_is_whole(filled: Filled) -> None:
    ids = filled.take("greet", "say", {"video": BODY, "audio": BODY}, ["speech"])
    filled.execute("UPDATE capture SET state = 'received' WHERE id = :id", id=ids["video"])
    assert filled.make(ids["take"]) == 0
    filled.execute("UPDATE capture SET state = 'opened' WHERE id = :id", id=ids["video"])
    filled.execute("DELETE FROM derived WHERE capture_id = :id AND kind = 'play'", id=ids["video"])
    assert filled.make(ids["take"]) == 0
    filled.execute("UPDATE capture SET state = 'bad' WHERE id = :id", id=ids["video"])
    assert filled.make(ids["take"]) == 1
    assert [row.role for row in filled.rows("SELECT role FROM task_capture")] == ["labelled"]


def test_a_record_that_names_foreign_captures_makes_no_task_of_them(filled: Filled) -> None:
    theirs = filled.take("greet", "say", {"audio": BODY}, ["speech"])
    ids = filled.take("greet", "say", {"audio": BODY}, ["speech"])
    own = filled.takes[-1]["captures"]
    filled.takes[-1]["captures"] = [{"capture": theirs["audio"], "medium": "audio", "sensor": "audio-0"}]
    filled.db.write_sync(lambda conn: save_session(conn, filled.record()))
    assert filled.make(ids["take"]) == 0
    filled.takes[-1]["captures"] = own
    filled.db.write_sync(lambda conn: save_session(conn, filled.record()))
    filled.execute("UPDATE capture SET session_id = 'ses-other' WHERE id = :id", id=ids["audio"])
    assert filled.make(ids["take"]) == 0
    filled.execute("UPDATE capture SET session_id = :session WHERE id = :id", session=filled.session, id=ids["audio"])
    assert filled.make(ids["take"]) == 1


def test_a_take_is_handed_on_exactly_when_its_tasks_can_be_made(filled: Filled) -> None:
    """One rule for both: whatever is missing, there is no job, and a job that is there all the same makes nothing."""
    ids = filled.take("greet", "say", {"video": BODY, "audio": BODY}, ["speech"])
    lacks = (
        ("take", ids["take"], "state", "open"),
        ("take", ids["take"], "state", "torn"),
        ("capture", ids["audio"], "state", "received"),
        ("capture", ids["audio"], "session_id", "ses-other"),
        ("capture", ids["audio"], "take_id", "take-other"),
        ("derived", ids["audio"], "kind", "other"),
    )
    handed_on = "SELECT count(*) AS count FROM job WHERE kind = 'tasks' AND key = :take"
    for table, row, column, value in lacks:
        key = "capture_id" if table == "derived" else "id"
        chosen = f"{key} = :row" + (" AND kind = 'play'" if table == "derived" else "")
        before = filled.rows(f"SELECT {column} AS value FROM {table} WHERE {chosen}", row=row)[0].value
        filled.execute(f"UPDATE {table} SET {column} = :value WHERE {chosen}", value=value, row=row)
        filled.execute("DELETE FROM job")
        filled.db.write_sync(lambda conn: enqueue_tasks_when_complete(conn, ids["take"]))
        assert filled.rows(handed_on, take=ids["take"])[0].count == 0, (table, column, value)
        assert filled.make(ids["take"]) == 0, (table, column, value)
        chosen = chosen.replace("'play'", ":value")
        filled.execute(
            f"UPDATE {table} SET {column} = :before WHERE {chosen} AND {column} = :value",
            before=before,
            value=value,
            row=row,
        )
    filled.db.write_sync(lambda conn: enqueue_tasks_when_complete(conn, ids["take"]))
    assert filled.rows(handed_on, take=ids["take"])[0].count == 1
    assert filled.make(ids["take"]) == 1


def test_a_torn_take_and_an_unknown_one_make_none(filled: Filled) -> None:
    ids = filled.take("greet", "say", {"audio": BODY}, ["speech"], state="torn")
    assert filled.make(ids["take"]) == 0
    assert filled.make("take-unknown") == 0


def test_a_refused_medium_makes_no_task(filled: Filled) -> None:
    ids = filled.take("greet", "say", {"video": BODY}, ["speech", "tracks"])
    assert filled.make(ids["take"]) == 1


def test_facts_and_view(filled: Filled) -> None:
    ann = filled.person("ann")
    filled.take("first-step", "say", {"audio": BODY}, [])
    ids = filled.take(
        "turn-on_light",
        "say",
        {"audio": BODY, "video": BODY},
        ["speech"],
        expected="turn on the light",
        objects=["lamp"],
        prelabels={"audio": [[interval(expected="turn on the light")], [interval()]], "video": [[track()]]},
    )
    filled.make(ids["take"])
    (row,) = filled.tasks()
    facts = filled.db.read_sync(lambda conn: task_detail(conn, row.id))
    assert [label.id for document in facts.prelabels for label in document.labels] == ["s1", "s1-2"]
    view = filled.db.read_sync(lambda conn: task_view(conn, row.id, ann))
    assert (view.step_title, view.step_number, view.step_count) == ("Turn on light", 2, 2)
    assert view.classes == ["speech"] and view.language == "en" and view.objects == ["lamp"]
    assert [(c.role, c.take_offset_us, c.frames_url is None) for c in view.captures] == [
        ("labelled", 1500, True),
        ("beside", 1500, False),
    ]
    assert view.captures[0].peaks_url == f"/api/captures/{ids['audio']}/peaks"
    assert (view.draft, view.revision, view.lease, view.state) == (None, None, None, "open")


def test_the_reason_comes_from_the_pre_labels(filled: Filled) -> None:
    ids = filled.take("show", "show", {"image": BODY}, ["boxes"], objects=["plate"], prelabels={"image": [[box()]]})
    filled.make(ids["take"])
    (row,) = filled.tasks()
    assert row.reason_kind in ("conflict", "random")
    if row.reason_kind == "conflict":
        assert "plate" in row.reason_text and row.probability == 0.9


def test_a_spoken_answer_is_a_text_with_its_sound_and_a_word_of_no_study_is_nobodys_work(filled: Filled) -> None:
    ann = filled.person("ann")
    said = {"id": "a1", "kind": "text", "label": "answer", "score": 0.8, "text": "tea", "language": "en"}
    heard = [interval(), {**interval("s2"), "label": "kettle"}, said]
    ids = filled.take("ask", "answer", {"audio": BODY}, ["text", "speech"], prelabels={"audio": [heard]})
    assert filled.make(ids["take"]) == 2
    views = {
        row.type: filled.db.read_sync(lambda conn, row=row: task_view(conn, row.id, ann)) for row in filled.tasks()
    }
    shown = {kind: [label.id for said in view.prelabels for label in said.labels] for kind, view in views.items()}
    assert shown == {"text": ["a1"], "speech": ["s1"]}
    assert [capture.medium for capture in views["text"].captures] == ["audio"]
    reply = filled.submit(ann, views["text"].id, {ids["audio"]: [said]})
    assert reply is not None
    (speech,) = (row for row in filled.tasks() if row.type == "speech")
    assert speech.reason_kind in ("uncertainty", "random"), "speech is what was asked for"
    (kept,) = filled.rows("SELECT body FROM labels_document")
    assert kept.body.count('"id"') == 3, "the document is kept as it came"


def test_the_reason_is_about_what_is_shown(filled: Filled) -> None:
    unsure = box("b1", label="potted plant", score=0.5)
    for number in range(20):  # one in ten is drawn by chance, whatever it shows
        labels = [box("b2", score=1.0), unsure]
        ids = filled.take(f"show-{number}", "show", {"image": BODY}, ["boxes"], prelabels={"image": [labels]})
        filled.make(ids["take"])
    assert {row.reason_kind for row in filled.tasks()} <= {"age", "random"}
