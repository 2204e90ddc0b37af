"""The steps of a session's script, as rows: a record that names 2,000 is not read whole for each of its tasks."""

from __future__ import annotations

from typing import Any

from collector.store.sql import Connection, text
from wire.session import SessionRecord

_STEPS = text("SELECT step AS id, title FROM session_step WHERE session_id = :session ORDER BY number")
_DELETE = text("DELETE FROM session_step WHERE session_id = :session")
_ADD = text("INSERT INTO session_step (session_id, number, step, title) VALUES (:session, :number, :id, :title)")


def steps_of(conn: Connection, session: str) -> list[dict[str, Any]]:
    """As a session record has them: `{"id", "title"}` in the order of the plan."""
    return list(conn.execute(_STEPS, {"session": session}).mappings())


def save_steps(conn: Connection, record: SessionRecord) -> None:
    """Save the steps that a record names, where they differ from those that are here."""
    steps = [step.to_json() for step in record.steps]
    if steps == steps_of(conn, record.session):
        return
    conn.execute(_DELETE, {"session": record.session})
    if steps:
        conn.execute(_ADD, [step | {"session": record.session, "number": n} for n, step in enumerate(steps, 1)])
