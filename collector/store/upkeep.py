"""Rows that nobody needs any more, and times that a clock set back has left in the future. Plain SQL, by the hour."""

from __future__ import annotations

import time
from dataclasses import dataclass

from collector.store.clock import now_text, record_time, steady_text
from collector.store.database import Database
from collector.store.sql import Connection, text

DAY_SECONDS = 86_400.0
MAX_ROW_AGE_SECONDS = 30 * DAY_SECONDS
# No lease and no backoff lasts an hour: one that ends later was written before the clock went back.
MAX_AHEAD_SECONDS = 3_600.0
BATCH_ROWS = 500  # a few milliseconds of the writer
PAUSE_SECONDS = 0.05  # between two batches: people's writes come first


@dataclass(frozen=True)
class RowAges:
    """How old rows get that may go by a setting, in days. 0: they stay for ever."""

    activity_days: int = 90
    access_log_days: int = 0


# Sessions of the page and one-time links that ended; tokens of programs have no end, or are listed until they are old.
_ENDED_TOKENS = text(
    "DELETE FROM token WHERE hash IN (SELECT hash FROM token WHERE expires_at < :steady_old LIMIT :rows)"
)
_ENDED_CODES = text(
    "DELETE FROM join_code WHERE handle IN (SELECT handle FROM join_code WHERE expires_at < :steady_old LIMIT :rows)"
)
# Runs of models are counted by their jobs: those stay.
_DONE_JOBS = text(
    "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE state = 'done' AND kind IN ('open', 'derive', 'tasks')"
    " AND done_at < :old LIMIT :rows)"
)
# The receipt replaces the record of what was uploaded.
_RECEIVED_UPLOADS = text(
    "DELETE FROM upload WHERE id IN (SELECT id FROM upload WHERE state = 'durable' AND expires_at < :old"
    " AND capture_id IN (SELECT id FROM capture WHERE state = 'opened') LIMIT :rows)"
)
# A submit has counted them: `worked` and the revision have the active time.
_COUNTED_ACTIVITY = text(
    "DELETE FROM activity WHERE id IN (SELECT id FROM activity WHERE at < :activity_old ORDER BY at LIMIT :rows)"
)
# Ids rise with time, and no index has the time: the oldest rows are the first ones.
_OLD_LOOKS = text(
    "DELETE FROM look WHERE id IN (SELECT id FROM (SELECT id, at FROM look ORDER BY id LIMIT :rows) AS oldest"
    " WHERE at < :access_log_old)"
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


def prune(db: Database, ages: RowAges, *, max_batches: int | None = None) -> int:
    """Remove rows that nothing refers to and nobody needs, a batch per transaction; returns how many.

    `max_batches`: of each kind of rows; None: until all are gone. Not on the event loop.
    """
    kinds = [_ENDED_TOKENS, _ENDED_CODES, _DONE_JOBS, _RECEIVED_UPLOADS]
    kinds += [_COUNTED_ACTIVITY] * bool(ages.activity_days) + [_OLD_LOOKS] * bool(ages.access_log_days)
    removed = 0
    for statement in kinds:
        done = 0
        while max_batches is None or done < max_batches:
            count = db.write_sync(lambda conn, one=statement: conn.execute(one, _limits(conn, ages)).rowcount)  # type: ignore[misc]
            removed, done = removed + count, done + 1
            if count < BATCH_ROWS:
                break
            time.sleep(PAUSE_SECONDS)
    return removed


def _limits(conn: Connection, ages: RowAges) -> dict[str, str | int]:
    return {
        "old": now_text(-MAX_ROW_AGE_SECONDS),
        "steady_old": steady_text(conn, -MAX_ROW_AGE_SECONDS),
        "activity_old": now_text(-ages.activity_days * DAY_SECONDS),
        "access_log_old": now_text(-ages.access_log_days * DAY_SECONDS),
        "rows": BATCH_ROWS,
    }


def end_times_ahead(conn: Connection) -> None:
    """Leases, waits and one-time links that end more than an hour from now end now; links that expired stay so."""
    for statement in _SET_BACK:
        conn.execute(statement, {"now": now_text(), "ahead": now_text(MAX_AHEAD_SECONDS)})
    record_time(conn)
    ends = {"steady": steady_text(conn), "ahead": steady_text(conn, MAX_AHEAD_SECONDS)}
    conn.execute(_USE_UP, {"now": now_text()} | ends)
