"""A PostgreSQL database begins with a snapshot of schema 0011 and goes on by the migrations that SQLite has."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, MetaData, create_engine, text

from collector.store.database import DatabaseFailed, DatabaseLost
from collector.store.migrate import AT_SCHEMA, DataTooNew, alembic_config, begin_postgres, current, upgrade
from collector.store.open import open_database
from collector.store.schema import newest_schema
from collector.store.tables import metadata
from tests.support import postgres
from tests.support.databases import address_of, new_database, reopened, unmigrated

DUMP = Path(__file__).with_name("data") / "before_0005.sql"
FACTS = (
    "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
    " WHERE table_schema = 'public' AND table_name <> 'alembic_version' ORDER BY 1, 2",
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    " ORDER BY 1",
    "SELECT conname, CAST(conrelid AS regclass), pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid <> 0"
    " AND conrelid <> CAST('alembic_version' AS regclass) ORDER BY 1, 2",
    "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
    "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = CAST('public' AS regnamespace) ORDER BY 1",
)

_DEVICE = text("INSERT INTO device (id, name, model, token_hash, joined_at) VALUES ('dev-1', 'd', 'm', 'h', 't')")
_CAPTURE = text(
    "INSERT INTO capture (id, take_id, session_id, device_id, medium, sensor, step, attempt, consent, complete, state,"
    " manifest, manifest_sha256, opened_us, wall_at, received_at, problem) VALUES (:id, 'take-1', 'ses-1', 'dev-1',"
    " 'video', 'cam', 'step', 1, 'consent', :complete, :state, '{}', 'x', 0, 't', 't', :problem)"
)
_JOB = text(
    "INSERT INTO job (kind, key, payload, state, attempts, not_before, created_at)"
    " VALUES (:kind, :key, '{}', :state, 5, 't', 't')"
)


@contextlib.contextmanager
def engine_on(address: str) -> Iterator[Engine]:
    engine = create_engine(address.replace("postgresql://", "postgresql+psycopg://"))
    try:
        yield engine
    finally:
        engine.dispose()


def facts_of(conn: Connection) -> list[list[tuple[Any, ...]]]:
    return [[tuple(row) for row in conn.execute(text(query))] for query in FACTS]


def test_snapshot_and_migrations_make_the_tables_of_this_version() -> None:
    with engine_on(postgres.new_address()) as migrated, engine_on(postgres.new_address(migrated=False)) as made:
        with made.begin() as conn:
            metadata.create_all(conn)
            conn.execute(text("CREATE TABLE alembic_version (version_num VARCHAR)"))
            expected = facts_of(conn)
        with migrated.connect() as conn:
            assert compare_metadata(MigrationContext.configure(conn, opts={"compare_type": True}), metadata) == []
            found = facts_of(conn)
    assert found == expected
    assert all(found) and any("WHERE" in row[1] for row in found[1])


def rows_of_all(conn: Connection, tables: MetaData) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table.name: sorted((tuple(row) for row in conn.execute(table.select())), key=repr)
        for table in tables.sorted_tables
    }


def test_a_filled_database_goes_forward_alike_on_both_engines(tmp_path: Path) -> None:
    """The rows of an old data folder, brought to schema 0011, copied, and migrated from there."""
    with contextlib.closing(sqlite3.connect(tmp_path / "old.db")) as base:
        base.executescript(DUMP.read_text(encoding="utf-8"))
    old = create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with engine_on(postgres.new_address(migrated=False)) as new:
        with old.begin() as conn, new.begin() as other:
            command.upgrade(alembic_config(conn), "0011")
            known = MetaData()
            known.reflect(conn)
            begin_postgres(other)
            assert current(other) == current(conn) == "0011"
            for table in known.sorted_tables:
                rows = [dict(row._mapping) for row in conn.execute(table.select())]
                # Triggers have counted the tasks by then; the schema is there already.
                if rows and table.name not in ("alembic_version", "waiting"):
                    other.execute(metadata.tables[table.name].insert(), rows)
        with old.begin() as conn, new.begin() as other:
            assert upgrade(conn) == upgrade(other) == newest_schema()
            found, expected = rows_of_all(other, metadata), rows_of_all(conn, metadata)
    old.dispose()
    # The moment of a migration may be part of what it writes.
    assert {name: len(rows) for name, rows in found.items()} == {name: len(rows) for name, rows in expected.items()}
    assert found == expected and sum(map(len, found.values())) > 50


def test_bad_captures_of_before_get_their_reason_on_both_engines(tmp_path: Path) -> None:
    """By their sentence and their job, at schema 0020; what is not bad has none, whatever its sentence."""
    rows = [
        ("cap-1", "bad", "The virus scanner found Win.Test.EICAR_HDB-1 in its part media.", "infected"),
        ("cap-2", "bad", "The video has 3 frames, its frame table 4.", "unreadable"),
        ("cap-3", "bad", "A worker process ended.", "given-up"),
        ("cap-4", "opened", "Torn: The virus scanner found its end.", None),
        ("cap-5", "received", None, None),
        ("cap-6", "bad", None, "unreadable"),
    ]
    sqlite = create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with engine_on(postgres.new_address(migrated=False)) as postgresql:
        for engine in (sqlite, postgresql):
            with engine.begin() as conn:
                if engine is postgresql:
                    begin_postgres(conn)
                command.upgrade(alembic_config(conn), "0020")
                conn.execute(_DEVICE)
                for capture, state, problem, _reason in rows:
                    conn.execute(_CAPTURE, {"id": capture, "state": state, "problem": problem, "complete": True})
                for kind, capture, state in (
                    ("open", "cap-3", "failed"),
                    ("derive", "cap-2", "failed"),
                    ("open", "cap-6", "done"),
                ):
                    conn.execute(_JOB, {"kind": kind, "key": capture, "state": state})
                upgrade(conn)
                found = conn.execute(text("SELECT id, state, problem, bad_reason FROM capture ORDER BY id"))
                assert [tuple(row) for row in found] == rows
    sqlite.dispose()


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    database = new_database(tmp_path, "postgresql")
    database.write_sync(lambda conn: conn.execute("UPDATE alembic_version SET version_num = '9999'").rowcount)
    database.close()
    with pytest.raises(DataTooNew):
        reopened(tmp_path)
    database = open_database(tmp_path, address_of(tmp_path), migrate=False)
    assert database.read_sync(lambda conn: conn.execute(AT_SCHEMA).scalar()) == "9999"
    database.close()


def test_an_empty_database_beside_media_is_refused(tmp_path: Path) -> None:
    media = tmp_path / "blobs" / "ab" / "abcd"
    media.parent.mkdir(parents=True)
    media.write_bytes(b"media")
    address = unmigrated(tmp_path, "postgresql")
    with pytest.raises(DatabaseLost, match="abcd"):
        open_database(tmp_path, address)
    media.unlink()
    open_database(tmp_path, address).close()


def test_a_database_with_other_tables_is_refused(tmp_path: Path) -> None:
    address = unmigrated(tmp_path, "postgresql")
    assert address is not None
    with engine_on(address) as engine, engine.begin() as conn:
        conn.execute(text("CREATE TABLE somebodys (a INTEGER)"))
    with pytest.raises(DatabaseFailed, match="somebodys"):
        open_database(tmp_path, address)
    with engine_on(address) as engine, engine.begin() as conn:
        assert conn.execute(text("SELECT to_regclass('task')")).scalar() is None
