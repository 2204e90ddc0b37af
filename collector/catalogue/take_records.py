"""Takes as they come: in a session's record (up to its schema 2) or each as a document. Saves what changed."""

from __future__ import annotations

import json
from typing import Any

from collector.catalogue.takes import enqueue_tasks_when_complete
from collector.store.sql import Connection, text
from wire.base import format_utc
from wire.errors import GleanerError
from wire.session import SessionRecord, TakeDocument, TakeRecord

MAX_REVISION = 2**31
_OWNER = text("SELECT id FROM take WHERE id IN :takes AND session_id <> :session ORDER BY id LIMIT 1")
_OF_SESSION = text("SELECT id, revision, record FROM take WHERE session_id = :session")
_CLOSED = text("SELECT id FROM take WHERE session_id = :session AND state = 'closed' ORDER BY number, id")
_ONE = text("SELECT session_id, revision, record FROM take WHERE id = :take")
_RECORDS = text("SELECT record FROM take WHERE session_id = :session ORDER BY number, id")
_COLUMNS = (
    "id", "session_id", "number", "revision", "step", "step_number", "attempt", "kind", "state", "prompt", "expected",
    "opened_us", "closed_us", "opened_at", "closed_at", "record",
)  # fmt: skip
_SAVE = text(
    f"INSERT INTO take ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"
    f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS if name != 'id')}"
)


class TakeTaken(GleanerError):
    """A take id belongs to another session."""

    code = "take-taken"
    status = 409
    hint = "Take ids are random; this one is another session's. Keep the data and look at the device's clock and id."


class SessionConflict(GleanerError):
    """A revision of a session, or of one of its takes, came with other content before."""

    code = "session-conflict"
    status = 409
    hint = "The first content of a revision is kept; a record that changed needs a higher revision."


def save_take(conn: Connection, document: TakeDocument) -> int:
    """Save a take of a session that is here, unless a newer document of it is; returns the revision that is saved.

    Raises:
        TakeTaken: it is a take of another session. SessionConflict: this revision had other content.
    """
    known = conn.execute(_ONE, {"take": document.take.take}).one_or_none()
    if known is not None:
        if known.session_id != document.session:
            raise _taken(document.take.take, document.session)
        if known.revision >= document.revision:
            if known.revision == document.revision and json.loads(known.record) != document.take.to_json():
                raise SessionConflict(
                    f"The revision {known.revision} of {document.take.take} came with other content before."
                )
            return int(known.revision)
    conn.execute(
        _SAVE, _values(document.session, document.revision, document.number, document.step_number, document.take)
    )
    enqueue_tasks_when_complete(conn, document.take.take)
    return document.revision


def save_takes_of(conn: Connection, record: SessionRecord, *, other_consent: bool) -> None:
    """Save the takes that travel in a record and differ from what is here; with another consent all are judged anew.

    Raises:
        TakeTaken: the record names a take of another session.
    """
    known = {row.id: row for row in conn.execute(_OF_SESSION, {"session": record.session})} if record.takes else {}
    new = [take.take for take in record.takes if take.take not in known]
    owned = conn.execute(_OWNER, {"takes": new, "session": record.session}).scalar() if new else None
    if owned is not None:
        raise _taken(owned, record.session)
    steps: dict[str, int] = {}
    changed = []
    for number, take in enumerate(record.takes, 1):
        values = _values(record.session, record.revision, number, steps.setdefault(take.step, len(steps) + 1), take)
        row = known.get(take.take)
        if row is None or (row.record != values["record"] and row.revision < record.revision):
            changed.append(values)
    if changed:
        conn.execute(_SAVE, changed)
    names = [values["id"] for values in changed]
    if other_consent:
        names = list(conn.execute(_CLOSED, {"session": record.session}).scalars())
    for name in names:
        enqueue_tasks_when_complete(conn, name)


def takes_of(conn: Connection, session: str) -> list[dict[str, Any]]:
    """The records of the takes that have come, as JSON, in the order of opening."""
    return [json.loads(record) for record in conn.execute(_RECORDS, {"session": session}).scalars()]


def _taken(take: str, session: str) -> TakeTaken:
    return TakeTaken(f"The take {take} is of another session than {session}.")


def _values(session: str, revision: int, number: int, step_number: int, take: TakeRecord) -> dict[str, Any]:
    return {
        "id": take.take,
        "session_id": session,
        "number": number,
        "revision": revision,
        "step": take.step,
        "step_number": step_number,
        "attempt": take.attempt,
        "kind": take.kind,
        "state": take.state,
        "prompt": take.prompt,
        "expected": take.expected,
        "opened_us": take.opened_us,
        "closed_us": take.closed_us,
        "opened_at": format_utc(take.opened_at),
        "closed_at": format_utc(take.closed_at) if take.closed_at else None,
        "record": json.dumps(take.to_json()),
    }
