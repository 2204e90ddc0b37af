"""Which captures a person may see: leads all of them, annotators those of tasks that they hold or have held."""

from __future__ import annotations

from datetime import datetime

from collector.catalogue.capture_consent import check_capture
from collector.people.policy import NotAllowed, Person
from collector.store.sql import Connection, text

_WAS_GIVEN = text(
    "SELECT EXISTS (SELECT 1 FROM task_capture JOIN lease ON lease.task_id = task_capture.task_id"
    " WHERE task_capture.capture_id = :capture AND lease.person_id = :person)"
)


def check_visible(conn: Connection, capture: str, person: Person) -> datetime:
    """Until when the consent lets the capture be used.

    Raises:
        CaptureUnknown, ConsentEnded.
        NotAllowed: the person was never given a task of this capture.
    """
    until = check_capture(conn, capture)
    if person.role != "lead" and not conn.execute(_WAS_GIVEN, {"capture": capture, "person": person.id}).scalar():
        raise NotAllowed("This capture belongs to no task that you were given.")
    return until
