"""The next tasks of a page: what it asks for, and what it is answered, alone or together with a submit."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, get_args

from pydantic import Field

from collector.people.policy import Person
from collector.review import queue
from collector.review.problems import TooManyLeases
from collector.review.progress import Progress, progress
from collector.review.queue import Lease
from collector.review.rules import COUNT_LIMIT
from collector.review.shown_tasks import ShownTasks
from collector.review.task_detail import task_detail
from collector.review.views import TaskView, view_of
from collector.store.sql import Connection
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


def take_tasks(conn: Connection, asked: NextRequest, person: Person, now: datetime) -> list[Lease]:
    """Lease what is asked for. Raises TooManyLeases."""
    types = ALL_TYPES if asked.types is None else asked.types
    if not types:
        return []
    draws = [random.random() for _ in range(asked.count)]
    return queue.take_next(conn, person.id, asked.client, asked.have, types, draws, now, scope_of(person))


def take_along(conn: Connection, asked: NextRequest | None, person: Person, now: datetime) -> list[Lease] | None:
    """Lease what is asked for beside something else, which does not fail where nothing can be leased: None then."""
    try:
        return None if asked is None else take_tasks(conn, asked, person, now)
    except TooManyLeases:
        return None


def show_tasks(
    conn: Connection,
    leases: Sequence[Lease],
    person: Person,
    now: datetime,
    shown: ShownTasks,
    counted: Progress | None = None,
) -> NextReply:
    """The leased tasks as this person sees them; `shown` remembers them.

    Args:
        counted: how far the person is, where that was counted already.
    """
    is_lead = person.role == "lead"
    details = [(task_detail(conn, lease.task), lease) for lease in leases]
    tasks = [view_of(conn, detail, person.id, lease, is_lead=is_lead) for detail, lease in details]
    for detail, _ in details:
        shown.add(detail)
    return NextReply(
        now=format_utc(datetime.now(UTC)),
        tasks=tasks,
        progress=counted or progress(conn, person.id, now, scope_of(person)),
    )
