"""The loop behind the table of jobs: lanes that lease rows, have worker processes do the work, and apply what comes."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from collector.jobs.queue import (
    TOPIC,
    Job,
    JobKind,
    JobTaken,
    apply,
    do_nothing,
    lease,
    mark_done,
    next_due,
    release_others,
    retry_or_fail,
)
from collector.store.database import Database
from collector.store.read_only import DataReadOnly
from collector.store.sql import Connection
from prelabel.labelling.worker import Worker, WorkerStopped
from wire.errors import GleanerError

log = logging.getLogger("gleaner.jobs")
WORK_SECONDS = 540.0
REFUSED_SECONDS = 5.0
# Short jobs have a worker of their own for when the others are busy, so that none waits behind an hour of video.
SHORT_WORK_SECONDS = 60.0


@dataclass(frozen=True)
class _Lane:
    """What one thread does: jobs of `kinds` in `worker`; or only the short ones."""

    name: str
    kinds: list[str]
    worker: Worker | None = None
    only_short: bool = False


class JobRunner:
    """One lane of its own for kinds that are only SQL, a lane with a warm worker process for each worker, and one that
    does short jobs while all of those are busy; its process starts when it is first needed.
    """

    def __init__(
        self,
        db: Database,
        kinds: Sequence[JobKind],
        *,
        process: str,
        workers: int,
        preload: Sequence[str] = (),
        memory_bytes: int | None = None,
        observe: Callable[[str, str, float], None] = lambda _kind, _outcome, _seconds: None,
    ) -> None:
        """`process`: the id of this process, which leases jobs (collector/processes.py); `memory_bytes`: the most that
        one worker process may use.

        `observe` is called after each attempt with its kind, "done" or "failed", and its seconds.
        """
        self._observe = observe
        self._process = process
        self._db = db
        self._kinds = {kind.kind: kind for kind in kinds}
        self._changed = threading.Condition()
        self._generation = 0
        self._stopping = False
        self._workers = [Worker(preload, memory_bytes=memory_bytes) for _ in range(workers)]
        sql_only = [kind.kind for kind in kinds if kind.work is None]
        heavy = [kind.kind for kind in kinds if kind.work is not None]
        self._spare = Worker(preload, memory_bytes=memory_bytes)
        self._busy = 0
        self._held: dict[str, int] = {}  # by lane, the row of the job it has in hand
        self._is_unsure = False  # whether a row may be leased that no lane has in hand
        lanes = [_Lane("sql", sql_only)]
        lanes += [_Lane(str(number), heavy, worker) for number, worker in enumerate(self._workers)]
        lanes.append(_Lane("short", heavy, worker=self._spare, only_short=True))
        self._threads = [
            threading.Thread(target=self._run_lane, args=(lane,), name=f"jobs-{lane.name}", daemon=True)
            for lane in lanes
        ]

    def start(self) -> None:
        self._db.subscribe(TOPIC, self._wake)
        for worker in self._workers:
            worker.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the worker processes at once; what they had leased is for whoever is next."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for worker in (*self._workers, self._spare):
            worker.stop()
        for thread in self._threads:
            thread.join()

    @property
    def kinds(self) -> list[str]:
        return list(self._kinds)

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
                    self._run_held(job, lane)
                    continue
            except DataReadOnly:
                wait_seconds = REFUSED_SECONDS
            except GleanerError as error:
                if self._is_stopping():
                    return
                # The database itself gave up (a full disk): log it and try again; jobs are rows and stay.
                log.error("jobs are waiting: %s", error)
                wait_seconds = REFUSED_SECONDS
            except Exception:
                # A lane that ended would leave its kinds waiting until the next start, without a report.
                log.exception("a lane met an error it does not know, and goes on")
                wait_seconds = REFUSED_SECONDS
            with self._changed:
                if self._generation == seen and not self._stopping:
                    self._changed.wait(wait_seconds)

    @contextlib.contextmanager
    def _counted(self, lane: _Lane) -> Iterator[None]:
        """The lane of a worker is busy; when all are, short jobs are done on another lane."""
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
        """Lease the next job, or return how long nothing is due (None: until a commit)."""
        if not lane.kinds or (lane.only_short and self._busy < len(self._workers)):
            return None, None
        if self._is_unsure:
            self._release_others()
        due = self._db.read_sync(lambda conn: next_due(conn, lane.kinds, lane.only_short))
        if due is None:
            return None, None
        seconds = (datetime.fromisoformat(due) - datetime.now(UTC)).total_seconds()
        if seconds > 0:
            return None, seconds
        return self._lease(lane), None

    def _lease(self, lane: _Lane) -> Job | None:
        """Raises DatabaseFailed: perhaps a row was leased all the same, if the connection was lost in the commit."""

        def lease_and_hold(conn: Connection) -> Job | None:
            job = lease(conn, lane.kinds, lane.only_short, self._process)
            if job is not None:
                self._held[lane.name] = job.id
            return job

        try:
            return self._db.write_sync(lease_and_hold)
        except DataReadOnly:
            raise
        except BaseException:
            self._held.pop(lane.name, None)
            self._is_unsure = True
            raise

    def _release_others(self) -> None:
        self._is_unsure = False
        try:
            # Looked at by the writer, whose fns say what lanes hold, one after the other.
            self._db.write_sync(lambda conn: release_others(conn, self._process, list(self._held.values())))
        except BaseException:
            self._is_unsure = True
            raise

    def _run_held(self, job: Job, lane: _Lane) -> None:
        try:
            with self._counted(lane):
                self._run(job, lane)
        except BaseException:
            self._is_unsure = True
            raise
        finally:
            self._held.pop(lane.name, None)

    def _run(self, job: Job, lane: _Lane) -> None:
        kind = self._kinds[job.kind]
        prepare = kind.prepare
        began = time.monotonic()
        try:
            inputs = job.payload if prepare is None else self._db.read_sync(lambda conn: prepare(conn, job))
            if inputs is None:
                self._db.write_sync(lambda conn: mark_done(conn, job))
                return
            result = inputs
            if kind.work is not None and lane.worker is not None:
                result = lane.worker.run(kind.work, inputs, SHORT_WORK_SECONDS if lane.only_short else WORK_SECONDS)
            self._db.write_sync(lambda conn: apply(conn, kind, job, result))
        except WorkerStopped:
            return
        except JobTaken:
            log.warning("job %s %s was done by another process: this one was taken for dead", job.kind, job.key)
            return
        except Exception as error:
            if self._is_stopping():
                return
            known = error if isinstance(error, GleanerError) else None
            sentence = known.message if known else f"{type(error).__name__}: {error}"
            retryable = known is not None and known.retryable
            log.warning("job %s %s, attempt %d: %s", job.kind, job.key, job.attempts, sentence, exc_info=not known)
            self._observe(job.kind, "failed", time.monotonic() - began)
            self._put_back(kind, job, sentence, retryable)
            return
        self._observe(job.kind, "done", time.monotonic() - began)
        log.info("job %s %s done in %.3f s", job.kind, job.key, time.monotonic() - began)
        if kind.after is not None:
            try:
                kind.after(job, result)
            except Exception:
                log.exception("job %s %s is done, but what follows it failed", job.kind, job.key)

    def _put_back(self, kind: JobKind, job: Job, sentence: str, retryable: bool) -> None:
        """Save the failed attempt, retrying until it is stored: a row left leased is nobody's until a restart."""
        failed = kind.failed
        while not self._is_stopping():
            try:
                kept = partial(retry_or_fail, failed=failed, job=job, sentence=sentence, retryable=retryable)
                self._db.write_sync(kept)
                return
            except JobTaken:
                return
            except DataReadOnly as error:
                log.info("job %s %s waits: %s", job.kind, job.key, error.message)
            except Exception as error:
                passes = isinstance(error, GleanerError) and error.retryable
                log.error("job %s %s cannot be put back yet: %s", job.kind, job.key, error, exc_info=not passes)
                if not passes:
                    # Reporting the end failed, and will again: the row is given up without it.
                    failed = do_nothing
            with self._changed:
                if not self._stopping:
                    self._changed.wait(REFUSED_SECONDS)
