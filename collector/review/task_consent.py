"""The consent that covers a task: all its labelled captures. Checked before a task is leased, shown or written to.

`task.usable_until` has the moment beforehand, so that `next` sets aside with one indexed statement what has ended; the
session's consent decides before anything is leased.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from collector.consent.allows import ConsentEnded, allowed_until
from collector.review.problems import NoSuchTask
from collector.store.sql import Connection, Row, text
from wire.base import format_utc

# What a statement on `task` selects and joins for `usable_by`: a row for each labelled capture.
USE_COLUMNS = "task.fence, capture.medium, session_grant.use, session_grant.until"
USE_JOINS = (
    "LEFT JOIN task_capture ON task_capture.task_id = task.id AND task_capture.role = 'labelled'"
    " LEFT JOIN capture ON capture.id = task_capture.capture_id"
    " LEFT JOIN session_grant ON session_grant.session_id = task.session_id AND session_grant.use = capture.medium"
)
_USES = text(f"SELECT {USE_COLUMNS} FROM task {USE_JOINS} WHERE task.id = :task")
# `usable_until < '9999'` is the condition of the index: tasks without an end are not in it.
_WITHHOLD = text(
    "UPDATE task SET state = 'withheld' WHERE state IN ('open', 'leased') AND usable_until < '9999'"
    " AND usable_until <= :now"
)
_RELEASE = text(
    "UPDATE task SET state = CASE WHEN revision_id IS NULL THEN 'open' ELSE 'done' END"
    " WHERE state = 'withheld' AND usable_until < '9999' AND usable_until > :now"
)
_SET_UNTIL = text(
    "UPDATE task SET usable_until = :until, state = CASE"
    " WHEN state IN ('open', 'leased') AND :until <= :now THEN 'withheld'"
    " WHEN state = 'withheld' AND :until > :now THEN CASE WHEN revision_id IS NULL THEN 'open' ELSE 'done' END"
    " ELSE state END WHERE id = :task"
)


def apply_consents(conn: Connection, now: datetime) -> None:
    """Set aside what may not be worked on any more, and release what may: the clock was corrected."""
    at = {"now": format_utc(now)}
    conn.execute(_WITHHOLD, at)
    conn.execute(_RELEASE, at)


class Usable(NamedTuple):
    """Until when a task may be worked on, and the fence of its newest lease."""

    until: datetime
    fence: int


def usable(conn: Connection, task: str) -> Usable:
    """Raises NoSuchTask."""
    return usable_by(task, conn.execute(_USES, {"task": task}).all())


def usable_by(task: str, rows: Sequence[Row]) -> Usable:
    """`usable` of a task from its rows with the USE_COLUMNS. Raises NoSuchTask: there are none."""
    if not rows:
        raise NoSuchTask(f"There is no task {task}.")
    grants = {row.use: row.until for row in rows if row.use is not None}
    return Usable(allowed_until(grants, [row.medium for row in rows if row.medium is not None]), rows[0].fence)


def refresh_task(conn: Connection, task: str, now: datetime) -> bool:
    """Set what the session's consent says now; returns whether the task may be worked on. Raises NoSuchTask."""
    until = usable(conn, task).until
    conn.execute(_SET_UNTIL, {"task": task, "until": format_utc(until), "now": format_utc(now)})
    return until > now


def check_task(conn: Connection, task: str, now: datetime) -> None:
    """Raises NoSuchTask, ConsentEnded."""
    check_usable(usable(conn, task), now)


def check_usable(found: Usable, now: datetime) -> None:
    """Raises ConsentEnded."""
    if found.until <= now:
        raise ConsentEnded("The consent to use this recording has ended.")
