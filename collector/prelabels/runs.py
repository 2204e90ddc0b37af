"""Running a model over captures that are here: one job a capture, progress, and stopping. Plain SQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from collector.consent.allows import allows
from collector.consent.grants import grants_of_all
from collector.jobs.queue import enqueue_all
from collector.store.clock import now_text
from collector.store.sql import Connection, Row, text
from collector.studies.scope import EVERYTHING, Scope, within
from wire.base import Id, Utc, WireModel, new_id
from wire.capture import Medium
from wire.errors import GleanerError
from wire.labels import Source

PRELABEL = "prelabel"
_CAPTURES = (
    "SELECT capture.id, capture.medium, capture.session_id, session.study FROM capture"
    " JOIN session ON session.id = capture.session_id"
    " WHERE capture.state = 'opened' AND capture.problem IS NULL AND capture.medium IN :media"
    " AND (:study IS NULL OR session.study = :study) AND"
    f" {within('session.study')} AND (:step IS NULL OR capture.step = :step)"
    " ORDER BY capture.received_at, capture.id"
)
_SEEN = (
    "NOT EXISTS (SELECT 1 FROM prelabel_run_study AS named WHERE named.run_id = prelabel_run.id"
    f" AND NOT {within('named.study')})"
)
_STATES = text(
    "SELECT state, count(*) AS jobs FROM job WHERE kind = :kind AND key >= :from AND key < :to GROUP BY state"
)


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


class RunAsked(WireModel):
    """Which captures a model is run over: all of its media, or those of one study, one step, one medium."""

    model: str
    study: Id | None = None
    step: Id | None = None
    medium: Medium | None = None


class PrelabelRun(WireModel):
    """A run as leads see it. `failed`: jobs given up; `stopped`: jobs taken back before they began."""

    id: str
    model: str
    source: Source
    asked: RunAsked
    captures: int
    done: int
    waiting: int
    failed: int
    stopped: int
    created_at: Utc
    problem: str | None


def start_run(
    conn: Connection, asked: RunAsked, source: Source, media: tuple[Medium, ...], scope: Scope = EVERYTHING
) -> str:
    """Enqueue one job a capture; returns the id of the run.

    Args:
        media: what the model can label.
        scope: captures of other studies are left out.

    Raises:
        NothingToLabel: there is no such capture.
    """
    wanted = [medium for medium in media if asked.medium in (None, medium)]
    values = {"media": wanted, "study": asked.study, "step": asked.step, **scope.values}
    found = _allowed(conn, conn.execute(text(_CAPTURES), values).all())
    captures = [row.id for row in found]
    if not captures:
        raise NothingToLabel(f"There is no capture here that {source.name} was asked to label.")
    run = new_id("run")
    conn.execute(
        text(
            "INSERT INTO prelabel_run (id, model, source, asked, captures, created_at)"
            " VALUES (:id, :model, :source, :asked, :captures, :now)"
        ),
        {
            "id": run,
            "model": asked.model,
            "source": json.dumps(source.to_json()),
            "asked": json.dumps(asked.to_json()),
            "captures": len(captures),
            "now": now_text(),
        },
    )
    studies = [{"run": run, "study": study} for study in sorted({row.study for row in found})]
    conn.execute(text("INSERT INTO prelabel_run_study (run_id, study) VALUES (:run, :study)"), studies)
    payload = {"model": asked.model, "sha256": source.sha256}
    if source.package is not None:
        payload["package"] = source.package
    enqueue_all(conn, PRELABEL, {f"{run}:{capture}": {**payload, "capture": capture} for capture in captures})
    return run


def run_of(job_key: str) -> str:
    """The run that a job of one capture belongs to."""
    return job_key.partition(":")[0]


def _allowed(conn: Connection, rows: Sequence[Row]) -> list[Row]:
    """The rows of captures that the consent of their session covers now."""
    now = datetime.now(UTC)
    grants = grants_of_all(conn, dict.fromkeys(row.session_id for row in rows))
    return [row for row in rows if allows(grants[row.session_id], [row.medium], now)]


def stop_run(conn: Connection, run: str, scope: Scope = EVERYTHING) -> PrelabelRun:
    """Take back what has not begun. What is done stays. Raises NoSuchRun."""
    find_run(conn, run, scope)
    conn.execute(
        text("DELETE FROM job WHERE kind = :kind AND key >= :from AND key < :to AND state IN ('waiting', 'failed')"),
        _keys(run),
    )
    return find_run(conn, run)


def list_runs(conn: Connection, most: int = 50, scope: Scope = EVERYTHING) -> list[PrelabelRun]:
    """The newest runs first; of those that had captures of other studies none."""
    statement = text(f"SELECT * FROM prelabel_run WHERE {_SEEN} ORDER BY created_at DESC, id LIMIT :most")
    rows = conn.execute(statement, {"most": most, **scope.values})
    return [_view(conn, row) for row in rows.all()]


def find_run(conn: Connection, run: str, scope: Scope = EVERYTHING) -> PrelabelRun:
    """Raises NoSuchRun."""
    statement = text(f"SELECT * FROM prelabel_run WHERE id = :id AND {_SEEN}")
    row = conn.execute(statement, {"id": run, **scope.values}).one_or_none()
    if row is None:
        raise NoSuchRun(f"There is no run {run[:64]}.")
    return _view(conn, row)


def _view(conn: Connection, row: Any) -> PrelabelRun:
    states = {line.state: line.jobs for line in conn.execute(_STATES, _keys(row.id))}
    problem = conn.execute(
        text(
            "SELECT error FROM job WHERE kind = :kind AND key >= :from AND key < :to AND error IS NOT NULL"
            " ORDER BY id LIMIT 1"
        ),
        _keys(row.id),
    ).scalar()
    return PrelabelRun(
        id=row.id,
        model=row.model,
        source=Source.model_validate_json(row.source),
        asked=RunAsked.model_validate_json(row.asked),
        captures=row.captures,
        done=states.get("done", 0),
        waiting=states.get("waiting", 0) + states.get("leased", 0),
        failed=states.get("failed", 0),
        stopped=row.captures - sum(states.values()),
        created_at=datetime.fromisoformat(row.created_at),
        problem=problem,
    )


def _keys(run: str) -> dict[str, str]:
    """The keys of a run's jobs as a range, which the index of (kind, key) serves: `;` comes right after `:`."""
    return {"kind": PRELABEL, "from": f"{run}:", "to": f"{run};"}
