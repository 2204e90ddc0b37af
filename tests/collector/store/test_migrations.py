"""The migrations make exactly the tables of `collector.store.tables`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from collector.catalogue.sessions import describe_session, save_session
from collector.store.migrate import AT_SCHEMA, DataTooNew, alembic_config, current, upgrade
from collector.store.open import open_database
from collector.store.schema import newest_schema, schema_of
from collector.store.sql import Connection
from collector.store.tables import metadata
from collector.studies.plans import save_plan
from scripts import load
from tests.collector.samples import NOW, SampleTake, session_record
from tests.needs import ROOT
from wire.base import format_utc
from wire.canonical import canonical_json, document_hash, sha256_hex
from wire.session import StepTitle

LATER = NOW + timedelta(days=1)


def schema(conn: Connection) -> object:
    return conn.execute(AT_SCHEMA).scalar()


def test_migrations_make_the_tables(tmp_path: Path) -> None:
    open_database(tmp_path).close()
    with create_engine(f"sqlite:///{tmp_path / 'collector.db'}").connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn, opts={"compare_type": True}), metadata) == []


def test_partial_indexes_and_triggers_are_the_same_on_both_ways(tmp_path: Path) -> None:
    """Alembic compares neither the conditions of indexes nor triggers, so their SQL is compared."""
    db = open_database(tmp_path)
    query = "SELECT name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
    migrated = db.read_sync(lambda conn: {row.name: row.sql for row in conn.execute(query)})
    db.close()
    engine = create_engine("sqlite://")
    with engine.begin() as conn:
        metadata.create_all(conn)
        made = {row.name: row.sql for row in conn.execute(text(query))}
    assert migrated == made and any(sql.startswith("CREATE TRIGGER") for sql in made.values())


def test_indexes_are_made_in_one_order(tmp_path: Path) -> None:
    """Of two that serve a statement alike SQLite takes one by their order, so it has to be the same everywhere."""
    order = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'task' ORDER BY rowid"
    orders = set()
    for seed in ("1", "2", "3"):
        folder = tmp_path / seed
        program = f"from collector.store.open import open_database; open_database({str(folder)!r}).close()"
        subprocess.run(
            [sys.executable, "-c", program], check=True, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}
        )
        with create_engine(f"sqlite:///{folder / 'collector.db'}").connect() as conn:
            orders.add(tuple(conn.execute(text(order)).scalars()))
    assert len(orders) == 1


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    db = open_database(tmp_path)
    first = db.read_sync(schema)
    db.close()
    db = open_database(tmp_path)
    assert db.read_sync(schema) == first is not None
    db.close()


def test_data_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    db = open_database(tmp_path)
    db.write_sync(lambda conn: conn.execute("UPDATE alembic_version SET version_num = '9999'").rowcount)
    db.close()
    with pytest.raises(DataTooNew):
        open_database(tmp_path)
    db = open_database(tmp_path, migrate=False)
    assert db.read_sync(schema) == "9999"
    db.close()


def test_a_database_from_nothing_and_one_by_steps_end_alike(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.begin() as conn:
        head = upgrade(conn)
        assert current(conn) == head


def test_uploads_of_before_are_there_after_migrating(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.begin() as conn:
        command.upgrade(alembic_config(conn), "0002")
        conn.execute(
            text("INSERT INTO device (id, name, model, token_hash, joined_at) VALUES ('dev-1', 'd', 'm', 'h', 't')")
        )
        conn.execute(
            text(
                'INSERT INTO upload (id, capture_id, part, device_id, "offset", length, staged, state, created_at,'
                " expires_at) VALUES ('up-1', 'cap-1', 'media', 'dev-1', 3, 9, 'up-1.part', 'open', 't', 't')"
            )
        )
        upgrade(conn)
        row = conn.execute(text("SELECT * FROM upload")).one()
        assert (row.id, row.capture_id, row.offset, row.length, row.metadata) == ("up-1", "cap-1", 3, 9, None)
        again = (
            'INSERT INTO upload (id, capture_id, part, device_id, "offset", length, staged, state, created_at,'
            " expires_at) SELECT 'up-2', capture_id, part, device_id, 0, 9, 'x', state, 't', 't' FROM upload"
        )
        with pytest.raises(IntegrityError, match=r"upload\.capture_id, upload\.part"):
            conn.execute(text(again))
    engine.dispose()


def test_plans_and_sessions_of_before_make_the_versions_of_their_studies(tmp_path: Path) -> None:
    """A session gets the version of its plan, or of its record; the same content is one version."""
    plan = load("kitchen-greeting").model_copy(update={"study": "study-1"})
    key = document_hash(plan)
    base = session_record("dev-1", [], "ses-bare", 3)
    bound = base.model_copy(update={"session": "ses-bound", "script": plan.ref})
    again = base.model_copy(update={"session": "ses-again", "label_schema": plan.labels, "started_at": LATER})
    again = again.model_copy(
        update={"consent": base.consent.model_copy(update={"text_sha256": sha256_hex(plan.consent.text.encode())})}
    )
    other = base.model_copy(update={"session": "ses-other", "study": "study-2", "script": plan.ref})
    engine = create_engine(f"sqlite:///{tmp_path / 'collector.db'}")
    with engine.begin() as conn:
        command.upgrade(alembic_config(conn), "0007")
        conn.execute(
            text("INSERT INTO device (id, name, model, token_hash, joined_at) VALUES ('dev-1', 'd', 'm', 'h', 't')")
        )
        conn.execute(
            text("INSERT INTO script_plan VALUES (:key, 'study-1', 'k', '1', :body, 'dev-1', '2026-11-24')"),
            {"key": key, "body": canonical_json(plan).decode()},
        )
        for record in (base, bound, again, other):
            conn.execute(
                text(
                    "INSERT INTO session (id, study, script_id, script_version, script_sha256, device_id, participant,"
                    " home, consent, state, revision, record, started_at) VALUES (:id, :study, 'k', '1', :script,"
                    " 'dev-1', 'p', 'h', 'con-1', 'running', 3, :record, :at)"
                ),
                {
                    "id": record.session,
                    "study": record.study,
                    "script": record.script.sha256,
                    "record": json.dumps(record.to_json()),
                    "at": format_utc(record.started_at),
                },
            )
        upgrade(conn)
        rows = conn.execute(
            text(
                "SELECT session.id, study_version.study, number, origin, origin_id FROM session JOIN study_version"
                " ON study_version.id = session.study_version_id ORDER BY session.id"
            )
        ).all()
        assert [tuple(row) for row in rows] == [
            ("ses-again", "study-1", 1, "plan", key),
            ("ses-bare", "study-1", 2, "session", "ses-bare"),
            ("ses-bound", "study-1", 1, "plan", key),
            ("ses-other", "study-2", 1, "session", "ses-other"),
        ]
    engine.dispose()
    db = open_database(tmp_path)
    for record in (base, bound, again, other):
        raised = record.model_copy(update={"revision": 4, "session": f"{record.session}-new"})
        db.write_sync(lambda conn, record=raised: save_session(conn, record))
    db.write_sync(lambda conn: save_plan(conn, key, plan, "dev-1", 0.0))
    changed = plan.model_copy(update={"title": "Another title"})
    db.write_sync(lambda conn: save_plan(conn, document_hash(changed), changed, "dev-1", 0.0))
    assert db.read_sync(lambda conn: conn.execute("SELECT count(*) FROM study_version").scalar()) == 3
    named = db.read_sync(lambda conn: conn.execute("SELECT DISTINCT study_version_id FROM script_plan").all())
    assert len(named) == 1
    db.close()


def test_takes_of_before_get_their_place_and_the_revision_of_their_session(tmp_path: Path) -> None:
    takes = [SampleTake(f"take-{number}", f"step-{number}", [], []) for number in (2, 1, 3)]
    steps = [StepTitle(id=f"step-{number}", title=f"Title {number}") for number in (2, 1, 3, 4)]
    record = session_record("dev-1", takes, "ses-1", 12).model_copy(update={"steps": steps})
    engine = create_engine(f"sqlite:///{tmp_path / 'collector.db'}")
    with engine.begin() as conn:
        command.upgrade(alembic_config(conn), "0004")
        conn.execute(
            text("INSERT INTO device (id, name, model, token_hash, joined_at) VALUES ('dev-1', 'd', 'm', 'h', 't')")
        )
        conn.execute(
            text(
                "INSERT INTO session (id, study, script_id, script_version, script_sha256, device_id, participant,"
                " home, consent, state, revision, record, started_at) VALUES"
                " ('ses-1', 's', 'k', '1', 'x', 'dev-1', 'p', 'h', 'con-1', 'running', 12, :record, 't')"
            ),
            {"record": json.dumps(record.to_json())},
        )
        for take in record.takes:
            conn.execute(
                text(
                    "INSERT INTO take (id, session_id, step, step_number, attempt, kind, state, prompt, opened_us,"
                    " opened_at, record) VALUES (:id, 'ses-1', 's', 1, 1, 'say', 'closed', 'p', 1, 't', :record)"
                ),
                {"id": take.take, "record": json.dumps(take.to_json())},
            )
        upgrade(conn)
        rows = conn.execute(text("SELECT id, number, revision FROM take ORDER BY number")).all()
        assert [tuple(row) for row in rows] == [("take-2", 1, 12), ("take-1", 2, 12), ("take-3", 3, 12)]
        titles = conn.execute(text("SELECT number, step, title FROM session_step ORDER BY number")).all()
        assert [tuple(row) for row in titles] == [(n, one.id, one.title) for n, one in enumerate(steps, 1)]
    engine.dispose()
    db = open_database(tmp_path)
    assert db.read_sync(lambda conn: describe_session(conn, "ses-1"))["record"] == record.to_json()
    assert db.write_sync(lambda conn: save_session(conn, record)) == 12, "the same again"
    db.close()


def test_the_schema_is_known_without_loading_what_migrates_it(tmp_path: Path) -> None:
    assert newest_schema() == ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert schema_of(tmp_path / "collector.db") is None
    open_database(tmp_path).close()
    assert schema_of(tmp_path / "collector.db") == newest_schema()
    program = f"from collector.store.open import open_database; open_database({str(tmp_path)!r}).close()"
    loaded = subprocess.run(
        [sys.executable, "-c", f"import sys; {program}; print('alembic' in sys.modules)"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    assert loaded.strip() == "False"
