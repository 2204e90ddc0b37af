"""How far a person and the queue are: the line at the top of the page, in every answer of the queue.

What a person submits is counted as they submit it, in one row per minute (`finished_minute`): to count a day's
revisions again in every answer would take longer than all the rest of the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from collector.store.sql import Connection, Query, text
from collector.studies.scope import EVERYTHING, Scope, within
from wire.base import WireModel, format_utc

PACE_MINUTES = 10
_MINUTE = 16  # characters of a moment up to its minute
# `pieces`: submits under one lease are one piece of work. `tasks`: a task counts once a day.
_COUNT = text(
    "INSERT INTO finished_minute (person_id, study, minute, pieces, tasks, first_at) SELECT :person, study, :minute,"
    " CASE WHEN EXISTS (SELECT 1 FROM revision WHERE task_id = :task AND fence = :fence AND id <> :revision)"
    " THEN 0 ELSE 1 END,"
    # A task has few revisions, a person and a day may have thousands: `|| ''` keeps their indexes out.
    " CASE WHEN EXISTS (SELECT 1 FROM revision WHERE task_id = :task AND person_id || '' = :person"
    " AND submitted_at || '' >= :day AND id <> :revision) THEN 0 ELSE 1 END, :now FROM task WHERE id = :task"
    " ON CONFLICT (person_id, study, minute) DO UPDATE SET pieces = finished_minute.pieces + excluded.pieces,"
    " tasks = finished_minute.tasks + excluded.tasks"
)
# What waits is counted by triggers (collector/store/tables/waiting.py): counting a long queue would slow every answer.
_COUNTED = text(
    "SELECT coalesce(sum(CASE WHEN minute >= :day THEN tasks END), 0) AS tasks,"
    " coalesce(sum(CASE WHEN minute >= :since THEN pieces END), 0) AS pieces,"
    " min(CASE WHEN minute >= :since THEN first_at END) AS first_at,"
    f" (SELECT coalesce(sum(tasks), 0) FROM waiting WHERE {within('waiting.study')}) AS open"
    " FROM finished_minute WHERE person_id = :person AND minute >= :first"
    f" AND {within('study')}"
)


class Progress(WireModel):
    """Tasks this person finished today (the collector's local day), tasks nobody has finished, recent pace."""

    done_today: int
    open: int
    per_minute: float


def count_submit(conn: Connection, revision: str, task: str, person: str, fence: int, now: datetime) -> None:
    """Count a revision that was made in this transaction."""
    at = format_utc(now)
    values = {"revision": revision, "task": task, "person": person, "fence": fence, "now": at}
    conn.execute(_COUNT, {**values, "minute": at[:_MINUTE], "day": format_utc(day_start(now))})


def progress(
    conn: Connection, person: str, now: datetime, scope: Scope = EVERYTHING, then: Sequence[Query] = ()
) -> Progress:
    """How far this person and the queue are. The day is the local day of the collector's machine.

    Args:
        then: what is asked next, and may travel with it.
    """
    day, since = day_start(now), now - timedelta(minutes=PACE_MINUTES)
    asked = {"person": person, "day": format_utc(day)[:_MINUTE], "since": format_utc(since)[:_MINUTE]}
    query = (_COUNTED, {**asked, "first": min(asked["day"], asked["since"]), **scope.values})
    conn.ahead([query, *then])
    found = conn.execute(*query).one()
    minutes = (now - datetime.fromisoformat(found.first_at)).total_seconds() / 60 if found.first_at else 0.0
    return Progress(
        done_today=found.tasks,
        open=found.open,
        per_minute=round(found.pieces / max(1.0, minutes), 1),
    )


def day_start(now: datetime) -> datetime:
    """The beginning of this machine's local day of `now`, as UTC."""
    return midnight(now.astimezone().date())


def midnight(day: date, zone: ZoneInfo | None = None) -> datetime:
    """When a local day begins in a zone (None: this machine's), as UTC."""
    # The offset at that midnight, not the one of another hour; where clocks skip it, the moment of the change.
    return datetime.fromtimestamp(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp(), UTC)
