"""Which captures a person may see: leads those of their studies, annotators those of tasks that they were given."""

from __future__ import annotations

from datetime import datetime

from collector.catalogue.capture_consent import check_capture
from collector.catalogue.captures import capture_unknown
from collector.people.policy import NotAllowed, Person
from collector.store.sql import Connection, text
from collector.studies.scope import scope_of, within_session

_WAS_GIVEN = text(
    "SELECT EXISTS (SELECT 1 FROM task_capture JOIN lease ON lease.task_id = task_capture.task_id"
    " WHERE task_capture.capture_id = :capture AND lease.person_id = :person)"
)

_IN_SCOPE = text(
    f"SELECT EXISTS (SELECT 1 FROM capture WHERE id = :capture AND {within_session('capture.session_id')})"
)


def check_visible(conn: Connection, capture: str, person: Person) -> datetime:
    """Until when the consent lets the capture be used.

    Raises:
        CaptureUnknown: there is none, or it is of a study that the person may not see.
        ConsentEnded.
        NotAllowed: the person was never given a task of this capture.
    """
    if not conn.execute(_IN_SCOPE, {"capture": capture, **scope_of(person).values}).scalar():
        raise capture_unknown(capture)
    until = check_capture(conn, capture)
    if person.role != "lead" and not conn.execute(_WAS_GIVEN, {"capture": capture, "person": person.id}).scalar():
        raise NotAllowed("This capture belongs to no task that was assigned to you.")
    return until
