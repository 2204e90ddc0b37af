"""What waits for a lead: skipped items with their reasons, and work that came after its item had gone to others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from collector.review.queue import lease_state
from collector.review.task_detail import read_documents
from collector.review.views import DraftView
from collector.store.sql import Connection, Row, Statement, text
from collector.studies.scope import EVERYTHING, Scope, within
from wire.base import WireModel, format_utc
from wire.tasks import TaskState, TaskType

MAX_ROWS = 200
LATE_WORK_DAYS = 14  # as long as a browser stores drafts

# ix_task_skipped holds the skipped tasks alone.
_SKIPPED = text(
    "SELECT task.id, task.type, task.study, take.step, take.attempt, person.name AS person, skip.at, skip.reason"
    " FROM task JOIN take ON take.id = task.take_id"
    " JOIN skip ON skip.id = (SELECT max(id) FROM skip WHERE skip.task_id = task.id AND skip.kind = 'skipped')"
    " JOIN person ON person.id = skip.person_id"
    f" WHERE task.state = 'skipped' AND {within('task.study')} ORDER BY skip.at DESC LIMIT :limit"
)
# A lead who has submitted since has seen it.
_LATE = text(
    "SELECT task.id, task.type, task.state, task.study, take.step, take.attempt, person.name AS person, draft.saved_at,"
    " draft.documents FROM draft JOIN task ON task.id = draft.task_id JOIN take ON take.id = task.take_id"
    " JOIN person ON person.id = draft.person_id"
    f" WHERE draft.why = 'lease-lost' AND draft.saved_at >= :since AND {within('task.study')}"
    " AND NOT EXISTS (SELECT 1 FROM revision JOIN person AS lead ON lead.id = revision.person_id"
    " WHERE revision.task_id = task.id AND lead.role = 'lead'"
    " AND revision.submitted_at > draft.saved_at) ORDER BY draft.saved_at DESC LIMIT :limit"
)
_DRAFTS = text(
    "SELECT person.name AS person, draft.documents, draft.saved_at, draft.why FROM draft"
    " JOIN person ON person.id = draft.person_id WHERE draft.task_id = :task ORDER BY draft.saved_at DESC"
)


class SkippedItem(WireModel):
    task: str
    type: TaskType
    study: str
    step: str
    attempt: int
    person: str
    at: str
    reason: str


class LateWork(WireModel):
    """Unsent or unfinished work of a person whose item went to somebody else; `labels` is how many it has."""

    task: str
    type: TaskType
    state: TaskState
    study: str
    step: str
    attempt: int
    person: str
    saved_at: str
    labels: int


class SetAside(WireModel):
    """The newest first, at most 200 of each."""

    skipped: list[SkippedItem]
    late: list[LateWork]


class PersonDraft(DraftView):
    person: str


def set_aside(conn: Connection, now: datetime, scope: Scope = EVERYTHING) -> SetAside:
    since = format_utc(now - timedelta(days=LATE_WORK_DAYS))
    skipped = [
        SkippedItem(task=row.id, **_item(row), at=row.at, reason=row.reason)
        for row in _rows(conn, _SKIPPED, **scope.values)
    ]
    late = [
        LateWork(task=row.id, **_item(row), state=row.state, saved_at=row.saved_at, labels=_count(row.documents))
        for row in _rows(conn, _LATE, since=since, **scope.values)
    ]
    return SetAside(skipped=skipped, late=late)


def drafts_of(conn: Connection, task: str) -> list[PersonDraft]:
    """Every person's unfinished work on a task, the newest first. Raises NoSuchTask."""
    lease_state(conn, task)
    return [
        PersonDraft(person=row.person, documents=read_documents(row.documents), saved_at=row.saved_at, why=row.why)
        for row in conn.execute(_DRAFTS, {"task": task})
    ]


def _rows(conn: Connection, statement: Statement, **asked: str | None) -> Sequence[Row]:
    return conn.execute(statement, {**asked, "limit": MAX_ROWS}).all()


def _item(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("type", "study", "step", "attempt", "person")}


def _count(documents: str) -> int:
    return sum(len(document["labels"]) for document in json.loads(documents))
