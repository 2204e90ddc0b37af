"""The queue: who works on what, by lease and fence. Every function is plain SQL on one connection of the writer.

A write is accepted if and only if its fence equals the task's and comes from the task's holder, even after the lease
has run out, while nobody else took the task (contracts.md, Lease and fence). A write that is not accepted returns a
`LeaseRefused` instead of raising, so that the transaction that keeps its documents as a draft stands; the caller raises
`LeaseRefused.error()` after the commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from collector.review import queue_sql as sql
from collector.review.codes import ReopenCode, SkipCode
from collector.review.problems import LeaseLost, NoSuchTask, TaskNotYours, TooManyLeases
from collector.review.rules import LEASE_SECONDS, MAX_LEASES, coin_probability, may_write, random_first
from collector.review.task_consent import Usable, apply_consents, check_task, refresh_task, usable, usable_by
from collector.store.database import require_thread
from collector.store.sql import Connection, Query, Row, Values
from collector.studies.scope import EVERYTHING, Scope
from wire.base import format_utc
from wire.tasks import TaskState, TaskType


@dataclass(frozen=True)
class Lease:
    """What a person holds: quote the fence with every write, renew before `expires_at`."""

    task: str
    fence: int
    expires_at: str


Lane = Literal["priority", "random", "expired", "own-expired", "given-back", "reopened"]


@dataclass(frozen=True)
class Served:
    """A task to be leased: the lane it came from, and the chance that this lane was served."""

    task: str
    lane: Lane
    probability: float = 1.0
    why: ReopenCode | None = None


class _Candidate(NamedTuple):
    """`uses`: rows for `usable_by`; none where they were not read along."""

    task: str
    given_back: bool = False
    uses: Sequence[Row] = ()

    def usable(self) -> Usable | None:
        return usable_by(self.task, self.uses) if self.uses else None


@dataclass(frozen=True)
class LeaseState:
    """What a write finds."""

    state: TaskState
    fence: int
    leased_to: str | None
    leased_at: str | None
    expires_at: str | None
    revision_id: str | None
    holder: str | None


@dataclass(frozen=True)
class LeaseRefused:
    """A write that came too late; its documents, if it had any, are kept as a draft."""

    task: str
    state: str
    holder: str | None
    kept: bool

    def error(self) -> LeaseLost:
        where = f"is held by {self.holder}" if self.state == "leased" and self.holder else f"is {self.state}"
        task = {"id": self.task, "state": self.state, "holder": self.holder}
        hint = None if self.kept else "Take the task again to continue, or go to the next one."
        return LeaseLost(f"The task is no longer yours: it {where}.", hint=hint, task=task)


def take_next(
    conn: Connection,
    person: str,
    client: str,
    have: Sequence[str],
    types: Sequence[TaskType],
    draws: Sequence[float],
    now: datetime,
    scope: Scope = EVERYTHING,
) -> list[Lease]:
    """Lease up to `len(draws)` tasks to a person's page; those it was given before and does not `have` come first.

    What the consent does not cover now is set aside on the way.

    Args:
        draws: one random number in [0, 1) a task: the coin of the random share.
        scope: the studies that the person may see.

    Raises:
        TooManyLeases: the page has nothing, and the person's other pages hold all that one person may.
    """
    at, expires = format_utc(now), format_utc(now + timedelta(seconds=LEASE_SECONDS))
    queries = next_queries(person, types, now, scope)
    conn.ahead(queries)
    (given_query, (_, asked)) = queries
    statements = _statements(types, scope)
    found = conn.execute(*given_query).all()
    if found[0].is_to_settle:
        _apply_time(conn, now)
        found = conn.execute(*given_query).all()
    given = _Given(found, client, types, at)
    leases: list[Lease] = []
    active = given.active
    for row in given.here:
        if row.id in have or len(leases) >= len(draws):
            continue
        had_expired = row.lease_expires_at <= at
        if not _is_usable(conn, row.id, now):
            active -= not had_expired
            continue
        conn.execute(sql.RENEW, {"task": row.id, "expires": expires})
        conn.execute(sql.EXTEND_LEASE, {"task": row.id, "fence": row.fence, "expires": expires})
        leases.append(Lease(row.id, row.fence, expires))
        active += had_expired
    room = MAX_LEASES - active
    if room <= 0 and not leases and not have:
        raise TooManyLeases(f"You already have {MAX_LEASES} tasks open.")
    for draw in draws[len(leases) :][: max(0, room)]:
        chosen = _choose_usable(conn, statements, asked, draw, given.expired, now)
        if chosen is None:
            break
        leases.append(_lease(conn, *chosen, person, client, now))
    return leases


def next_queries(person: str, types: Sequence[TaskType], now: datetime, scope: Scope) -> tuple[Query, Query]:
    """What `take_next` executes first, if it has types."""
    asked = {"person": person, "now": format_utc(now), **scope.values}
    return (sql.GIVEN, asked), (_statements(types, scope).candidates, asked)


def _statements(types: Sequence[TaskType], scope: Scope) -> sql.QueueStatements:
    return sql.statements_of(frozenset(types), is_limited=scope.studies is not None)


class _Given:
    """What a person was given and has not finished: `here` on the asking page, `expired` on others, `active` count."""

    def __init__(self, found: Sequence[Row], client: str, types: Sequence[TaskType], now: str) -> None:
        rows = [row for row in found if row.id is not None]
        wanted = [row for row in rows if row.type in types]
        self.here = [row for row in wanted if row.leased_client == client]
        ran_out = [
            row
            for row in wanted
            if row.leased_client != client and row.lease_expires_at <= now and row.revision_id is None
        ]
        self.expired = [row.id for row in sorted(ran_out, key=lambda row: row.lease_expires_at)]
        self.active = sum(row.lease_expires_at > now for row in rows)


def _apply_time(conn: Connection, now: datetime) -> None:
    """What time has passed: leases of reopened tasks that ran out, consents that ended."""
    require_thread(conn)
    conn.execute(sql.SETTLE_REOPENED, {"now": format_utc(now)})
    apply_consents(conn, now)


def _choose_usable(
    conn: Connection,
    statements: sql.QueueStatements,
    asked: Values,
    draw: float,
    own_expired: list[str],
    now: datetime,
) -> tuple[Served, int] | None:
    """The task to lease next and the fence of its lease before; tasks that the consent does not cover are set aside on
    the way, and not counted.
    """
    while (chosen := _choose(conn, statements, asked, draw, own_expired)) is not None:
        served, known = chosen
        found = known or usable(conn, served.task)
        if found.until > now or refresh_task(conn, served.task, now):
            return served, found.fence
        require_thread(conn)  # nobody knows how many there are
    return None


def _choose(
    conn: Connection, statements: sql.QueueStatements, asked: Values, draw: float, own_expired: list[str]
) -> tuple[Served, Usable | None] | None:
    """The task to serve, and until when it is usable where that was read along."""
    if own_expired:
        return Served(own_expired.pop(0), "own-expired"), None
    found = _lanes(conn.execute(statements.candidates, asked))
    expired = found.get("expired")
    if expired is not None:
        return Served(expired.task, "expired"), expired.usable()
    lane: sql.CoinLane
    other: sql.CoinLane
    lane, other = ("random", "priority") if random_first(draw) else ("priority", "random")
    first = _fresh(conn, statements.lanes[lane], found.get(lane), asked)
    second = _fresh(conn, statements.lanes[other], found.get(other), asked)
    if first is not None and not first.given_back:
        # Only where both lanes had something did the coin decide.
        coin = second is not None and not second.given_back
        return Served(first.task, lane, coin_probability(lane == "random") if coin else 1.0), first.usable()
    if second is not None and not second.given_back:
        return Served(second.task, other), second.usable()
    # When nothing else is left, a task comes back to the person who gave it back.
    back = first or second
    return None if back is None else (Served(back.task, "given-back"), back.usable())


def _lanes(rows: Iterable[Row]) -> dict[str, _Candidate]:
    """The first task of each lane, of the rows of `QueueStatements.candidates`."""
    of_lane: dict[str, list[Row]] = {}
    for row in rows:
        of_lane.setdefault(row.lane, []).append(row)
    return {lane: _Candidate(some[0].id, bool(some[0].given_back), some) for lane, some in of_lane.items()}


def _fresh(conn: Connection, lane: sql.LaneStatements, first: _Candidate | None, asked: Values) -> _Candidate | None:
    """The first task of a lane that the person has not given back; where there is none, the first that they have."""
    if first is None or not first.given_back:
        return first
    other: str | None = conn.execute(lane.fresh, asked).scalar()
    return first if other is None else _Candidate(other)


def _is_usable(conn: Connection, task: str, now: datetime) -> bool:
    """Whether the session's record allows the task now; if not, it is set aside, so that it is read only once."""
    return usable(conn, task).until > now or refresh_task(conn, task, now)


