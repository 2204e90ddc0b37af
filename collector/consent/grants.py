"""What participants allowed, session by session, as rows: `allows.py` decides by them."""

from __future__ import annotations

from collections.abc import Iterable

from collector.consent.allows import Grants
from collector.store.sql import Connection, text
from wire.base import format_utc
from wire.capture import Medium
from wire.consent import ConsentRecord

MAX_SESSIONS = 500  # of one statement
_OF_SESSIONS = text(
    "SELECT session_id, use, until FROM session_grant WHERE session_id IN :sessions ORDER BY session_id, use"
)
_DELETE = text("DELETE FROM session_grant WHERE session_id = :session")
_ADD = text("INSERT INTO session_grant (session_id, use, until) VALUES (:session, :use, :until)")


def grants_in(consent: ConsentRecord) -> dict[Medium, str | None]:
    """The grants of a consent record by use."""
    return {grant.use: None if grant.until is None else format_utc(grant.until) for grant in consent.grants}


def save_grants(conn: Connection, session: str, consent: ConsentRecord) -> None:
    """Save what a session's consent grants now, where it differs from what is here."""
    grants = grants_in(consent)
    if grants == grants_of(conn, session):
        return
    conn.execute(_DELETE, {"session": session})
    if grants:
        conn.execute(_ADD, [{"session": session, "use": use, "until": until} for use, until in grants.items()])


def grants_of(conn: Connection, session: str) -> Grants:
    """The grants of a session's consent by use; none where no record of it is here."""
    return grants_of_all(conn, [session])[session]


def grants_of_all(conn: Connection, sessions: Iterable[str]) -> dict[str, Grants]:
    """`grants_of` for each of some sessions."""
    found: dict[str, dict[Medium, str | None]] = {name: {} for name in sessions}
    names = list(found)
    for start in range(0, len(names), MAX_SESSIONS):
        for row in conn.execute(_OF_SESSIONS, {"sessions": names[start : start + MAX_SESSIONS]}):
            found[row.session_id][row.use] = row.until
    return dict(found)
