"""Jobs that were given up after five attempts, and trying them again."""

from __future__ import annotations

from collector.catalogue.takes import TASKS
from collector.ingest.derive import DERIVE
from collector.ingest.manifests import OPEN
from collector.jobs.queue import start_again
from collector.store.sql import Connection, text
from wire.base import WireModel
from wire.errors import GleanerError

MAX_COUNTED = 10_000
_KINDS = (
    "kind IN ('open', 'derive', 'tasks')"  # with the kinds an index has them; runs of models list their own failures
)
KINDS = (OPEN, DERIVE, TASKS)
_PAGE = text(
    "SELECT id, kind, key, attempts, error, done_at AS failed_at FROM job"
    f" WHERE {_KINDS} AND state = 'failed' AND id < :before ORDER BY id DESC LIMIT :limit"
)
_COUNT = text(
    "SELECT count(*) FROM (SELECT 1 AS one FROM job WHERE kind = :kind AND state = 'failed' LIMIT :most) AS found"
)
# A capture whose opening was given up is bad, until it is tried again.
_RECEIVE_AGAIN = text(
    "UPDATE capture SET state = 'received', bad_reason = NULL, problem = NULL"
    " WHERE bad_reason = 'given-up' AND id IN (SELECT key FROM job"
    " WHERE kind = 'open' AND state = 'failed' AND (:key IS NULL OR key = :key))"
)


class JobUnknown(GleanerError):
    """No job of this kind and key has failed: it was tried again already, or never was."""

    code = "job-unknown"
    status = 404
    hint = "GET /api/failed-jobs lists those that failed."


class FailedJob(WireModel):
    """`kind`: open (check what arrived), derive (make what browsers play), tasks (make review items).

    `key`: the capture or, of tasks, the take. `failed_at` is null where it was not recorded yet.
    """

    id: int
    kind: str
    key: str
    attempts: int
    error: str | None
    failed_at: str | None


class FailedJobs(WireModel):
    """A page of failed jobs, the newest first; `next` is the `before` of the page that follows, null at the end."""

    jobs: list[FailedJob]
    next: int | None


class AgainAsked(WireModel):
    """One job, or every failed one of a kind (`key` null)."""

    kind: str
    key: str | None = None


class StartedAgain(WireModel):
    started: int


def list_failed_jobs(conn: Connection, limit: int, before: int) -> FailedJobs:
    rows = list(conn.execute(_PAGE, {"limit": limit + 1, "before": before}).mappings())
    shown = [FailedJob.model_validate(row) for row in rows[:limit]]
    return FailedJobs(jobs=shown, next=shown[-1].id if len(rows) > limit else None)


def count_failed_jobs(conn: Connection) -> dict[str, int]:
    """By kind, those that have any; each at most MAX_COUNTED."""
    found = {kind: conn.execute(_COUNT, {"kind": kind, "most": MAX_COUNTED}).scalar_one() for kind in KINDS}
    return {kind: count for kind, count in found.items() if count}


def try_again(conn: Connection, asked: AgainAsked) -> StartedAgain:
    """Failed jobs wait again, with all of their attempts. Raises JobUnknown: there is none."""
    if asked.kind == OPEN:
        conn.execute(_RECEIVE_AGAIN, {"key": asked.key})
    started = start_again(conn, asked.kind, asked.key)
    if not started:
        raise JobUnknown(f"No job {asked.kind}{f' of {asked.key}' if asked.key else ''} has failed here.")
    return StartedAgain(started=started)
