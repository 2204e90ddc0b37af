"""What happened to a task, for leads: every lease with its page, its lane and how it ended. Reads only."""

from __future__ import annotations

from typing import Literal

from collector.review.queue import Lane, holding
from collector.store.sql import Connection, text
from wire.base import WireModel

Ended = Literal["submitted", "skipped", "returned", "expired", "taken-again"]

_LEASES = text(
    "SELECT lease.fence, person.name AS person, lease.client, lease.started_at, lease.expires_at, lease.ended_at,"
    " lease.ended, lease.lane, lease.probability FROM lease JOIN person ON person.id = lease.person_id"
    " WHERE lease.task_id = :task ORDER BY lease.fence"
)


class LeaseRow(WireModel):
    """One lease. `client` is the page; `lane` is where the queue took the task from, `probability` the chance with
    which that lane was served then. `ended` is null while it is held, and where it ran out and nobody took the task
    since. Leases from before this was recorded have a person alone.
    """

    fence: int
    person: str
    client: str | None
    started_at: str | None
    expires_at: str | None
    ended_at: str | None
    ended: Ended | None
    lane: Lane | None
    probability: float | None


class TaskHistory(WireModel):
    """The first lease first."""

    leases: list[LeaseRow]


def task_history(conn: Connection, task: str) -> TaskHistory:
    """Raises NoSuchTask."""
    holding(conn, task)
    rows = conn.execute(_LEASES, {"task": task}).mappings()
    return TaskHistory(leases=[LeaseRow.model_validate(row) for row in rows])
