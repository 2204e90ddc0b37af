"""What happened on a day, in numbers. Reads only; the day is a local day of the collector's machine or of a zone."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from collector.reports.worked import active_by_person
from collector.review.progress import midnight
from collector.store.sql import Connection, text
from collector.studies.scope import EVERYTHING, Scope, within, within_session, within_task
from wire.base import WireModel, format_utc


class TaskCounts(WireModel):
    """`done`: finished for the first time on this day, whoever corrects them later; `open`: nobody has finished them
    yet; `skipped`: they wait for a lead. The latter two are of now."""

    done: int
    open: int
    skipped: int


class PersonToday(WireModel):
    """`done`: tasks submitted on this day; `skipped`, `returned`: given up; `open`: tasks on this person's page now.

    `minutes`: active minutes by the wall clock; two windows at once count once, and so does work that is not submitted.
    """

    name: str
    done: int
    skipped: int
    returned: int
    open: int
    minutes: float


class Today(WireModel):
    """`day` is the local date, `zone` the zone: midnight there is where the day starts."""

    day: str
    zone: str
    takes: int
    captures: int
    uploads_pending: int
    tasks: TaskCounts
    people: list[PersonToday]


# Of which study an upload is, only its manifest says.
_UPLOAD_STUDY = (
    "(SELECT seen.study FROM capture JOIN session AS seen ON seen.id = capture.session_id"
    " WHERE capture.id = upload.capture_id)"
)
_COUNTS = text(
    "SELECT (SELECT count(*) FROM take WHERE state = 'closed' AND opened_at >= :since AND opened_at < :until"
    f" AND {within_session('take.session_id')}) AS takes,"
    " (SELECT count(*) FROM capture WHERE received_at >= :since AND received_at < :until"
    f" AND {within_session('capture.session_id')}) AS captures,"
    f" (SELECT count(*) FROM upload WHERE state = 'open' AND {within(_UPLOAD_STUDY)}) AS uploads_pending,"
    " (SELECT count(*) FROM revision WHERE number = 1 AND submitted_at >= :since AND submitted_at < :until"
    f" AND {within_task('revision.task_id')}) AS done,"
    f" (SELECT coalesce(sum(tasks), 0) FROM waiting WHERE {within('study')}) AS open,"
    f" (SELECT count(*) FROM task WHERE state = 'skipped' AND {within('study')}) AS skipped"
)
# A task is on a page while its lease runs; after that it waits for whoever comes first.
_PEOPLE = text(
    "SELECT person.id, person.name,"
    " (SELECT count(DISTINCT revision.task_id) FROM revision WHERE revision.person_id = person.id"
    "  AND revision.submitted_at >= :since AND revision.submitted_at < :until"
    f" AND {within_task('revision.task_id')}) AS done,"
    " (SELECT count(*) FROM task WHERE task.leased_to = person.id AND task.state = 'leased'"
    f"  AND task.lease_expires_at > :now AND {within('task.study')}) AS open"
    " FROM person ORDER BY done DESC, person.name"
)
_GIVEN_UP = text(
    "SELECT person_id, kind, count(*) FROM skip WHERE at >= :since AND at < :until"
    f" AND {within_task('skip.task_id')} GROUP BY person_id, kind"
)


def today(
    conn: Connection,
    now: datetime,
    day: date | None = None,
    zone: ZoneInfo | None = None,
    scope: Scope = EVERYTHING,
) -> Today:
    """The report of a local day, of the one that `now` lies in unless another is named.

    People who did nothing and hold nothing are left out.
    """
    day = day or now.astimezone(zone).date()
    start, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    span = {"since": format_utc(start), "until": format_utc(end), "now": format_utc(now)} | scope.values
    counts = conn.execute(_COUNTS, span).one()
    given_up = {(person, kind): count for person, kind, count in conn.execute(_GIVEN_UP, span)}
    active = active_by_person(conn, start, end, now, scope)
    people = [
        PersonToday(
            name=row.name,
            done=row.done,
            skipped=given_up.get((row.id, "skipped"), 0),
            returned=given_up.get((row.id, "returned"), 0),
            open=row.open,
            minutes=round(active.get(row.id, 0) / 60_000, 1),
        )
        for row in conn.execute(_PEOPLE, span)
    ]
    local = start.astimezone(zone)
    return Today(
        day=day.isoformat(),
        zone=f"{zone.key if zone else local.tzname()} (UTC{local:%z})",
        takes=counts.takes,
        captures=counts.captures,
        uploads_pending=counts.uploads_pending,
        tasks=TaskCounts(done=counts.done, open=counts.open, skipped=counts.skipped),
        people=[row for row in people if row.done or row.skipped or row.returned or row.open or row.minutes],
    )
