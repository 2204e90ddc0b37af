"""The consent that covers a capture, out of the database: checked before anything of it is read or worked on."""

from __future__ import annotations

from datetime import UTC, datetime

from collector.catalogue.captures import capture_unknown
from collector.consent.allows import ConsentEnded, Grants, allowed_until, allows
from collector.store.sql import Connection, Row, text

_CAPTURE = text(
    "SELECT capture.medium, session.id AS session, session_grant.use, session_grant.until FROM capture"
    " LEFT JOIN session ON session.id = capture.session_id LEFT JOIN session_grant"
    " ON session_grant.session_id = session.id AND session_grant.use = capture.medium WHERE capture.id = :capture"
)


def capture_allowed_until(conn: Connection, capture: str) -> datetime:
    """Raises CaptureUnknown."""
    row = conn.execute(_CAPTURE, {"capture": capture}).one_or_none()
    if row is None:
        raise capture_unknown(capture)
    return allowed_until(_grants(row), [row.medium])


def check_capture(conn: Connection, capture: str) -> datetime:
    """Until when the capture may be used.

    Raises:
        CaptureUnknown.
        ConsentEnded: it may not be used now.
    """
    until = capture_allowed_until(conn, capture)
    if until <= datetime.now(UTC):
        raise ConsentEnded(f"The consent does not cover the capture {capture} now.")
    return until


def is_withheld(conn: Connection, capture: str) -> bool:
    """Whether the session's record is here and does not cover the capture now: nothing more is made of it."""
    row = conn.execute(_CAPTURE, {"capture": capture}).one_or_none()
    if row is None or row.session is None:
        return False
    return not allows(_grants(row), [row.medium], datetime.now(UTC))


def _grants(row: Row) -> Grants:
    return {} if row.use is None else {row.use: row.until}
