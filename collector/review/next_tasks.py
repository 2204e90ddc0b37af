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
from collector.review.progress import Progress, progress, progress_query
from collector.review.queue import Lease
from collector.review.rules import COUNT_LIMIT
from collector.review.shown_tasks import ShownTasks
from collector.review.task_detail import TaskDetail, detail_queries, task_detail
from collector.review.views import TaskView, draft_query, view_of
from collector.store.database import Database, ThreadRequired, others_wait
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


class Taken(NamedTuple):
    """Leases, and the `NextReply` with their tasks as JSON text; without it where that is made after the commit.

    `counted`: how far the person is, where that was counted already.
    """

    leases: list[Lease]
    shown: ShownNext | None
    counted: Progress | None


class ShownNext(NamedTuple):
    body: str
    details: list[TaskDetail]


def next_task_queries(asked: NextRequest | None, person: Person, now: datetime) -> Sequence[Query]:
    """What `take_tasks` executes first; None asks for nothing."""
    if asked is None or not (types := _types(asked)):
        return ()
    return queue.next_queries(person.id, asked.client, types, now, scope_of(person))


def _types(asked: NextRequest) -> Sequence[TaskType]:
    return ALL_TYPES if asked.types is None else asked.types


def take_tasks(conn: Connection, asked: NextRequest, person: Person, now: datetime) -> list[Lease]:
    """Lease what is asked for. Raises TooManyLeases."""
    types = _types(asked)
    if not types:
        return []
    draws = [random.random() for _ in range(asked.count)]
    return queue.take_next(conn, person.id, asked.client, asked.have, types, draws, now, scope_of(person))


def take_and_show(
    conn: Connection, asked: NextRequest, person: Person, now: datetime, counted: Progress | None = None
) -> Taken:
    """Lease what is asked for and read it in the same transaction, if that is quick and nobody waits for its end.

    Raises:
        TooManyLeases.
    """
    leases = take_tasks(conn, asked, person, now)
    if others_wait(conn):
        return Taken(leases, None, counted)
    try:
        return Taken(leases, show_tasks(conn, leases, person, now, counted), counted)
    except ThreadRequired:
        return Taken(leases, None, counted)


def take_along(
    conn: Connection, asked: NextRequest | None, person: Person, now: datetime, counted: Progress | None = None
) -> Taken | None:
    """Lease what is asked for with something else, which does not fail where nothing can be leased: None then."""
    try:
        return None if asked is None else take_and_show(conn, asked, person, now, counted)
    except TooManyLeases:
        return None


def show_tasks(
    conn: Connection, leases: Sequence[Lease], person: Person, now: datetime, counted: Progress | None = None
) -> ShownNext:
    """The leased tasks as this person sees them.

    Args:
        counted: how far the person is, where that was counted already.
    """
    is_lead = person.role == "lead"
    queries = [
        query
        for lease in leases
        for query in (*detail_queries(lease.task), draft_query(lease.task, person.id, lease.fence))
    ]
    conn.ahead(queries if counted else [progress_query(person.id, now, scope_of(person)), *queries])
    details = [task_detail(conn, lease.task) for lease in leases]
    reply = NextReply(
        now=format_utc(datetime.now(UTC)),
        tasks=[
            view_of(conn, detail, person.id, lease, is_lead=is_lead)
            for detail, lease in zip(details, leases, strict=True)
        ],
        progress=counted or progress(conn, person.id, now, scope_of(person)),
    )
    return ShownNext(reply.model_dump_json(by_alias=True), details)


async def shown_body(taken: Taken, db: Database, shown: ShownTasks, person: Person, now: datetime) -> str:
    """The `NextReply` as JSON text, after the commit of its leases; `shown` gets what people are shown."""
    found = taken.shown
    if found is None:
        found = await db.read(lambda conn: show_tasks(conn, taken.leases, person, now, taken.counted), quick=True)
    for detail in found.details:
        shown.add(detail)
    return found.body
