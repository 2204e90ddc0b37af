"""Running a model over captures that are here: runs as rows, with their progress and what failed. Plain SQL.

A run names its captures by what was asked for, not one by one: those that were here when it was started, in the order
of their ids. Its row says how far it is (`done_to`), so a run over a million captures begins with one row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from collector.bulk.work_rows import WorkRows, why_waiting
from collector.bulk.work_states import NOTHING_LEFT, WorkState, WorkVerb, shown_state, state_after
from collector.prelabels.run_captures import RunCaptures
from collector.store.clock import now_text
from collector.store.database import notify
from collector.store.sql import Connection, Row, text
from collector.studies.scope import EVERYTHING, Scope, within
from wire.base import Id, Utc, WireModel, new_id
from wire.capture import Medium
from wire.errors import GleanerError
from wire.labels import Source

ROWS = WorkRows("prelabel_run", "prelabel-runs")
_SEEN = (
    "NOT EXISTS (SELECT 1 FROM prelabel_run_study AS named WHERE named.run_id = prelabel_run.id"
    f" AND NOT {within('named.study')})"
)
_LIST = text(f"SELECT * FROM prelabel_run WHERE {_SEEN} ORDER BY created_at DESC, id LIMIT :most")
_FIND = text(f"SELECT * FROM prelabel_run WHERE id = :id AND {_SEEN}")
_FIRST_ERROR = text("SELECT error FROM prelabel_run_failure WHERE run_id = :id ORDER BY capture_id LIMIT 1")
_FAILURES = text(
    "SELECT capture_id AS capture, error FROM prelabel_run_failure WHERE run_id = :id ORDER BY capture_id LIMIT :most"
)
_ADD = text(
    "INSERT INTO prelabel_run (id, model, source, asked, captures, created_at)"
    " VALUES (:id, :model, :source, :asked, 0, :now)"
)
_ADD_STUDIES = text(
    "INSERT INTO prelabel_run_study (run_id, study) SELECT :run, study.id FROM study"
    f" WHERE (:study IS NULL OR study.id = :study) AND {within('study.id')}"
)
# Such a capture counts as waiting.
_AGAIN = text("UPDATE prelabel_run_failure SET again = TRUE WHERE run_id = :id")
_NONE_FAILED = text("UPDATE prelabel_run SET failed = 0 WHERE id = :id")


class NoSuchRun(GleanerError):
    """There is no run of a model with this id."""

    code = "prelabel-run-unknown"
    status = 404
    hint = "`gleaner collector prelabel list` shows them."


class NothingToLabel(GleanerError):
    """No capture here is of the kind the model labels and covered by consent, or none that was asked for."""

    code = "nothing-to-label"
    status = 409
    hint = "Check study and step. Picture models label videos and stills, sound models label sound."


class RunEnded(GleanerError):
    """A run was to be paused, resumed or cancelled, and there is nothing left of it to do."""

    code = "prelabel-run-ended"
    status = 409
    hint = "Start another run for what came since: `gleaner collector prelabel run MODEL`."


class RunAsked(WireModel):
    """Which captures a model is run over: all of its media, or those of one study, one step, one medium."""

    model: str
    study: Id | None = None
    step: Id | None = None
    medium: Medium | None = None

    def of(self, media: Iterable[Medium]) -> tuple[Medium, ...]:
        """Those of a model's media that were asked for."""
        return tuple(medium for medium in media if self.medium in (None, medium))


class PrelabelRun(WireModel):
    """A run as leads see it.

    `captures`: asked for, as far as `counted`; `withheld`: no longer covered by consent; `stopped`: not begun when it
    was cancelled. `queued`: another run is done first. `problem`: why it is paused or waits, else of the first failure.
    """

    id: str
    model: str
    source: Source
    asked: RunAsked
    state: WorkState
    captures: int
    counted: bool
    done: int
    waiting: int
    failed: int
    withheld: int
    stopped: int
    per_second: float | None
    seconds_left: float | None
    created_at: Utc
    ended_at: Utc | None
    problem: str | None


class RunFailure(WireModel):
    """A capture that a run could not label, and why."""

    capture: str
    error: str


class RunFailures(WireModel):
    failures: list[RunFailure]


