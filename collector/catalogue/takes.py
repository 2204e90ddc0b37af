"""When a take has everything a reviewer needs, a job `tasks` is enqueued."""

from __future__ import annotations

import json
from typing import Any

from collector.catalogue.capture_consent import is_withheld
from collector.jobs.queue import enqueue
from collector.store.sql import Connection, text

TASKS = "tasks"


_TAKE = text(
    "SELECT take.record, take.session_id FROM take JOIN session ON session.id = take.session_id"
    " WHERE take.id = :take AND take.state = 'closed'"
)
# A record may name any capture; only those whose own manifests speak of this take and session are its.
_CAPTURES = text(
    "SELECT capture.id, capture.state, EXISTS (SELECT 1 FROM derived WHERE derived.capture_id = capture.id"
    " AND derived.kind = 'play') AS playable FROM capture"
    " WHERE capture.take_id = :take AND capture.session_id = :session"
)


def opened_when_complete(conn: Connection, take: str) -> frozenset[str] | None:
    """The captures of a complete take that could be opened; None while the take is not complete.

    A take is complete when it is closed, its session is here, and every capture its record names (one at least) is
    here, is this take's and this session's, and can be played, is known to be bad, or may not be used. A torn take
    never is: its step runs again.
    """
    row = conn.execute(_TAKE, {"take": take}).one_or_none()
    if row is None:
        return None
    wanted = {capture["capture"] for capture in json.loads(row.record)["captures"]}
    here = conn.execute(_CAPTURES, {"take": take, "session": row.session_id}).all()
    named = [capture for capture in here if capture.id in wanted]
    if not wanted or len(named) < len(wanted) or not all(_is_finished(conn, capture) for capture in named):
        return None
    return frozenset(capture.id for capture in named if capture.state == "opened")


def _is_finished(conn: Connection, capture: Any) -> bool:
    """Whether nothing more is made of a capture, by its row (id, state, playable)."""
    if capture.state != "opened":
        return bool(capture.state == "bad")
    return bool(capture.playable) or is_withheld(conn, capture.id)


def enqueue_tasks_when_complete(conn: Connection, take: str) -> None:
    """Called whenever a record came, a capture was opened or became playable; makes the job of a complete take."""
    if opened_when_complete(conn, take) is not None:
        enqueue(conn, TASKS, take)
