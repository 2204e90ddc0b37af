"""How far an export is: the writes of whoever makes it (collector/bulk/work_rows.py says whose they are). Plain SQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from collector.bulk.work_rows import WorkOwner
from collector.exports.about import save_export
from collector.exports.asked import ExportAsked
from collector.exports.export_runs import ROWS
from collector.store.clock import now_text, steady_text
from collector.store.database import notify
from collector.store.sql import Connection, Row, text

_DAY_SECONDS = 86_400.0
_STUDIES = text("SELECT study FROM export_run_study WHERE run_id = :run ORDER BY study")
_SAVE = ROWS.owners_update(
    "items = :items, counted = :counted, done = :done, bytes = :bytes, packed_bytes = :packed_bytes,"
    " per_second = :per_second"
)
_DONE = ROWS.owners_update(
    "state = 'done', owner = NULL, per_second = NULL, problem = NULL, packed_bytes = bytes, ended_at = :now,"
    " export_id = :export, counts = :counts, archive_bytes = :archive_bytes, archive_sha256 = :archive_sha256,"
    " kept_until = :kept_until"
)
_DROP_SESSIONS = text("DELETE FROM export_run_session WHERE run_id = :run")
_ADD_SESSION = text("INSERT INTO export_run_session (run_id, session_id, use) VALUES (:run, :session, :use)")


@dataclass(frozen=True)
class ClaimedExport(WorkOwner):
    """An export in the hands of a process. `studies`: of others it holds nothing."""

    asked: ExportAsked
    studies: tuple[str, ...]
    created_at: str


@dataclass
class ExportProgress:
    """As the row has it."""

    items: int = 0
    counted: bool = False
    done: int = 0
    bytes: int = 0
    packed_bytes: int | None = None


@dataclass(frozen=True)
class MadeExport:
    """What came of it: what `about.json` says, and its archive."""

    about: dict[str, Any]
    archive_bytes: int
    archive_sha256: str


def claimed_export(conn: Connection, row: Row, owner: str) -> ClaimedExport:
    """An export from its row, now this owner's."""
    studies = tuple(conn.execute(_STUDIES, {"run": row.id}).scalars())
    return ClaimedExport(row.id, owner, ExportAsked.model_validate_json(row.asked), studies, row.created_at)


def save_progress(conn: Connection, run: ClaimedExport, progress: ExportProgress, per_second: float | None) -> None:
    """Say how far it is, and stay the owner. Raises WorkLost."""
    ROWS.save(conn, run, _SAVE, per_second=per_second, **vars(progress))


def end_export(conn: Connection, run: ClaimedExport, made: MadeExport, keep_days: int) -> None:
    """It is done; `keep_days`: for how long its archive stays, 0 for ever. Raises WorkLost."""
    save_export(conn, made.about)
    ROWS.save(
        conn,
        run,
        _DONE,
        now=now_text(),
        export=made.about["export"],
        counts=json.dumps(made.about["counts"]),
        archive_bytes=made.archive_bytes,
        archive_sha256=made.archive_sha256,
        kept_until=steady_text(conn, keep_days * _DAY_SECONDS) if keep_days else None,
    )
    conn.execute(_DROP_SESSIONS, {"run": run.id})
    rows = _sessions_of(run.id, made.about)
    if rows:
        conn.execute(_ADD_SESSION, rows)
    notify(conn, ROWS.topic)


def _sessions_of(run: str, about: dict[str, Any]) -> Sequence[dict[str, str]]:
    return [
        {"run": run, "session": session, "use": use}
        for session, said in about["sessions"].items()
        for use in said["uses"]
    ]