def start_run(
    conn: Connection, asked: RunAsked, source: Source, media: tuple[Medium, ...], scope: Scope = EVERYTHING
) -> str:
    """Begin a run; returns its id.

    Args:
        media: what the model can label.
        scope: captures of other studies are left out.

    Raises:
        NothingToLabel: there is no such capture.
    """
    run = new_id("run")
    values = {
        "id": run,
        "model": asked.model,
        "source": json.dumps(source.to_json()),
        "asked": json.dumps(asked.to_json()),
        "now": now_text(),
    }
    conn.execute(_ADD, values)
    conn.execute(_ADD_STUDIES, {"run": run, "study": asked.study, **scope.values})
    if not RunCaptures(run, asked.of(media), asked.step).may_be_some(conn):
        raise NothingToLabel(f"There is no capture here that {source.name} was asked to label.")
    notify(conn, ROWS.topic)
    return run


def pause_run(conn: Connection, run: str, scope: Scope = EVERYTHING) -> PrelabelRun:
    """Do nothing more of it until it is resumed. Raises NoSuchRun, RunEnded."""
    return _changed(conn, run, "pause", scope)


def resume_run(conn: Connection, run: str, scope: Scope = EVERYTHING) -> PrelabelRun:
    """Continue a paused run; try again what failed. Raises NoSuchRun, RunEnded."""
    found = _changed(conn, run, "resume", scope)
    conn.execute(_AGAIN, {"id": run})
    conn.execute(_NONE_FAILED, {"id": run})
    return find_run(conn, run) if found.failed else found


def cancel_run(conn: Connection, run: str, scope: Scope = EVERYTHING) -> PrelabelRun:
    """End it: what has not begun is left as it is, what is done stays. Raises NoSuchRun, RunEnded."""
    return _changed(conn, run, "cancel", scope)


def list_runs(conn: Connection, most: int = 50, scope: Scope = EVERYTHING) -> list[PrelabelRun]:
    """The newest runs first; of those that had captures of other studies none."""
    return [_view(conn, row) for row in conn.execute(_LIST, {"most": most, **scope.values}).all()]


def find_run(conn: Connection, run: str, scope: Scope = EVERYTHING) -> PrelabelRun:
    """Raises NoSuchRun."""
    row = conn.execute(_FIND, {"id": run, **scope.values}).one_or_none()
    if row is None:
        raise NoSuchRun(f"There is no run {run[:64]}.")
    return _view(conn, row)


def list_failures(conn: Connection, run: str, most: int = 1000, scope: Scope = EVERYTHING) -> RunFailures:
    """What a run could not label, in the order of the captures' ids. Raises NoSuchRun."""
    find_run(conn, run, scope)
    rows = conn.execute(_FAILURES, {"id": run, "most": most})
    return RunFailures(failures=[RunFailure(capture=row.capture, error=row.error) for row in rows])


def _changed(conn: Connection, run: str, verb: WorkVerb, scope: Scope) -> PrelabelRun:
    found = find_run(conn, run, scope)
    state = state_after(verb, found.state, has_failures=found.failed > 0)
    if state is None:
        raise RunEnded(f"The run {run} is {found.state}: {NOTHING_LEFT[verb]}.")
    if state == found.state:
        return found
    ROWS.change(conn, run, state)
    return find_run(conn, run)


def _view(conn: Connection, row: Row) -> PrelabelRun:
    left = max(0, row.captures - row.done - row.failed - row.withheld)
    waits = why_waiting(conn) if row.state == "running" else None
    problem = waits or row.problem
    if problem is None and row.failed:
        problem = conn.execute(_FIRST_ERROR, {"id": row.id}).scalar()
    per_second = row.per_second if waits is None else None
    rate = per_second if row.state == "running" and row.counted else None
    return PrelabelRun(
        id=row.id,
        model=row.model,
        source=Source.model_validate_json(row.source),
        asked=RunAsked.model_validate_json(row.asked),
        state=shown_state(row.state, row.owner if waits is None else None),
        captures=row.captures,
        counted=bool(row.counted),
        done=row.done,
        waiting=left if row.state in ("running", "paused") else 0,
        failed=row.failed,
        withheld=row.withheld,
        stopped=left if row.state == "cancelled" else 0,
        per_second=per_second,
        seconds_left=left / rate if rate else None,
        created_at=datetime.fromisoformat(row.created_at),
        ended_at=None if row.ended_at is None else datetime.fromisoformat(row.ended_at),
        problem=problem,
    )
