"""When a take has everything a reviewer needs, it is handed on as a job `tasks`."""

from __future__ import annotations

import json
from typing import Any

from collector.catalogue.capture_consent import is_withheld
from collector.jobs import enqueue
from collector.store.sql import Connection, text

TASKS = "tasks"


def take_is_ready(conn: Connection, take: str) -> bool:
    """The take is closed and every capture its record names can be played, is known to be bad, or may not be used."""
    row = conn.execute(text("SELECT state, record FROM take WHERE id = :id"), {"id": take}).one_or_none()
    if row is None or row.state != "closed":
        return False
    wanted = {capture["capture"] for capture in json.loads(row.record)["captures"]}
    here = conn.execute(
        text(
            "SELECT capture.id, capture.state, EXISTS (SELECT 1 FROM derived WHERE derived.capture_id = capture.id"
            " AND derived.kind = 'play') AS playable FROM capture WHERE capture.take_id = :take"
        ),
        {"take": take},
    )
    return bool(wanted) and wanted <= {found.id for found in here.all() if is_settled(conn, found)}


def is_settled(conn: Connection, capture: Any) -> bool:
    """Whether nothing more is made of a capture, by its row (id, state, playable)."""
    if capture.state != "opened":
        return bool(capture.state == "bad")
    return bool(capture.playable) or is_withheld(conn, capture.id)


def hand_on_when_ready(conn: Connection, take: str) -> None:
    """Called whenever a record came, a capture was opened or became playable; makes the job once all are there."""
    if take_is_ready(conn, take):
        enqueue(conn, TASKS, take)
