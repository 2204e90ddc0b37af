"""Session records: the highest revision seen; lists and details of sessions."""

from __future__ import annotations

import json
from typing import Any

from collector.catalogue.session_steps import save_steps, steps_of
from collector.catalogue.take_records import MAX_REVISION, SessionConflict, save_take, save_takes_of, takes_of
from collector.consent.allows import allowed_until
from collector.consent.grants import grants_in, save_grants
from collector.store.dialects import json_member
from collector.store.sql import Connection, Row, text
from collector.studies.scope import EVERYTHING, Scope, within
from collector.studies.versions import content_of_session, version_of_session
from wire.base import format_utc
from wire.errors import GleanerError
from wire.session import SessionRecord, TakeDocument


class SessionTaken(GleanerError):
    """A session id belongs to another device."""

    code = "session-taken"
    status = 409
    hint = "Session ids are random; this one is another device's."


class RevisionTooHigh(GleanerError):
    """A revision that no session reaches: it would shut out every later record of the session."""

    code = "revision-too-high"
    status = 422
    hint = "Each change raises the revision by one; the highest accepted is 2147483648."


class ConsentWidened(GleanerError):
    """A device sent more for a consent than was given with it."""

    code = "consent-widened"
    status = 409
    hint = "Grants of a consent may be narrowed or ended; more needs a new consent with an id of its own."


class SessionUnknown(GleanerError):
    code = "session-unknown"
    status = 404
    hint = "GET /api/sessions lists what is here."


_ROWS = (
    "SELECT id, study, script_id, script_version, device_id AS device, participant, state, started_at, ended_at,"
    " (SELECT count(*) FROM take WHERE take.session_id = session.id AND take.state = 'closed') AS takes,"
    " (SELECT count(*) FROM capture WHERE capture.session_id = session.id) AS captures,"
    " (SELECT count(*) FROM capture WHERE capture.session_id = session.id AND capture.state = 'opened')"
    " AS captures_opened,"
    " (SELECT count(*) FROM capture WHERE capture.session_id = session.id AND capture.state = 'bad') AS captures_bad"
    " FROM session {} ORDER BY started_at DESC, id DESC LIMIT :limit"
)
_PAGE = text(_ROWS.format(f"WHERE {within('study')}"))
_LATER_PAGE = text(_ROWS.format(f"WHERE (started_at, id) < (:started, :after) AND {within('study')}"))
_STUDIES = text(f"SELECT DISTINCT study FROM session WHERE {within('study')} ORDER BY study")
_STARTED = text(f"SELECT started_at FROM session WHERE id = :after AND {within('study')}")
_FACTS = json_member("manifest", "device_facts")
_DEVICE_FACTS = text(
    f"SELECT {_FACTS} AS facts FROM capture WHERE session_id = :id AND {_FACTS} IS NOT NULL"
    " GROUP BY 1 ORDER BY min(wall_at), min(id)"
)
_SEEN_RECORD = text(f"SELECT record FROM session WHERE id = :id AND {within('study')}")


def save_session(conn: Connection, record: SessionRecord, control_share: float = 0.0) -> int:
    """Save a record unless a newer one is here; returns the revision that is saved. Repeating is harmless.

    Args:
        control_share: of a study that is new here.

    Raises:
        SessionTaken: another device sent this session before.
        TakeTaken: the record names a take of another session; nothing of the record is saved.
        SessionConflict, RevisionTooHigh, ConsentWidened: nothing of the record is saved.
    """
    _check_revision(record)
    known: SessionRecord | None = None
    row = conn.execute(
        text("SELECT device_id, revision, record, study_version_id FROM session WHERE id = :id"), {"id": record.session}
    ).one_or_none()
    version: int | None = None
    if row is not None:
        if row.device_id != record.device:
            raise SessionTaken(f"The session {record.session} is another device's.")
        if row.revision >= record.revision:
            return _known_revision(conn, row, record)
        known = _record(conn, row, record.session)
        _check_consent(known, record)
        if content_of_session(known) == content_of_session(record):
            version = row.study_version_id
    values: dict[str, Any] = {
        "id": record.session,
        "study": record.study,
        "script_id": record.script.id,
        "script_version": record.script.version,
        "script_sha256": record.script.sha256,
        "device_id": record.device,
        "participant": record.participant,
        "home": record.home,
        "consent": record.consent.consent,
        "state": record.state,
        "revision": record.revision,
        "record": json.dumps({name: value for name, value in record.to_json().items() if name != "steps"}),
        "started_at": format_utc(record.started_at),
        "ended_at": format_utc(record.ended_at) if record.ended_at else None,
        "language": record.language,
        "study_version_id": version_of_session(conn, record, control_share) if version is None else version,
    }
    _upsert(conn, "session", values)
    save_steps(conn, record)
    save_grants(conn, record.session, record.consent)
    save_takes_of(conn, record, other_consent=known is not None and known.consent != record.consent)
    return record.revision


