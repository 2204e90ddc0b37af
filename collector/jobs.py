"""Work that outlives a request: rows of the table `job`, leased by lanes, done once, retried, never lost.

A room hands work on with `enqueue(conn, kind, key)` in the same transaction as its reason. The runner leases the row,
lets `work` run in a worker process (or nowhere, for kinds that are only SQL), and applies the result in one
transaction that also marks the row done. After a kill -9 the row is still there; `apply` must stand being repeated.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from collector.store.clock import now_text
from collector.store.database import Database, notify
from collector.store.sql import Connection, text
from prelabel.labelling.worker import Worker, WorkerStopped
from wire.errors import GleanerError

log = logging.getLogger("gleaner.jobs")
TOPIC = "jobs"
POISON_AFTER = 5
WORK_SECONDS = 540.0
MAX_BACKOFF_SECONDS = 60.0
REFUSED_SECONDS = 5.0
# Short jobs have a worker of their own for when the others are busy, so that none waits behind an hour of video.
SHORT_WORK_SECONDS = 60.0


@dataclass(frozen=True)
class Job:
    """A leased row. `attempts` counts this one."""

    id: int
    kind: str
    key: str
    payload: dict[str, Any]
    attempts: int


def _nothing(_conn: Connection, _job: Job, _sentence: str) -> None:
    """Most kinds need no word about their end."""


@dataclass(frozen=True)
class JobKind:
    """How one kind of job is done.

    prepare  reads what `work` needs, as JSON types; None means there is nothing left to do
    work     `module:function`, dict -> dict, run in a worker process; None for kinds that are only SQL
    apply    writes the result, in the transaction that marks the job done
    after    file work once the result is committed (remove what is no longer needed); may be skipped by a crash, and
             its own failure is only logged
    failed   told with one sentence when the job is given up after five attempts
    bulk     thousands may wait at once: one is begun only when no job of another kind is due, whatever came first
    """

    kind: str
    apply: Callable[[Connection, Job, dict[str, Any]], None]
    work: str | None = None
    prepare: Callable[[Connection, Job], dict[str, Any] | None] | None = None
    after: Callable[[Job, dict[str, Any]], None] | None = None
    failed: Callable[[Connection, Job, str], None] = _nothing
    bulk: bool = False


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


def backoff_seconds(attempts: int) -> float:
    """Wait after so many failed attempts: 1, 4, 16, then 60 seconds."""
    return min(MAX_BACKOFF_SECONDS, 4.0 ** max(0, attempts - 1))


def release_all(conn: Connection) -> int:
    """At the start of the service: what was leased when it ended waits again, and the attempt does not count."""
    return conn.execute(
        text("UPDATE job SET state = 'waiting', attempts = max(0, attempts - 1) WHERE state = 'leased'")
    ).rowcount


@dataclass(frozen=True)
class _Lane:
    """What one thread does: jobs of `kinds`, then of `bulk`, in `worker`; or only the short ones."""

    name: str
    kinds: list[str]
    bulk: list[str] = field(default_factory=list)
    worker: Worker | None = None
    only_short: bool = False


# The conditions of the partial indexes of `job`.
_WAITING = {False: "state = 'waiting'", True: "state = 'waiting' AND is_short"}


class JobRunner:
    """One lane of its own for kinds that are only SQL, a lane with a warm worker process for each worker, and one that
    does short jobs while all of those are busy; its process starts when it is first needed.
    """

    def __init__(
        self,
        db: Database,
        kinds: Sequence[JobKind],
        *,
        workers: int,
        preload: Sequence[str] = (),
        memory_bytes: int | None = None,
    ) -> None:
        """`memory_bytes`: the most that one worker process may use."""
        self._db = db
        self._kinds = {kind.kind: kind for kind in kinds}
        self._changed = threading.Condition()
        self._generation = 0
        self._stopping = False
        self._workers = [Worker(preload, memory_bytes=memory_bytes) for _ in range(workers)]
        sql_only = [kind.kind for kind in kinds if kind.work is None]
        heavy = [kind.kind for kind in kinds if kind.work is not None and not kind.bulk]
        bulk = [kind.kind for kind in kinds if kind.bulk]
        self._spare = Worker(preload, memory_bytes=memory_bytes)
        self._busy = 0
        lanes = [_Lane("sql", sql_only)]
        lanes += [_Lane(str(number), heavy, bulk, worker) for number, worker in enumerate(self._workers)]
        lanes.append(_Lane("short", heavy, worker=self._spare, only_short=True))
        self._threads = [
            threading.Thread(target=self._run_lane, args=(lane,), name=f"jobs-{lane.name}", daemon=True)
            for lane in lanes
        ]

    def start(self) -> None:
        self._db.write_sync(release_all)
        self._db.subscribe(TOPIC, self._wake)
        for worker in self._workers:
            worker.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the worker processes at once; what they had leased waits for the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for worker in (*self._workers, self._spare):
            worker.stop()
        for thread in self._threads:
            thread.join()

    def alive(self) -> bool:
        """Every lane runs."""
        return all(thread.is_alive() for thread in self._threads)

    def _is_stopping(self) -> bool:
        return self._stopping

    def _wake(self) -> None:
        with self._changed:
            self._generation += 1
            self._changed.notify_all()

    def _run_lane(self, lane: _Lane) -> None:
        while not self._is_stopping():
            with self._changed:
                seen = self._generation
            try:
                job, wait_seconds = self._next(lane)
                if job is not None:
                    with self._counted(lane):
                        self._run(job, lane)
                    continue
            except GleanerError as error:
                if self._is_stopping():
                    return
                # The database itself gave up (a full disk): say so and try again, jobs are rows and keep.
                log.error("jobs are waiting: %s", error)
                wait_seconds = REFUSED_SECONDS
            except Exception:
                # A lane that ended would leave its kinds waiting until the next start, with nobody told.
                log.exception("a lane met an error it does not know, and goes on")
                wait_seconds = REFUSED_SECONDS
            with self._changed:
                if self._generation == seen and not self._stopping:
                    self._changed.wait(wait_seconds)

    @contextmanager
    def _counted(self, lane: _Lane) -> Iterator[None]:
        """The lane of a worker is busy; when all are, short jobs are done beside them."""
        if lane.worker is None or lane.only_short:
            yield
            return
        with self._changed:
            self._busy += 1
        self._wake()
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1

    def _next(self, lane: _Lane) -> tuple[Job | None, float | None]:
        """Lease the next job, or say how long nothing is due (None: until a commit says so)."""
        every = [*lane.kinds, *lane.bulk]
        if not every or (lane.only_short and self._busy < len(self._workers)):
            return None, None
        due = self._db.read_sync(lambda conn: _next_due(conn, every, lane.only_short))
        if due is None:
            return None, None
        seconds = (datetime.fromisoformat(due) - datetime.now(UTC)).total_seconds()
        if seconds > 0:
            return None, seconds
        return self._db.write_sync(
            lambda conn: _lease(conn, lane.kinds, lane.only_short) or _lease(conn, lane.bulk, lane.only_short)
        ), None

    def _run(self, job: Job, lane: _Lane) -> None:
        kind = self._kinds[job.kind]
        prepare = kind.prepare
        began = time.monotonic()
        try:
            inputs = job.payload if prepare is None else self._db.read_sync(lambda conn: prepare(conn, job))
            if inputs is None:
                self._db.write_sync(lambda conn: _mark_done(conn, job))
                return
            result = inputs
            if kind.work is not None and lane.worker is not None:
                result = lane.worker.run(kind.work, inputs, SHORT_WORK_SECONDS if lane.only_short else WORK_SECONDS)
            self._db.write_sync(lambda conn: _apply(conn, kind, job, result))
        except WorkerStopped:
            return
        except Exception as error:
            if self._is_stopping():
                return
            known = error if isinstance(error, GleanerError) else None
            sentence = known.message if known else f"{type(error).__name__}: {error}"
            retryable = known is not None and known.retryable
            log.warning("job %s %s, attempt %d: %s", job.kind, job.key, job.attempts, sentence, exc_info=not known)
            self._put_back(kind, job, sentence, retryable)
            return
        log.info("job %s %s done in %.3f s", job.kind, job.key, time.monotonic() - began)
        if kind.after is not None:
            try:
                kind.after(job, result)
            except Exception:
                log.exception("job %s %s is done, but what follows it failed", job.kind, job.key)

    def _put_back(self, kind: JobKind, job: Job, sentence: str, retryable: bool) -> None:
        """Keep the failed attempt, asking until the database takes it: a row left leased is nobody's till a restart."""
        failed = kind.failed
        while not self._is_stopping():
            try:
                kept = partial(_retry_or_fail, failed=failed, job=job, sentence=sentence, retryable=retryable)
                self._db.write_sync(kept)
                return
            except Exception as error:
                passes = isinstance(error, GleanerError) and error.retryable
                log.error("job %s %s cannot be put back yet: %s", job.kind, job.key, error, exc_info=not passes)
                if not passes:
                    # Being told of the end failed, and will again: the row is given up without it.
                    failed = _nothing
            with self._changed:
                if not self._stopping:
                    self._changed.wait(REFUSED_SECONDS)


