"""Work that outlives a request: rows of the table `job`, leased by lanes, done once, retried, never lost.

A room hands work on with `enqueue(conn, kind, key)` in the same transaction as its reason. The runner leases the row,
lets `work` run in a worker process (or nowhere, for kinds that are only SQL), and applies the result in one
transaction that also marks the row done (runner.py). A lease lasts as long as the process that has it
(collector/processes.py): what a dead one had is leased by another. The fence of a lease is compared in the transaction
that ends it, so that a job is done by one process, whoever else believed to have it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collector.store.clock import now_text
from collector.store.database import notify
from collector.store.sql import Connection, Statement, text

TOPIC = "jobs"
POISON_AFTER = 5
MAX_BACKOFF_SECONDS = 60.0


@dataclass(frozen=True)
class Job:
    """A leased row. `attempts` counts this one; `fence` is the number of the lease."""

    id: int
    kind: str
    key: str
    payload: dict[str, Any]
    attempts: int
    fence: int


class JobTaken(Exception):
    """Another process has the job, or has done it: this one was taken for dead."""


# The attempt does not count.
_WAITS_AGAIN = (
    "UPDATE job SET state = 'waiting', owner = NULL, attempts = CASE WHEN attempts > 0 THEN attempts - 1 ELSE 0 END"
)
_RELEASE = text(f"{_WAITS_AGAIN} WHERE owner IS NOT NULL AND owner NOT IN (SELECT id FROM process)")
_RELEASE_OTHERS = text(f"{_WAITS_AGAIN} WHERE state = 'leased' AND owner = :owner AND id NOT IN :held")
_LEASE = text(
    "UPDATE job SET state = 'leased', owner = :owner, fence = fence + 1, attempts = attempts + 1 WHERE id = :id"
    " RETURNING attempts, fence"
)
_DONE = text(
    "UPDATE job SET state = 'done', owner = NULL, error = NULL, done_at = :now"
    " WHERE id = :id AND state = 'leased' AND fence = :fence"
)
_PUT_BACK = text(
    "UPDATE job SET state = :state, owner = NULL, error = :error, not_before = :later, done_at = :ended,"
    " is_short = FALSE"
    " WHERE id = :id AND state = 'leased' AND fence = :fence"
)


_START_AGAIN = text(
    "UPDATE job SET state = 'waiting', attempts = 0, not_before = :now, error = NULL, done_at = NULL"
    " WHERE kind = :kind AND state = 'failed' AND (:key IS NULL OR key = :key)"
)


def do_nothing(_conn: Connection, _job: Job, _sentence: str) -> None:
    """What happens at the end of most kinds."""


@dataclass(frozen=True)
class JobKind:
    """How one kind of job is done.

    prepare  reads what `work` needs, as JSON types; None means there is nothing left to do
    work     `module:function`, dict -> dict, run in a worker process; None for kinds that are only SQL
    apply    writes the result, in the transaction that marks the job done
    after    file work once the result is committed (remove what is no longer needed); may be skipped by a crash, and
             its own failure is only logged
    failed   called with one sentence when the job is given up after five attempts
    """

    kind: str
    apply: Callable[[Connection, Job, dict[str, Any]], None]
    work: str | None = None
    prepare: Callable[[Connection, Job], dict[str, Any] | None] | None = None
    after: Callable[[Job, dict[str, Any]], None] | None = None
    failed: Callable[[Connection, Job, str], None] = do_nothing


def enqueue(
    conn: Connection, kind: str, key: str, payload: dict[str, Any] | None = None, *, short: bool = False
) -> None:
    """Add a job, or start it again if it was done or given up. One that waits or runs stays as it is.

    Args:
        short: it should take seconds at most; one that fails is not short any more.
    """
    enqueue_all(conn, kind, {key: payload or {}}, short=short)


def enqueue_all(conn: Connection, kind: str, payloads: Mapping[str, dict[str, Any]], *, short: bool = False) -> None:
    """`enqueue` of many, by key, in one statement: nobody else writes meanwhile."""
    common = {"kind": kind, "now": now_text(), "short": short}
    conn.execute(
        text(
            "INSERT INTO job (kind, key, payload, state, attempts, not_before, created_at, is_short)"
            " VALUES (:kind, :key, :payload, 'waiting', 0, :now, :now, :short)"
            " ON CONFLICT (kind, key) DO UPDATE SET payload = excluded.payload, state = 'waiting', attempts = 0,"
            " not_before = excluded.not_before, error = NULL, done_at = NULL, is_short = excluded.is_short"
            " WHERE job.state IN ('done', 'failed')"
        ),
        [{**common, "key": key, "payload": json.dumps(row)} for key, row in payloads.items()],
    )
    notify(conn, TOPIC)


def start_again(conn: Connection, kind: str, key: str | None) -> int:
    """Given-up jobs of a kind wait again, with all of their attempts: this one, or all (None). Returns how many."""
    count = conn.execute(_START_AGAIN, {"kind": kind, "key": key, "now": now_text()}).rowcount
    notify(conn, TOPIC)
    return count


def backoff_seconds(attempts: int) -> float:
    """Wait after so many failed attempts: 1, 4, 16, then 60 seconds."""
    return min(MAX_BACKOFF_SECONDS, 4.0 ** max(0, attempts - 1))


def release_jobs(conn: Connection) -> int:
    """What is leased by processes that are gone waits again; returns how many."""
    return _released(conn, _RELEASE, {})


def release_others(conn: Connection, owner: str, held: Sequence[int]) -> int:
    """What a process has leased without having it in hand waits again; returns how many.

    A commit whose answer was lost with the connection leaves such a lease: nobody works on it, and its owner lives.
    """
    return _released(conn, _RELEASE_OTHERS, {"owner": owner, "held": list(held)})


def _released(conn: Connection, statement: Statement, values: dict[str, Any]) -> int:
    count = conn.execute(statement, values).rowcount
    if count:
        notify(conn, TOPIC)
    return count


# The conditions of the partial indexes of `job`.
_WAITING = {False: "state = 'waiting'", True: "state = 'waiting' AND is_short"}


def next_due(conn: Connection, kinds: list[str], only_short: bool) -> str | None:
    marks, values = _marks(kinds)
    due: str | None = conn.execute(
        text(f"SELECT min(not_before) FROM job WHERE {_WAITING[only_short]} AND kind IN ({marks})"), values
    ).scalar()
    return due


def lease(conn: Connection, kinds: list[str], only_short: bool, owner: str) -> Job | None:
    """Lease to a process what has been due longest; in the order of the index, so that of 100,000 none is sorted."""
    if not kinds:
        return None
    marks, values = _marks(kinds)
    now = now_text()
    row = conn.execute(
        text(
            f"SELECT id, kind, key, payload FROM job WHERE {_WAITING[only_short]} AND kind IN ({marks})"
            " AND not_before <= :now ORDER BY not_before, id LIMIT 1"
        ),
        values | {"now": now},
    ).one_or_none()
    if row is None:
        return None
    leased = conn.execute(_LEASE, {"id": row.id, "owner": owner}).one()
    return Job(row.id, row.kind, row.key, json.loads(row.payload), leased.attempts, leased.fence)


def apply(conn: Connection, kind: JobKind, job: Job, result: dict[str, Any]) -> None:
    """Raises JobTaken."""
    # Done first: an apply that enqueues its own kind and key again must find a row that may start again.
    mark_done(conn, job)
    kind.apply(conn, job, result)


def mark_done(conn: Connection, job: Job) -> None:
    """Raises JobTaken."""
    _end(conn, _DONE, job, {"now": now_text()})


def _end(conn: Connection, statement: Statement, job: Job, values: dict[str, Any]) -> None:
    if conn.execute(statement, values | {"id": job.id, "fence": job.fence}).rowcount == 0:
        raise JobTaken


def retry_or_fail(
    conn: Connection, failed: Callable[[Connection, Job, str], None], job: Job, sentence: str, retryable: bool
) -> None:
    """Raises JobTaken."""
    given_up = job.attempts >= POISON_AFTER and not retryable
    later = now_text(backoff_seconds(job.attempts))
    state, ended = ("failed", now_text()) if given_up else ("waiting", None)
    _end(conn, _PUT_BACK, job, {"state": state, "error": sentence, "later": later, "ended": ended})
    if given_up:
        failed(conn, job, sentence)


def _marks(kinds: list[str]) -> tuple[str, dict[str, Any]]:
    return ", ".join(f":k{i}" for i in range(len(kinds))), {f"k{i}": kind for i, kind in enumerate(kinds)}
