"""How many tasks wait is always what counting them would say, whatever is done to the table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, text

from collector.store.migrate import alembic_config, upgrade
from collector.store.tables import metadata
from tests.support import postgres
from tests.support.databases import ENGINES

COUNTED = (
    "SELECT study, count(*) FROM task WHERE state = 'open' OR (state = 'leased' AND revision_id IS NULL)"
    " GROUP BY study ORDER BY study"
)
KEPT = "SELECT study, tasks FROM waiting WHERE tasks <> 0 ORDER BY study"
ADD = (
    "INSERT OR REPLACE INTO task (id, take_id, session_id, study, type, state, fence, priority, reason_kind,"
    " reason_text, probability, instruction_version, created_at, consent, revision_id)"
    " VALUES (:id, :id, 's', :study, 'boxes', :state, 0, 0.5, 'age', '', 0.9, 1, '2026', 'c', :revision)"
)
CHANGE = "UPDATE task SET state = :state, revision_id = :revision, study = :study WHERE id = :id"
DELETE = "DELETE FROM task WHERE id = :id"
FOREIGN_KEYS = [str(key.name) for key in metadata.tables["task"].foreign_key_constraints]
STATES = ["open", "leased", "done", "skipped", "withheld"]


REPLACES = {
    "sqlite": ADD,
    "postgresql": f"{ADD.replace(' OR REPLACE', '')} ON CONFLICT (id) DO UPDATE SET state = excluded.state,"
    " revision_id = excluded.revision_id, study = excluded.study",
}


@pytest.fixture(scope="module", params=ENGINES)
def tasks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Takes and sessions are not needed: foreign keys are not checked."""
    if request.param == "sqlite":
        path = Path(tmp_path_factory.mktemp("waiting")) / "collector.db"
        with create_engine(f"sqlite:///{path}").begin() as conn:
            upgrade(conn)
        # REPLACE deletes a row by the trigger, too.
        engine, settings = create_engine(f"sqlite:///{path}"), ["PRAGMA recursive_triggers=ON"]
    else:
        address = postgres.new_address().replace("postgresql://", "postgresql+psycopg://")
        engine, settings = create_engine(address), [f"ALTER TABLE task DROP CONSTRAINT {name}" for name in FOREIGN_KEYS]
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        for setting in settings:
            conn.execute(text(setting))
        yield conn
    engine.dispose()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([ADD, CHANGE, CHANGE, DELETE]),
            st.sampled_from("abcd"),
            st.sampled_from(["kitchen", "bath"]),
            st.sampled_from(STATES),
            st.sampled_from([None, "rev-1"]),
        ),
        max_size=30,
    )
)
def test_the_triggers_count_right(tasks: Connection, steps: list[tuple[str, str, str, str, str | None]]) -> None:
    for sql, task, study, state, revision in steps:
        step = text(REPLACES[tasks.dialect.name] if sql == ADD else sql)
        tasks.execute(step, {"id": task, "study": study, "state": state, "revision": revision})
        assert tasks.execute(text(KEPT)).all() == tasks.execute(text(COUNTED)).all()


def test_tasks_of_before_are_counted(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.begin() as conn:
        command.upgrade(alembic_config(conn), "0003")
        for number, state in enumerate(STATES * 2):
            values = {"id": f"t{number}", "study": "bath" if number < 5 else "hall", "state": state}
            conn.execute(text(ADD), values | {"revision": "rev-1" if number == 6 else None})
        upgrade(conn)
        assert conn.execute(text(KEPT)).all() == [("bath", 2), ("hall", 1)]