def save_take_document(conn: Connection, document: TakeDocument) -> int:
    """Save a take's document unless a newer one is here; returns the revision that is saved. Repeating is harmless.

    Raises:
        SessionUnknown: the session's own record has to come first.
        SessionTaken, TakeTaken, SessionConflict, RevisionTooHigh: nothing of it is saved.
    """
    _check_revision(document)
    device = conn.execute(text("SELECT device_id FROM session WHERE id = :id"), {"id": document.session}).scalar()
    if device is None:
        raise SessionUnknown(f"There is no session {document.session} here.")
    if device != document.device:
        raise SessionTaken(f"The session {document.session} is another device's.")
    return save_take(conn, document)


def _check_revision(record: SessionRecord | TakeDocument) -> None:
    if record.revision > MAX_REVISION:
        raise RevisionTooHigh(f"The revision {record.revision} of {record.session} is too high.")


def _known_revision(conn: Connection, row: Row, record: SessionRecord) -> int:
    """The revision that is kept, which is this one or a later one. Raises SessionConflict."""
    revision: int = row.revision
    if revision == record.revision and _record(conn, row, record.session) != record:
        raise SessionConflict(f"The revision {revision} of {record.session} came with other content before.")
    return revision


def _record(conn: Connection, row: Row, session: str) -> SessionRecord:
    """A record as it was received."""
    return SessionRecord.read(json.loads(row.record) | {"steps": steps_of(conn, session)})


def _check_consent(known: SessionRecord, record: SessionRecord) -> None:
    """A consent is one act: what it allows may only become less. Raises ConsentWidened."""
    if known.consent.consent != record.consent.consent:
        return
    before, now = grants_in(known.consent), grants_in(record.consent)
    for use in now:
        if allowed_until(now, [use]) > allowed_until(before, [use]):
            raise ConsentWidened(f"The consent {record.consent.consent} did not allow {use} for that long before.")


def _upsert(conn: Connection, table: str, values: dict[str, Any]) -> None:
    columns = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    changes = ", ".join(f"{name} = excluded.{name}" for name in values if name != "id")
    conn.execute(
        text(f"INSERT INTO {table} ({columns}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {changes}"), values
    )


def list_sessions(conn: Connection, limit: int, after: str | None = None, scope: Scope = EVERYTHING) -> dict[str, Any]:
    """Newest first: identity, state, counts of takes and of captures by state; and every study with a session.

    Args:
        after: the last session of the page before; `next` names the one for the page that follows, None at the end.

    Raises:
        SessionUnknown: there is no session `after`.
    """
    asked: dict[str, Any] = {"limit": limit + 1, "started": None, "after": after, **scope.values}
    if after is not None:
        asked["started"] = conn.execute(_STARTED, asked).scalar()
        if asked["started"] is None:
            raise SessionUnknown(f"There is no session {after[:64]} here.")
    rows = list(conn.execute(_PAGE if after is None else _LATER_PAGE, asked).mappings())
    studies = conn.execute(_STUDIES, asked).scalars()
    more = rows[limit - 1]["id"] if len(rows) > limit else None
    return {"sessions": rows[:limit], "studies": list(studies), "next": more}


def describe_session(conn: Connection, session: str, scope: Scope = EVERYTHING) -> dict[str, Any]:
    """One session: its record with the takes that have come, its captures with state and problem, and what the device
    was when it recorded them: each answer once, in the order of recording.

    Raises SessionUnknown.
    """
    row = conn.execute(_SEEN_RECORD, {"id": session, **scope.values}).one_or_none()
    if row is None:
        raise SessionUnknown(f"There is no session {session[:64]} here.")
    captures = conn.execute(
        text(
            "SELECT id, take_id AS take, medium, sensor, step, attempt, complete, state, bytes, duration_us, frames,"
            " sha256, received_at, opened_at, problem, (SELECT error FROM job WHERE kind = 'derive' AND key ="
            " capture.id AND job.state = 'failed') AS derive_problem"
            " FROM capture WHERE session_id = :id ORDER BY opened_us, id"
        ),
        {"id": session},
    )
    rows = [capture | {"complete": bool(capture["complete"])} for capture in captures.mappings()]
    record = json.loads(row.record) | {"steps": steps_of(conn, session)}
    if record.get("take_count") is not None:
        record["takes"] = takes_of(conn, session)
    facts = [json.loads(one) for one in conn.execute(_DEVICE_FACTS, {"id": session}).scalars()]
    return {"record": record, "captures": rows, "device_facts": facts}
