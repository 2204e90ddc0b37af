"""What happened today, in numbers. Reads only; the day is the local day of the collector's machine."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from collector.review.views import day_end, day_start
from wire.base import WireModel, format_utc


class TaskCounts(WireModel):
    """`done`: newest submit is of today; `open`: nobody has finished them yet; `skipped`: they wait for a lead."""

    done: int
    open: int
    skipped: int


class PersonToday(WireModel):
    """`done`: tasks submitted today; `open`: tasks on this person's page now; `minutes`: active minutes of today."""

    name: str
    done: int
    open: int
    minutes: float


class Today(WireModel):
    """`day` is the local date, `zone` the machine's zone: midnight there is where the day starts."""

    day: str
    zone: str
    takes: int
    captures: int
    uploads_pending: int
    tasks: TaskCounts
    people: list[PersonToday]


_COUNTS = text(
    "SELECT (SELECT count(*) FROM take WHERE state = 'closed' AND opened_at >= :since AND opened_at < :until) AS takes,"
    " (SELECT count(*) FROM capture WHERE received_at >= :since AND received_at < :until) AS captures,"
    " (SELECT count(*) FROM upload WHERE state = 'open') AS uploads_pending,"
    " (SELECT count(*) FROM task WHERE done_at >= :since AND done_at < :until) AS done,"
    " (SELECT count(*) FROM task WHERE state = 'open' OR (state = 'leased' AND revision_id IS NULL)) AS open,"
    " (SELECT count(*) FROM task WHERE state = 'skipped') AS skipped"
)
# A task stands on a page while its lease runs; after that it waits for whoever comes first.
_PEOPLE = text(
    "SELECT person.name,"
    " (SELECT count(DISTINCT revision.task_id) FROM revision WHERE revision.person_id = person.id"
    "  AND revision.submitted_at >= :since AND revision.submitted_at < :until) AS done,"
    " (SELECT count(*) FROM task WHERE task.leased_to = person.id AND task.state = 'leased'"
    "  AND task.lease_expires_at > :now) AS open,"
    " (SELECT coalesce(sum(revision.active_ms), 0) FROM revision WHERE revision.person_id = person.id"
    "  AND revision.submitted_at >= :since AND revision.submitted_at < :until) AS active_ms"
    " FROM person ORDER BY done DESC, person.name"
)


def today(conn: Connection, now: datetime) -> Today:
    """The report of the local day that `now` lies in. People who did nothing and hold nothing are left out."""
    start = day_start(now)
    end = day_end(now)
    span = {"since": format_utc(start), "until": format_utc(end), "now": format_utc(now)}
    counts = conn.execute(_COUNTS, span).one()
    local = now.astimezone()
    people = [
        PersonToday(name=row.name, done=row.done, open=row.open, minutes=round(row.active_ms / 60_000, 1))
        for row in conn.execute(_PEOPLE, span)
        if row.done or row.open or row.active_ms
    ]
    return Today(
        day=local.date().isoformat(),
        zone=f"{local.tzname()} (UTC{local:%z})",
        takes=counts.takes,
        captures=counts.captures,
        uploads_pending=counts.uploads_pending,
        tasks=TaskCounts(done=counts.done, open=counts.open, skipped=counts.skipped),
        people=people,
    )