def _lease(conn: Connection, served: Served, before: int, person: str, client: str, now: datetime) -> Lease:
    """`before`: the fence of the lease before."""
    task, fence = served.task, before + 1
    expires = format_utc(now + timedelta(seconds=LEASE_SECONDS))
    values = {"task": task, "person": person, "client": client, "now": format_utc(now), "expires": expires}
    conn.execute(sql.LEASE, {**values, "fence": fence})
    if before:
        conn.execute(sql.REPLACE_LEASE, {**values, "fence": before})
    how = {"fence": fence, "lane": served.lane, "probability": served.probability, "why": served.why}
    conn.execute(sql.REMEMBER_LEASE, {**values, **how})
    return Lease(task, fence, expires)


def reopen(
    conn: Connection,
    task: str,
    person: str,
    client: str,
    is_lead: bool,
    now: datetime,
    why: ReopenCode | None = None,
    scope: Scope = EVERYTHING,
) -> Lease | LeaseRefused:
    """Lease a finished, skipped or returned task again: what "back" does. Ground truth stays until the next submit.

    Raises:
        NoSuchTask, ConsentEnded.
        TaskNotYours: not this person's submit, or a lead has corrected it since.
        TooManyLeases.
    """
    check_task(conn, task, now)
    row = lease_state(conn, task)
    at = format_utc(now)
    active = row.state == "leased" and (row.expires_at or "") > at
    if active and row.leased_to != person:
        return LeaseRefused(task, row.state, row.holder, kept=False)
    if not is_lead and not (active and row.leased_to == person):
        if not conn.execute(sql.HAS_OWN, {"task": task, "person": person}).scalar():
            raise TaskNotYours(
                "This task was not submitted, skipped or returned by you, or somebody else has taken it."
            )
        if conn.execute(sql.TRUTH_PERSON, {"task": task}).scalar() not in (None, person):
            raise TaskNotYours("Somebody else has corrected this task since you submitted it.")
    values = {"person": person, "now": at, **scope.values}
    if not (active and row.leased_to == person) and conn.execute(sql.ACTIVE_LEASES, values).scalar_one() >= MAX_LEASES:
        raise TooManyLeases(f"You already have {MAX_LEASES} tasks open.")
    return _lease(conn, Served(task, "reopened", why=why), row.fence, person, client, now)


