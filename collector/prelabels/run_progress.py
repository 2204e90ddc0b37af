"""How far a run is: the writes of a driver of runs (collector/bulk/work_rows.py says whose they are). Plain SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from collector.bulk.work_rows import WorkOwner
from collector.prelabels.runs import ROWS, RunAsked
from collector.store.clock import now_text
from collector.store.sql import Connection, Row, text
from wire.labels import Source

_COUNTED = ROWS.owners_update("captures = :captures, counted = :whole")
_NARROW = text("DELETE FROM prelabel_run_study WHERE run_id = :run AND study NOT IN :studies")
_SAVE = ROWS.owners_update(
    "done = done + :done, failed = failed + :failed, withheld = withheld + :withheld,"
    " done_to = coalesce(:done_to, done_to), per_second = :per_second"
)
_FAIL = text(
    "INSERT INTO prelabel_run_failure (run_id, capture_id, error) VALUES (:run, :capture, :error)"
    " ON CONFLICT (run_id, capture_id) DO UPDATE SET error = excluded.error, again = FALSE"
)
_MENDED = text("DELETE FROM prelabel_run_failure WHERE run_id = :run AND capture_id = :capture")
_END = ROWS.owners_update(
    "state = 'done', captures = done + failed + withheld, owner = NULL, ended_at = :now",
    only_if="NOT EXISTS (SELECT 1 FROM prelabel_run_failure WHERE run_id = :id AND again)",
)


@dataclass(frozen=True)
class ClaimedRun(WorkOwner):
    """A run, and who does it. `done_to`: the last capture of those that are finished."""

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


def claimed_run(row: Row, owner: str) -> ClaimedRun:
    """A run from its row, now this owner's."""
    source, asked = Source.model_validate_json(row.source), RunAsked.model_validate_json(row.asked)
    return ClaimedRun(row.id, owner, row.model, source, asked, bool(row.counted), row.done_to)


def save_count(conn: Connection, run: ClaimedRun, captures: int, studies: Sequence[str] | None) -> None:
    """How many captures there are as far as counted; at the end the studies they are of. Raises WorkLost."""
    whole = studies is not None
    ROWS.save(conn, run, _COUNTED, captures=captures, whole=whole)
    if studies is not None:
        conn.execute(_NARROW, {"run": run.id, "studies": list(studies)})


def save_progress(conn: Connection, run: ClaimedRun, progress: FinishedCaptures, per_second: float | None) -> None:
    """Count what is finished, and stay the owner. Raises WorkLost."""
    ROWS.save(
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


def end_run(conn: Connection, run: ClaimedRun) -> bool:
    """It is done; False where a failed capture is to be tried again, or the run is not this owner's any more."""
    return bool(conn.execute(_END, {"id": run.id, "owner": run.owner, "now": now_text()}).rowcount)
