"""The next tasks of a page: what it asks for, and what it is answered, alone or together with a submit."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, NamedTuple, get_args

from pydantic import Field

from collector.people.policy import Person
from collector.review import queue
from collector.review.problems import TooManyLeases
from collector.review.progress import Progress, progress
from collector.review.queue import Lease
from collector.review.rules import COUNT_LIMIT
from collector.review.shown_tasks import ShownTasks
from collector.review.task_detail import StoredTask, TaskDetail, detail_of, read_task, task_queries
from collector.review.views import OwnWork, TaskView, draft_query, own_work, view_of
from collector.store.database import Database
from collector.store.sql import Connection, Query
from collector.studies.scope import scope_of
from wire.base import Id, Ordinal, WireModel, format_utc
from wire.tasks import TaskType

ALL_TYPES: tuple[TaskType, ...] = get_args(TaskType)


class NextRequest(WireModel):
    """`client` is the page's own id; `have` are the tasks it holds already, so that a lost reply loses none."""

    client: Id
    have: list[Id] = []
    count: Annotated[Ordinal, Field(le=COUNT_LIMIT)] = 1
    types: list[TaskType] | None = None


class NextReply(WireModel):
    now: str
    tasks: list[TaskView]
    progress: Progress


class LeasedRows(NamedTuple):
    """A leased task as it is stored, with what its holder alone is shown."""

    lease: Lease
    rows: StoredTask
    own: OwnWork


class Taken(NamedTuple):
    """Leases, how far the person is, and what is shown of the tasks; None where that was not read yet."""

    leases: list[Lease]
    counted: Progress
    shown: list[LeasedRows] | None = None


class ShownNext(NamedTuple):
    body: str
    details: list[TaskDetail]


def next_task_queries(asked: NextRequest | None, person: Person, now: datetime) -> Sequence[Query]:
    """What `take_tasks` executes first; None asks for nothing."""
    if asked is None or not (types := _types(asked)):
        return ()
    return queue.next_queries(person.id, types, now, scope_of(person))


def _types(asked: NextRequest) -> Sequence[TaskType]:
    return ALL_TYPES if asked.types is None else asked.types


def take_tasks(conn: Connection, asked: NextRequest, person: Person, now: datetime) -> list[Lease]:
    """Lease what is asked for. Raises TooManyLeases."""
    types = _types(asked)
    if not types:
        return []
    draws = [random.random() for _ in range(asked.count)]
    return queue.take_next(conn, person.id, asked.client, asked.have, types, draws, now, scope_of(person))


def take(conn: Connection, asked: NextRequest, person: Person, now: datetime, counted: Progress | None = None) -> Taken:
    """Lease what is asked for.

    Args:
        counted: how far the person is, where that was counted already.

    Raises:
        TooManyLeases.
    """
    leases = take_tasks(conn, asked, person, now)
    return Taken(leases, counted or progress(conn, person.id, now, scope_of(person)))


def take_along(
    conn: Connection, asked: NextRequest | None, person: Person, now: datetime, counted: Progress | None = None
) -> Taken | None:
    """Lease what is asked for with something else, which does not fail where nothing can be leased: None then."""
    try:
        return None if asked is None else take(conn, asked, person, now, counted)
    except TooManyLeases:
        return None


def read_taken(conn: Connection, taken: Taken, person: Person) -> Taken:
    """With what is shown of the tasks. Raises ThreadRequired."""
    return taken._replace(shown=read_leased(conn, taken.leases, person))


def read_leased(conn: Connection, leases: Sequence[Lease], person: Person) -> list[LeasedRows]:
    """What is stored of leased tasks, for this person."""
    conn.ahead(
        [
            query
            for lease in leases
            for query in (*task_queries(lease.task), draft_query(lease.task, person.id, lease.fence))
        ]
    )
    found = []
    for lease in leases:
        rows = read_task(conn, lease.task)
        found.append(LeasedRows(lease, rows, own_work(conn, rows, person.id, is_lead=person.role == "lead")))
    return found


def show_tasks(found: Sequence[LeasedRows], counted: Progress) -> ShownNext:
    """The leased tasks as their holder sees them now."""
    details = [detail_of(leased.rows) for leased in found]
    reply = NextReply(
        now=format_utc(datetime.now(UTC)),
        tasks=[view_of(detail, leased.own, leased.lease) for detail, leased in zip(details, found, strict=True)],
        progress=counted,
    )
    return ShownNext(reply.model_dump_json(by_alias=True), details)


async def shown_body(taken: Taken, db: Database, shown: ShownTasks, person: Person) -> str:
    """The `NextReply` as JSON text, after the commit of its leases; `shown` gets what people are shown."""
    if taken.shown is not None:
        found = show_tasks(taken.shown, taken.counted)
    else:
        found = await db.read(lambda conn: show_tasks(read_leased(conn, taken.leases, person), taken.counted))
    for detail in found.details:
        shown.add(detail)
    return found.body