def renew(conn: Connection, task: str, person: str, fence: int, now: datetime) -> Lease | LeaseRefused:
    """Hold on to a task for another ten minutes. After the work has ended it changes nothing.

    Raises:
        NoSuchTask, ConsentEnded, TaskNotYours.
    """
    check_task(conn, task, now)
    row = lease_state(conn, task)
    if not may_write(row.fence, row.leased_to, person, fence):
        require_leased(conn, task, person)
        return LeaseRefused(task, row.state, row.holder, kept=False)
    if not works_on(conn, task, row):
        return Lease(task, fence, row.expires_at or format_utc(now))
    expires = format_utc(now + timedelta(seconds=LEASE_SECONDS))
    conn.execute(sql.EXTEND, {"task": task, "expires": expires})
    conn.execute(sql.EXTEND_LEASE, {"task": task, "fence": fence, "expires": expires})
    return Lease(task, fence, expires)


def end_lease(
    conn: Connection,
    task: str,
    person: str,
    fence: int,
    kind: Literal["skipped", "returned"],
    reason: str,
    now: datetime,
    code: SkipCode | None = None,
) -> LeaseRefused | None:
    """Skip a task (it waits for a lead) or return it (the next person gets it). Ground truth is never lost by it.

    Raises:
        NoSuchTask, TaskNotYours.
    """
    row = lease_state(conn, task)
    if not may_write(row.fence, row.leased_to, person, fence):
        require_leased(conn, task, person)
        return LeaseRefused(task, row.state, row.holder, kept=False)
    if row.state == "leased":
        values = {"task": task, "person": person, "fence": fence, "now": format_utc(now), "kind": kind}
        conn.execute(sql.RECORD_SKIP, {**values, "reason": reason, "code": code})
        conn.execute(sql.END_LEASE, {**values, "how": kind})
        rest = {"skipped": "skipped", "returned": "open"}[kind]
        conn.execute(sql.SET_STATE, {"task": task, "state": "done" if row.revision_id else rest})
    return None


def note_activity(
    conn: Connection, task: str, person: str, fence: int, signs: Mapping[str, bool], now: datetime
) -> LeaseRefused | None:
    """One sign of life of the page: `signs` has visible, playing and input. Raises NoSuchTask, TaskNotYours."""
    row = lease_state(conn, task)
    if not may_write(row.fence, row.leased_to, person, fence):
        require_leased(conn, task, person)
        return LeaseRefused(task, row.state, row.holder, kept=False)
    conn.execute(sql.ADD_ACTIVITY, {"task": task, "person": person, "fence": fence, "now": format_utc(now), **signs})
    return None


def check_in_scope(conn: Connection, task: str, scope: Scope) -> None:
    """Raises NoSuchTask: there is none, or it is of a study that may not be seen."""
    if scope.studies is not None and not conn.execute(sql.IN_SCOPE, {"task": task, **scope.values}).scalar():
        raise NoSuchTask(f"There is no task {task}.")


def require_leased(conn: Connection, task: str, person: str) -> None:
    """Raises TaskNotYours: this person was never given the task, so nothing of it is shown or taken."""
    if not conn.execute(sql.WAS_LEASED, {"task": task, "person": person}).scalar():
        raise TaskNotYours("This task was never assigned to you.", hint="Ask the queue for a task.")


def works_on(conn: Connection, task: str, row: LeaseState) -> bool:
    """Whether the newest lease has not ended in a submit, a skip or a return.

    A reopened task whose lease ran out reads as done (SETTLE_REOPENED), but its holder may still be at work.
    """
    if row.state == "leased":
        return True
    ended = conn.execute(sql.ENDED, {"task": task, "fence": row.fence}).scalar()
    return row.state == "done" and not ended


def lease_state(conn: Connection, task: str) -> LeaseState:
    """Raises NoSuchTask."""
    row = conn.execute(sql.HOLDING, {"task": task}).one_or_none()
    if row is None:
        raise NoSuchTask(f"There is no task {task}.")
    return LeaseState(*row)
