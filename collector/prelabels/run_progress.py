"""Who does a run, and how far it is: the writes of a driver of runs. Plain SQL.

A run has one owner at a time, a process (collector/processes.py); each of its writes is void once the run is paused,
cancelled or another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from collector.prelabels.runs import RUNS, RunAsked
from collector.store.clock import now_text
from collector.store.database import notify
from collector.store.sql import Connection, Statement, text
from wire.labels import Source

_MINE = "id = :run AND owner = :owner AND state = 'running'"
_FREE = "state = 'running' AND (owner IS NULL OR owner = :owner)"
_DUE = text(f"SELECT * FROM prelabel_run WHERE {_FREE} ORDER BY created_at, id LIMIT 1")
_CLAIM = text(f"UPDATE prelabel_run SET owner = :owner, problem = NULL WHERE id = :run AND {_FREE}")
_LEAVE = text("UPDATE prelabel_run SET owner = NULL, problem = coalesce(:problem, problem) WHERE owner = :owner")
_RELEASE = text(
    "UPDATE prelabel_run SET owner = NULL WHERE owner IS NOT NULL AND owner NOT IN (SELECT id FROM process)"
)
_COUNTED = text(f"UPDATE prelabel_run SET captures = :captures, counted = :whole WHERE {_MINE}")
_NARROW = text("DELETE FROM prelabel_run_study WHERE run_id = :run AND study NOT IN :studies")
_SAVE = text(
    "UPDATE prelabel_run SET done = done + :done, failed = failed + :failed, withheld = withheld + :withheld,"
    " done_to = coalesce(:done_to, done_to), per_second = :per_second"
    f" WHERE {_MINE}"
)
_FAIL = text(
    "INSERT INTO prelabel_run_failure (run_id, capture_id, error) VALUES (:run, :capture, :error)"
    " ON CONFLICT (run_id, capture_id) DO UPDATE SET error = excluded.error, again = FALSE"
)
_MENDED = text("DELETE FROM prelabel_run_failure WHERE run_id = :run AND capture_id = :capture")
_PAUSE = text(
    f"UPDATE prelabel_run SET state = 'paused', problem = :problem, owner = NULL, per_second = NULL WHERE {_MINE}"
)
_END = text(
    "UPDATE prelabel_run SET state = 'done', captures = done + failed + withheld, owner = NULL, ended_at = :now"
    f" WHERE {_MINE} AND NOT EXISTS (SELECT 1 FROM prelabel_run_failure WHERE run_id = :run AND again)"
)


class RunLost(Exception):
    """The run was paused, cancelled or taken by another process: nothing more of it is done here."""


@dataclass(frozen=True)
class ClaimedRun:
    """A run, and who does it. `done_to`: the last capture of those that are finished."""

    id: str
    owner: str
    model: str
    source: Source
    asked: RunAsked
    counted: bool
    done_to: str | None


@dataclass
class FinishedCaptures:
    """What has been finished since the last save. `failed`: captures with their sentence."""

    done: int = 0
    withheld: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    done_to: str | None = None

    @property
    def captures(self) -> int:
        return self.done + self.withheld + len(self.failed)


def has_due(conn: Connection, owner: str) -> bool:
    """Whether there is a run to claim."""
    return conn.execute(_DUE, {"owner": owner}).first() is not None


def claim_run(conn: Connection, owner: str) -> ClaimedRun | None:
    """The oldest run that nobody does, now this owner's."""
    row = conn.execute(_DUE, {"owner": owner}).first()
    if row is None:
        return None
    conn.execute(_CLAIM, {"owner": owner, "run": row.id})
    source, asked = Source.model_validate_json(row.source), RunAsked.model_validate_json(row.asked)
    return ClaimedRun(row.id, owner, row.model, source, asked, bool(row.counted), row.done_to)


def leave_runs(conn: Connection, owner: str, problem: str | None = None) -> None:
    """Leave the owner's runs to whoever comes next; `problem` says why they wait."""
    conn.execute(_LEAVE, {"owner": owner, "problem": problem})


def release_runs(conn: Connection) -> int:
    """What processes that are gone owned is free; returns how many."""
    count = conn.execute(_RELEASE).rowcount
    if count:
        notify(conn, RUNS)
    return count


def save_count(conn: Connection, run: ClaimedRun, captures: int, studies: Sequence[str] | None) -> None:
    """How many captures there are as far as counted; at the end the studies they are of. Raises RunLost."""
    whole = studies is not None
    _mine(conn, run, _COUNTED, captures=captures, whole=whole)
    if studies is not None:
        conn.execute(_NARROW, {"run": run.id, "studies": list(studies)})


def save_progress(conn: Connection, run: ClaimedRun, progress: FinishedCaptures, per_second: float | None) -> None:
    """Count what is finished, and stay the owner. Raises RunLost."""
    _mine(
        conn,
        run,
        _SAVE,
        done=progress.done,
        failed=len(progress.failed),
        withheld=progress.withheld,
        done_to=progress.done_to,
        per_second=per_second,
    )
    for capture, error in progress.failed:
        conn.execute(_FAIL, {"run": run.id, "capture": capture, "error": error})


def drop_failures(conn: Connection, run: ClaimedRun, captures: Sequence[str]) -> None:
    """They failed before, and are done or withheld now."""
    for capture in captures:
        conn.execute(_MENDED, {"run": run.id, "capture": capture})


def pause_with(conn: Connection, run: ClaimedRun, problem: str) -> None:
    """Nothing more of it is done until somebody has read why. Raises RunLost."""
    _mine(conn, run, _PAUSE, problem=problem)


def end_run(conn: Connection, run: ClaimedRun) -> bool:
    """It is done; False where a failed capture is to be tried again, or the run is not this owner's any more."""
    return bool(conn.execute(_END, {"run": run.id, "owner": run.owner, "now": now_text()}).rowcount)


def _mine(conn: Connection, run: ClaimedRun, statement: Statement, **values: Any) -> None:
    if not conn.execute(statement, {"run": run.id, "owner": run.owner, **values}).rowcount:
        raise RunLost
