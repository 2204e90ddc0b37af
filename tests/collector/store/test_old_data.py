"""A data folder that the version before migration 0005 left behind: nothing of it is lost, all of it is in use again.

`data/before_0005.sql` is a dump of such a database: stills, a walk, speech and an answer; revisions of three people, a
skip, a return, a held item with a draft and a sign of life; a run of a model that hid documents and one beside;
a calibration and an export.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from collector.catalogue.sessions import save_session
from collector.consent.grants import grants_of
from collector.exports.truth import item_ids, items
from collector.prelabels.runs import list_failures, list_runs
from collector.review.calibrations import calibrations
from collector.review.history import task_history
from collector.review.views import revision_views, task_view
from collector.store.database import Database
from collector.store.open import open_database
from collector.studies.instructions import instructions_by_hash, instructions_of
from collector.studies.studies import list_studies
from prelabel.triage.score_keys import ScoreKey
from wire.session import SessionRecord

DUMP = Path(__file__).with_name("data") / "before_0005.sql"
Rows = dict[str, list[dict[str, Any]]]


def every_row(path: Path) -> Rows:
    with contextlib.closing(sqlite3.connect(path)) as base:
        base.row_factory = sqlite3.Row
        names = [row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: [dict(row) for row in base.execute(f"SELECT * FROM {name}")] for name in names}


@pytest.fixture
def before(tmp_path: Path) -> Rows:
    path = tmp_path / "collector.db"
    with contextlib.closing(sqlite3.connect(path)) as base:
        base.executescript(DUMP.read_text(encoding="utf-8"))
    return every_row(path)


@pytest.fixture
def db(before: Rows, tmp_path: Path) -> Iterator[Database]:
    made = open_database(tmp_path)
    yield made
    made.close()


def test_every_row_and_value_is_still_there(before: Rows, db: Database, tmp_path: Path) -> None:
    after = every_row(tmp_path / "collector.db")
    assert set(before) <= set(after)
    before["job"] = [row for row in before["job"] if row["kind"] != "prelabel"]  # they are rows of their run now
    for table in set(before) - {"alembic_version"}:
        columns = before[table][0] if before[table] else {}
        kept = [{name: row[name] for name in columns} for row in after[table]]
        lost = [row for row in before[table] if row not in kept]
        assert lost == [] and len(after[table]) == len(before[table]), table
    with contextlib.closing(sqlite3.connect(tmp_path / "collector.db")) as base:
        assert base.execute("PRAGMA foreign_key_check").fetchall() == []
        assert base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_what_is_known_of_leases_and_reasons_is_filled_in(before: Rows, db: Database) -> None:
    found = {row["id"]: db.read_sync(lambda conn, row=row: task_history(conn, row["id"])) for row in before["task"]}
    ended = sorted((lease.ended or "held") for history in found.values() for lease in history.leases)
    assert ended == ["held", "returned", "skipped", "submitted", "submitted", "submitted", "submitted"]
    (skip,) = [row for history in found.values() for row in history.skips if row.kind == "skipped"]
    assert (skip.code, skip.reason) == ("recording-broken", "the recording is broken")
    for row in before["task"]:
        (reason,) = found[row["id"]].reasons
        assert (reason.kind, reason.text, reason.priority) == (row["reason_kind"], row["reason_text"], row["priority"])


def test_a_run_that_had_captures_waiting_begins_again(before: Rows, db: Database) -> None:
    (run,) = db.read_sync(list_runs)
    assert (run.state, run.counted, run.done) == ("queued", False, 0)


@pytest.mark.parametrize("stopped", [False, True])
def test_a_run_that_was_over_has_its_counts_and_what_failed(tmp_path: Path, stopped: bool) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "collector.db")) as base:
        base.executescript(DUMP.read_text(encoding="utf-8"))
        base.execute("UPDATE job SET state = 'done' WHERE kind = 'prelabel'")
        base.execute("UPDATE job SET state = 'failed', error = 'It burns.' WHERE id = 9")
        if stopped:
            base.execute("DELETE FROM job WHERE id = 10")
        base.commit()
    db = open_database(tmp_path)
    (run,) = db.read_sync(list_runs)
    state = "cancelled" if stopped else "done"
    assert (run.state, run.captures, run.done, run.failed, run.stopped) == (state, 4, 3 - stopped, 1, int(stopped))
    (failure,) = db.read_sync(lambda conn: list_failures(conn, run.id)).failures
    assert (failure.capture, failure.error) == ("cap-130f2f8e6805e3d6917bb431", "It burns.")
    db.close()


def test_revisions_name_their_instructions_by_hash(before: Rows, db: Database) -> None:
    texts = {(row["type"], row["version"]): row["text"] for row in before["instruction"]}
    types = {row["id"]: row["type"] for row in before["task"]}
    for task in types:
        for row in db.read_sync(lambda conn, task=task: revision_views(conn, task)):
            text = texts[types[task], row.instruction_version]
            assert row.instruction_sha256 == sha256(text.encode()).hexdigest()
            found = db.read_sync(lambda conn, row=row: instructions_by_hash(conn, str(row.instruction_sha256)))
            assert found.text == text and (row.shown, row.page, row.correction) == (None, None, None)


def test_sessions_tasks_and_revisions_point_to_the_version_of_their_study(before: Rows, db: Database) -> None:
    """Made of the record of the session, as a new session with that record would make it."""
    (session,) = before["session"]
    record = json.loads(session["record"])
    (version,) = db.read_sync(lambda conn: conn.execute("SELECT * FROM study_version").all())
    assert (version.study, version.number, version.origin, version.origin_id) == (
        "kitchen",
        1,
        "session",
        session["id"],
    )
    assert json.loads(version.label_schema) == record["label_schema"]
    assert version.consent_text_sha256 == record["consent"]["text_sha256"]
    for table in ("session", "task", "revision"):
        named = db.read_sync(lambda conn, table=table: conn.execute(f"SELECT study_version_id FROM {table}").all())
        assert {row.study_version_id for row in named} == {version.id} and len(named) == len(before[table])
    shown = db.read_sync(lambda conn: instructions_of(conn, version.id))
    assert {kind: (row.version, row.text) for kind, row in shown.items()} == {
        row["type"]: (row["version"], row["text"]) for row in before["instruction"]
    }
    raised = SessionRecord.read({**record, "revision": record["revision"] + 1})
    db.write_sync(lambda conn: save_session(conn, raised))
    other = SessionRecord.read(json.loads(json.dumps({**record, "takes": []}).replace(session["id"], "ses-other")))
    db.write_sync(lambda conn: save_session(conn, other))
    rows = db.read_sync(lambda conn: conn.execute("SELECT study_version_id, language FROM session").all())
    assert [tuple(row) for row in rows] == [(version.id, "en")] * 2
    assert db.read_sync(lambda conn: conn.execute("SELECT count(*) FROM study_version").scalar_one()) == 1


def test_what_the_participant_allowed_is_still_allowed(before: Rows, db: Database) -> None:
    (session,) = before["session"]
    grants = json.loads(session["record"])["consent"]["grants"]
    found = db.read_sync(lambda conn: grants_of(conn, session["id"]))
    assert found == {grant["use"]: grant["until"] for grant in grants} and len(found) == 4


def test_people_go_on_where_they_were(before: Rows, db: Database) -> None:
    (held,) = [row for row in before["task"] if row["state"] == "leased"]
    view = db.read_sync(lambda conn: task_view(conn, held["id"], held["leased_to"], is_lead=True))
    assert view.state == "leased" and view.draft is not None and view.prelabels and view.reason.kind != "control"
    exported = list(items(db, item_ids(db)))
    assert len(exported) == sum(row["revision_id"] is not None for row in before["task"]) and all(
        not item.control for item in exported
    )
    (known,) = before["calibration"]
    of_file, configured = ScoreKey(known["model_sha256"]), ScoreKey(known["model_sha256"], "c" * 64)
    found = db.read_sync(lambda conn: calibrations(conn, [configured]))
    assert {key: (one.pairs, one.fitted_on) for key, one in found.items()} == {
        of_file: (json.loads(known["body"])["pairs"], "file")
    }, "it is of the file, for configurations that have none of their own"
    (study,) = db.read_sync(lambda conn: list_studies(conn, None)).studies
    assert (study.id, study.control_share) == ("kitchen", 0.05)
