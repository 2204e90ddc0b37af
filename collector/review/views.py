"""What the page and programs get about tasks and revisions (docs/http-api.md, Queue). Reads only."""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

from pydantic import Field

from collector.catalogue.captures import CaptureView
from collector.review import queue_sql as sql
from collector.review.codes import CorrectionCode
from collector.review.diff import Diff
from collector.review.problems import NoSuchTask
from collector.review.queue import Lease
from collector.review.rules import ReasonKind
from collector.review.task_detail import (
    SHORT_LENGTH,
    ShownDocument,
    StoredTask,
    TaskDetail,
    detail_of,
    read_documents,
    read_task,
)
from collector.store.database import require_thread
from collector.store.sql import Connection, Query, Row, text
from collector.studies.instructions import Instructions
from collector.studies.scope import EVERYTHING, Scope, within
from wire.base import Id, Sha256, WireModel, shared_members
from wire.labels import LabelsDocument
from wire.tasks import TaskState, TaskType

CONTROL_TEXT = "No pre-labels on this one: mark everything yourself."

_REVISION_COLUMNS = (
    "SELECT revision.*, person.name AS reviewer, study_version.number AS study_version,"
    " study_version.consent_text_sha256 FROM revision JOIN person ON person.id = revision.person_id"
    " JOIN study_version ON study_version.id = revision.study_version_id"
)
_REVISIONS = text(f"{_REVISION_COLUMNS} WHERE revision.task_id = :task ORDER BY revision.number")
_REVISION = text(
    f"{_REVISION_COLUMNS} WHERE revision.id = :revision AND (:person IS NULL OR revision.person_id = :person)"
)
_ROWS = (
    "SELECT task.id, task.type, task.state, task.study, task.session_id AS session, task.take_id AS take,"
    " take.step, take.attempt, CASE WHEN task.state = 'leased' THEN person.name END AS holder,"
    " task.reason_kind AS reason, task.created_at, task.done_at, task.round"
    " FROM task JOIN take ON take.id = task.take_id LEFT JOIN person ON person.id = task.leased_to"
    " WHERE {} ORDER BY task.created_at DESC, task.id DESC LIMIT :limit"
)
# What the indexes of these tasks say.
LEASED, NOT_LEASED = "task.state = 'leased'", "task.state <> 'leased'"
LATER = "(task.created_at, task.id) < (:created, :after)"
_CREATED = text(f"SELECT created_at FROM task WHERE id = :after AND {within('task.study')}")


class ReasonView(WireModel):
    """Why a person gets the task. Of one without pre-labels only that: what a model doubted would say what it saw."""

    kind: ReasonKind | Literal["control"]
    probability: float
    text: str


class LeaseView(WireModel):
    fence: int
    expires_at: str


class DraftView(WireModel):
    """Unfinished work of the asking person. `why` is `lease-lost` when a submit or draft came too late."""

    documents: list[LabelsDocument]
    saved_at: str
    why: Literal["working", "lease-lost"]


class RevisionView(WireModel):
    """`instruction_sha256`, `shown` and `page` (the build of the page) are null where they were not recorded yet.

    `correction`: what was wrong with somebody else's work that it replaced. `study_version`: the version of its study
    whose words it was answered with; `consent_text_sha256` is of the text that the participant had agreed to.
    """

    id: str
    task: str
    number: int
    reviewer: str
    submitted_at: str
    documents: list[LabelsDocument]
    diff: dict[str, Diff]
    active_ms: int
    instruction_version: int
    script_sha256: str
    opened_at: str
    first_input_at: str | None
    reason: str
    probability: float
    instruction_sha256: str | None
    shown: list[ShownDocument] | None
    page: str | None
    correction: CorrectionCode | None
    study_version: int
    consent_text_sha256: Sha256


class TaskView(WireModel):
    id: str
    type: TaskType
    study: str
    session: str
    take: str
    step: str
    step_title: str
    step_number: int
    step_count: int
    attempt: int
    kind: str
    prompt: str
    expected: str | None
    objects: list[str]
    language: str
    classes: list[str]
    instructions: Instructions
    consent: str
    captures: list[CaptureView]
    prelabels: list[LabelsDocument]
    draft: DraftView | None
    revision: RevisionView | None
    reason: ReasonView
    state: TaskState
    lease: LeaseView | None


class TaskRow(WireModel):
    """One line of the lead's list."""

    id: str
    type: TaskType
    state: TaskState
    study: str
    session: str
    take: str
    step: str
    attempt: int
    holder: str | None
    reason: str
    created_at: str
    done_at: str | None
    round: int