def _next_due(conn: Connection, kinds: list[str], only_short: bool) -> str | None:
    marks, values = _marks(kinds)
    due: str | None = conn.execute(
        text(f"SELECT min(not_before) FROM job WHERE {_WAITING[only_short]} AND kind IN ({marks})"), values
    ).scalar()
    return due


def _lease(conn: Connection, kinds: list[str], only_short: bool) -> Job | None:
    """The job that has been due longest; in the order of the index, so that of 100,000 none is sorted."""
    if not kinds:
        return None
    marks, values = _marks(kinds)
    now = now_text()
    row = conn.execute(
        text(
            f"SELECT id, kind, key, payload, attempts FROM job WHERE {_WAITING[only_short]} AND kind IN ({marks})"
            " AND not_before <= :now ORDER BY not_before, id LIMIT 1"
        ),
        values | {"now": now},
    ).one_or_none()
    if row is None:
        return None
    conn.execute(
        text("UPDATE job SET state = 'leased', attempts = attempts + 1 WHERE id = :id"),
        {"id": row.id},
    )
    return Job(row.id, row.kind, row.key, json.loads(row.payload), row.attempts + 1)


def _apply(conn: Connection, kind: JobKind, job: Job, result: dict[str, Any]) -> None:
    # Done first: an apply that enqueues its own kind and key again must find a row that may start again.
    _mark_done(conn, job)
    kind.apply(conn, job, result)


def _mark_done(conn: Connection, job: Job) -> None:
    conn.execute(
        text("UPDATE job SET state = 'done', error = NULL, done_at = :now WHERE id = :id"),
        {"now": now_text(), "id": job.id},
    )


def _retry_or_fail(
    conn: Connection, failed: Callable[[Connection, Job, str], None], job: Job, sentence: str, retryable: bool
) -> None:
    given_up = job.attempts >= POISON_AFTER and not retryable
    conn.execute(
        text("UPDATE job SET state = :state, error = :error, not_before = :later, is_short = 0 WHERE id = :id"),
        {
            "state": "failed" if given_up else "waiting",
            "error": sentence,
            "later": now_text(backoff_seconds(job.attempts)),
            "id": job.id,
        },
    )
    if given_up:
        failed(conn, job, sentence)


def _marks(kinds: list[str]) -> tuple[str, dict[str, Any]]:
    return ", ".join(f":k{i}" for i in range(len(kinds))), {f"k{i}": kind for i, kind in enumerate(kinds)}
