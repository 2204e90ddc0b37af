"""Exports that the service makes, as rows: started, paused, resumed, cancelled and deleted by people. Plain SQL.

A row says what was asked for and in which studies, how far it is, and of one that is done whose recordings it holds. So
it can be seen at any time whether their consent still covers them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from collector.bulk.work_rows import WorkRows, why_waiting
from collector.bulk.work_states import NOTHING_LEFT, WorkState, WorkVerb, shown_state, state_after
from collector.consent.allows import allows
from collector.consent.grants import grants_of_all
from collector.exports.asked import ExportAsked
from collector.exports.summary import Summary
from collector.store.clock import now_text, steady_text
from collector.store.database import notify
from collector.store.sql import Connection, Row, text
from collector.studies.scope import EVERYTHING, Scope, within
from collector.studies.studies import check_study
from wire.base import Utc, WireModel, new_id
from wire.errors import GleanerError

ROWS = WorkRows("export_run", "exports", one_by_one=True)
ExportState = WorkState | Literal["deleted", "expired"]
_SEEN = (
    "NOT EXISTS (SELECT 1 FROM export_run_study AS named WHERE named.run_id = export_run.id"
    f" AND NOT {within('named.study')})"
)
_SELECT = (
    "SELECT export_run.*, person.name AS starter,"
    " (SELECT count(*) FROM export_download WHERE run_id = export_run.id) AS downloads,"
    " (SELECT max(at) FROM export_download WHERE run_id = export_run.id) AS downloaded_at"
    " FROM export_run LEFT JOIN person ON person.id = export_run.person_id"
)
_LIST = text(f"{_SELECT} WHERE {_SEEN} ORDER BY export_run.created_at DESC, export_run.id LIMIT :most")
_FIND = text(f"{_SELECT} WHERE export_run.id = :id AND {_SEEN}")
_HELD = text("SELECT run_id, session_id, use FROM export_run_session WHERE run_id IN :runs")
_ADD = text("INSERT INTO export_run (id, asked, person_id, created_at) VALUES (:id, :asked, :person, :now)")
_ADD_STUDIES = text(
    "INSERT INTO export_run_study (run_id, study) SELECT :run, study.id FROM study"
    f" WHERE (:study IS NULL OR study.id = :study) AND {within('study.id')}"
)
_REMOVE = text("UPDATE export_run SET removed = :why WHERE id = :id AND state = 'done' AND removed IS NULL")
_EXPIRED = text(
    "UPDATE export_run SET removed = 'expired' WHERE state = 'done' AND removed IS NULL AND kept_until < :now"
)
# One that is being made may have its archive a moment before its row says so.
_ENDED = text(
    "SELECT id FROM export_run WHERE id IN :ids AND (state = 'cancelled' OR (state = 'done' AND removed IS NOT NULL))"
)
_DONE = text("SELECT id FROM export_run WHERE id IN :ids AND state = 'done'")
_BYTES = text(
    "SELECT count(*) AS exports, coalesce(sum(coalesce(archive_bytes, bytes)), 0) AS bytes FROM export_run"
    " WHERE state <> 'cancelled' AND removed IS NULL AND coalesce(archive_bytes, bytes) > 0"
)


class ExportUnknown(GleanerError):
    """The service has made no export with this id, or only of studies that the person may not see."""

    code = "export-unknown"
    status = 404
    hint = "`gleaner collector exports list` shows them."


class ExportEnded(GleanerError):
    """An export was to be paused, resumed, cancelled or deleted, and there is nothing left of it to do that with."""

    code = "export-ended"
    status = 409
    hint = "Start another one: `gleaner collector exports start`."


class ExportNotDone(GleanerError):
    """An export was to be fetched or deleted, and it is still being made."""

    code = "export-not-done"
    status = 409
    hint = "Wait until it is done, or cancel it."


class ExportOutdated(GleanerError):
    """An export holds recordings that their consent no longer covers: nobody is given it any more."""

    code = "export-outdated"
    status = 409
    hint = "Start it again: the new one leaves them out. Delete copies that were fetched before."


class ExportCounts(WireModel):
    """What is in an export. `left_out`: labels that its format cannot carry; `withheld`: captures without a consent."""

    documents: int
    labels: int
    prelabels: int
    images: int
    left_out: int
    withheld: int


class ExportRun(WireModel):
    """An export as leads see it.

    `items` are tasks, as far as `counted`; `bytes` those of its files so far, and of `packed_bytes` is its archive so
    far, null before that begins. `queued`: another export is made first. `problem`: why it is paused or waits.
    Of one that is done: `name` of its archive and `archive_bytes`; `kept_until`, null for ever; `ended_sessions`: of so
    many sessions it holds recordings that their consent no longer covers; `notes` on what is in it. `by`: who started
    it, null for a command.
    """

    id: str
    asked: ExportAsked
    state: ExportState
    by: str | None
    created_at: Utc
    ended_at: Utc | None
    items: int
    counted: bool
    done: int
    bytes: int
    packed_bytes: int | None
    per_second: float | None
    seconds_left: float | None
    problem: str | None
    name: str
    archive_bytes: int | None
    archive_sha256: str | None
    counts: ExportCounts | None
    notes: list[str]
    kept_until: Utc | None
    ended_sessions: int
    downloads: int
    downloaded_at: Utc | None


def start_export(conn: Connection, asked: ExportAsked, person: str | None = None, scope: Scope = EVERYTHING) -> str:
    """Begin an export; returns its id.

    Args:
        person: the id of who starts it.
        scope: what they may see; other studies are left out.

    Raises:
        ExportOptionsInvalid, StudyUnknown.
    """
    asked.check()
    if asked.study is not None:
        check_study(conn, asked.study, scope)
    run = new_id("xrun")
    conn.execute(_ADD, {"id": run, "asked": json.dumps(asked.to_json()), "person": person, "now": now_text()})
    conn.execute(_ADD_STUDIES, {"run": run, "study": asked.study, **scope.values})
    notify(conn, ROWS.topic)
    return run


def change_export(conn: Connection, run: str, verb: WorkVerb, scope: Scope = EVERYTHING) -> ExportRun:
    """Pause, resume or cancel it. Resumed, it continues where it was; cancelled, what is there of it goes.

    Raises:
        ExportUnknown, ExportEnded.
    """
    found = find_export(conn, run, scope)
    if found.state == "deleted" or found.state == "expired" or (state := state_after(verb, found.state)) is None:
        raise ExportEnded(f"The export {run} is {found.state}: {NOTHING_LEFT[verb]}.")
    if state == found.state:
        return found
    ROWS.change(conn, run, state)
    return find_export(conn, run, scope)


def delete_export(conn: Connection, run: str, scope: Scope = EVERYTHING) -> ExportRun:
    """Delete the archive of one that is done; the row stays. Raises ExportUnknown, ExportNotDone, ExportEnded."""
    check_there(find_export(conn, run, scope))
    conn.execute(_REMOVE, {"id": run, "why": "deleted"})
    notify(conn, ROWS.topic)
    return find_export(conn, run, scope)


def check_there(run: ExportRun) -> None:
    """Raises ExportNotDone, ExportEnded: it has no archive."""
    if run.state in ("queued", "running", "paused"):
        raise ExportNotDone(f"The export {run.id} is {run.state}: it has no archive yet.")
    if run.state != "done":
        raise ExportEnded(f"The export {run.id} is {run.state}: its archive is not there any more.")


def check_fetchable(run: ExportRun) -> None:
    """Raises ExportNotDone, ExportEnded, ExportOutdated."""
    check_there(run)
    if run.ended_sessions:
        raise ExportOutdated(outdated_sentence(run.ended_sessions))


def outdated_sentence(sessions: int) -> str:
    whose = "1 session" if sessions == 1 else f"{sessions:,} sessions"
    return f"This export holds recordings of {whose} that their consent no longer covers, so it is not given out."


def list_exports(conn: Connection, most: int = 50, scope: Scope = EVERYTHING) -> list[ExportRun]:
    """The newest first; of those that may hold items of other studies none."""
    rows = conn.execute(_LIST, {"most": most, **scope.values}).all()
    ended = _ended_sessions(conn, [row.id for row in rows if row.state == "done" and row.removed is None])
    waits = why_waiting(conn)
    return [_view(row, ended.get(row.id, 0), waits) for row in rows]


def find_export(conn: Connection, run: str, scope: Scope = EVERYTHING) -> ExportRun:
    """Raises ExportUnknown."""
    row = conn.execute(_FIND, {"id": run, **scope.values}).one_or_none()
    if row is None:
        raise ExportUnknown(f"There is no export {run[:64]}.")
    return _view(row, _ended_sessions(conn, [run]).get(run, 0), why_waiting(conn))


def expire_exports(conn: Connection) -> int:
    """Those that were kept for as long as a setting says; returns how many."""
    count = conn.execute(_EXPIRED, {"now": steady_text(conn)}).rowcount
    if count:
        notify(conn, ROWS.topic)
    return count


def ended_of(conn: Connection, runs: Sequence[str]) -> list[str]:
    """Those of some exports of which nothing is to be there any more."""
    return list(conn.execute(_ENDED, {"ids": runs}).scalars())


def done_of(conn: Connection, runs: Sequence[str]) -> list[str]:
    """Those of some exports that are done: of them only the archive is to be there, if anything."""
    return list(conn.execute(_DONE, {"ids": runs}).scalars())


def export_bytes(conn: Connection) -> tuple[int, int]:
    """How many exports there are something of, and how many bytes that is."""
    row = conn.execute(_BYTES).one()
    return int(row.exports), int(row.bytes)


def _ended_sessions(conn: Connection, runs: Sequence[str]) -> dict[str, int]:
    """Of how many sessions some exports hold what their consent does not cover now; none are left out."""
    held = conn.execute(_HELD, {"runs": runs}).all()
    grants = grants_of_all(conn, dict.fromkeys(row.session_id for row in held))
    now = datetime.now(UTC)
    ended: dict[str, set[str]] = {}
    for row in held:
        if not allows(grants[row.session_id], [row.use], now):
            ended.setdefault(row.run_id, set()).add(row.session_id)
    return {run: len(sessions) for run, sessions in ended.items()}


def _view(row: Row, ended_sessions: int, waits: str | None) -> ExportRun:
    asked = ExportAsked.model_validate_json(row.asked)
    created_at = datetime.fromisoformat(row.created_at)
    counts = None if row.counts is None else json.loads(row.counts)
    is_packing = row.packed_bytes is not None
    left = row.bytes - row.packed_bytes if is_packing else row.items - row.done
    is_running = row.state == "running" and waits is None
    rate = row.per_second if is_running and row.counted else None
    return ExportRun(
        id=row.id,
        asked=asked,
        state=row.removed or shown_state(row.state, row.owner if waits is None else None),
        by=row.starter,
        created_at=created_at,
        ended_at=_time(row.ended_at),
        items=row.items,
        counted=bool(row.counted),
        done=row.done,
        bytes=row.bytes,
        packed_bytes=row.packed_bytes,
        per_second=None if is_packing else rate,
        seconds_left=max(0, left) / rate if rate else None,
        problem=waits if waits and row.state == "running" else row.problem,
        name=f"{archive_folder(asked, created_at)}.zip",
        archive_bytes=row.archive_bytes,
        archive_sha256=row.archive_sha256,
        counts=counts,
        notes=[] if counts is None else Summary(**counts).sentences(),
        kept_until=_time(row.kept_until),
        ended_sessions=ended_sessions if row.state == "done" and row.removed is None else 0,
        downloads=row.downloads,
        downloaded_at=_time(row.downloaded_at),
    )


def archive_folder(asked: ExportAsked, created_at: datetime) -> str:
    """The folder in an archive, which is named for it."""
    return f"{asked.study or 'gleaner'}-{created_at.date().isoformat()}"


def _time(value: str | None) -> Any:
    return None if value is None else datetime.fromisoformat(value)
