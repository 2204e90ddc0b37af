"""Rows that nobody needs any more, and times that a clock set back has left in the future. Plain SQL, by the hour."""

from __future__ import annotations

from collector.store.clock import now_text, record_time, steady_text
from collector.store.sql import Connection, text

MAX_ROW_AGE_SECONDS = 30 * 86_400.0
# No lease and no backoff lasts an hour: one that ends later was written before the clock went back.
MAX_AHEAD_SECONDS = 3_600.0
_PRUNE_EXPIRED = (
    # One-time links and sessions of the page that ended; tokens of programs have no end.
    text("DELETE FROM token WHERE expires_at < :old"),
    text("DELETE FROM join_code WHERE expires_at < :old"),
)
_PRUNE = (
    # Runs of models are counted by their jobs: those stay.
    text("DELETE FROM job WHERE state = 'done' AND kind IN ('open', 'derive', 'tasks') AND done_at < :old"),
    # The receipt replaces the record of what was uploaded.
    text(
        "DELETE FROM upload WHERE state = 'durable' AND expires_at < :old"
        " AND capture_id IN (SELECT id FROM capture WHERE state = 'opened')"
    ),
)
_SET_BACK = (
    text("UPDATE task SET lease_expires_at = :now WHERE state = 'leased' AND lease_expires_at > :ahead"),
    text("UPDATE job SET not_before = :now WHERE state = 'waiting' AND not_before > :ahead"),
)
# One-time links last an hour as well. Used up, one that has expired stays closed whatever the clock does.
_USE_UP = text(
    "UPDATE token SET used_at = :now WHERE kind = 'enter' AND used_at IS NULL"
    " AND (expires_at <= :steady OR expires_at > :ahead)"
)


def prune(conn: Connection) -> None:
    """Remove rows that ended thirty days ago and that nothing else refers to."""
    for statement in _PRUNE:
        conn.execute(statement, {"old": now_text(-MAX_ROW_AGE_SECONDS)})
    for statement in _PRUNE_EXPIRED:
        conn.execute(statement, {"old": steady_text(conn, -MAX_ROW_AGE_SECONDS)})


def end_times_ahead(conn: Connection) -> None:
    """Leases, waits and one-time links that end more than an hour from now end now; links that expired stay so."""
    for statement in _SET_BACK:
        conn.execute(statement, {"now": now_text(), "ahead": now_text(MAX_AHEAD_SECONDS)})
    record_time(conn)
    ends = {"steady": steady_text(conn), "ahead": steady_text(conn, MAX_AHEAD_SECONDS)}
    conn.execute(_USE_UP, {"now": now_text()} | ends)