class TaskRows(WireModel):
    """A page of tasks, the newest first. `next` is the `after` of the page that follows, null at the end."""

    tasks: list[TaskRow]
    next: str | None


class TasksAsked(WireModel):
    """Which tasks are wanted: of these that are not None. `after`: the last task of the page before."""

    state: TaskState | None = None
    type: TaskType | None = None
    study: Id | None = None
    limit: int = Field(default=500, ge=1, le=5000)
    after: Id | None = None


def task_view(
    conn: Connection, task: str, person: str, lease: Lease | None = None, *, is_lead: bool = False
) -> TaskView:
    """A task as one person sees it, with that person's draft, and the newest revision if it is the person's own.

    Leads see everybody's. The caller guarantees that the person may see the task. Raises NoSuchTask.
    Without its labelled captures (the consent has ended) there is no draft and no revision either.
    """
    rows = read_task(conn, task)
    return view_of(detail_of(rows), own_work(conn, rows, person, is_lead=is_lead), lease)


class OwnWork(NamedTuple):
    """Rows of a task that not everybody sees: the draft of a person, and its newest revision."""

    draft: Row | None
    revision: Row | None


def own_work(conn: Connection, rows: StoredTask, person: str, *, is_lead: bool) -> OwnWork:
    """What one person sees. Leads see everybody's revision."""
    task = rows.task
    revision = _newest_revision(conn, task.revision_id, None if is_lead else person)
    draft = conn.execute(*draft_query(task.id, person, task.fence)).one_or_none()
    if draft is not None and len(draft.documents) > SHORT_LENGTH:
        require_thread(conn)
    return OwnWork(draft, revision)


def view_of(detail: TaskDetail, own: OwnWork, lease: Lease | None = None) -> TaskView:
    """`task_view` of what was read already."""
    draft, revision = own if detail.labelled else (None, None)
    return TaskView(
        **shared_members(vars(detail), TaskView),
        draft=DraftView(documents=read_documents(draft.documents), saved_at=draft.saved_at, why=draft.why)
        if draft
        else None,
        revision=_revision_view(revision) if revision else None,
        reason=_reason(detail),
        lease=LeaseView(fence=lease.fence, expires_at=lease.expires_at) if lease else None,
    )


def draft_query(task: str, person: str, fence: int) -> Query:
    """For the work that a person has not finished, that of this lease first."""
    return sql.OWN_DRAFT, {"task": task, "person": person, "fence": fence}


def _reason(detail: TaskDetail) -> ReasonView:
    if detail.control:
        return ReasonView(kind="control", probability=detail.probability, text=CONTROL_TEXT)
    return ReasonView(kind=detail.reason_kind, probability=detail.probability, text=detail.reason_text)


def revision_views(conn: Connection, task: str) -> list[RevisionView]:
    """Every revision of a task, the first one first."""
    return [_revision_view(row) for row in conn.execute(_REVISIONS, {"task": task})]


def _newest_revision(conn: Connection, revision: str | None, person: str | None) -> Row | None:
    """The revision with this id, if there is one and it is of `person` (None: of anybody)."""
    if revision is None:
        return None
    require_thread(conn)
    return conn.execute(_REVISION, {"revision": revision, "person": person}).one_or_none()


def _revision_view(row: Row) -> RevisionView:
    return RevisionView(
        **shared_members(row._asdict(), RevisionView)
        | {
            "task": row.task_id,
            "documents": read_documents(row.documents),
            "diff": json.loads(row.diff),
            "reason": row.reason_kind,
            "shown": None if row.shown is None else json.loads(row.shown),
        }
    )


def task_rows(conn: Connection, asked: TasksAsked, scope: Scope = EVERYTHING) -> TaskRows:
    """A page of tasks, the newest first, for leads. Raises NoSuchTask: there is no task `after`."""
    values: dict[str, Any] = asked.model_dump(exclude_none=True) | scope.values
    where = [within("task.study"), *(f"task.{name} = :{name}" for name in ("state", "type", "study") if name in values)]
    if asked.state is not None:
        where.append(LEASED if asked.state == "leased" else NOT_LEASED)
    if asked.after is not None:
        values["created"] = conn.execute(_CREATED, {"after": asked.after, **scope.values}).scalar()
        if values["created"] is None:
            raise NoSuchTask(f"There is no task {asked.after}.")
        where.append(LATER)
    values["limit"] = asked.limit + 1
    rows = conn.execute(text(_ROWS.format(" AND ".join(where))), values).mappings()
    shown = [TaskRow.model_validate(row) for row in rows]
    more = len(shown) > asked.limit
    return TaskRows(tasks=shown[: asked.limit], next=shown[asked.limit - 1].id if more else None)
