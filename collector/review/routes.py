"""The queue over HTTP (docs/http-api.md, Queue). What is decided is decided in queue.py, revisions.py, checking.py."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar, get_args

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field, StrictBool

from collector.http.bodies import body_schema
from collector.people.policy import Annotator, Lead, Person, PolicyRoute
from collector.review import queue, revisions
from collector.review.accept_submit import Submission, answered
from collector.review.codes import ReopenCode, SkipCode
from collector.review.diff import Diff
from collector.review.history import TaskHistory, task_history
from collector.review.long_bodies import json_response, with_documents
from collector.review.next_tasks import NextReply, NextRequest, read_taken, shown_body, take
from collector.review.problems import TaskNotYours
from collector.review.progress import Progress
from collector.review.queue import Lease, LeaseRefused
from collector.review.rounds import add_round
from collector.review.set_aside import PersonDraft, SetAside, drafts_of, set_aside
from collector.review.shown_tasks import ShownTasks
from collector.review.submit import MAX_SUBMIT_LABELS, Documents, Submit
from collector.review.task_consent import check_task
from collector.review.views import (
    LeaseView,
    RevisionView,
    TaskRows,
    TasksAsked,
    TaskView,
    revision_views,
    task_rows,
    task_view,
)
from collector.services import Blobs, Db, services_of
from collector.store.database import Database
from collector.store.sql import Connection
from collector.studies.instructions import InstructionView, instructions_by_hash
from collector.studies.scope import scope_of
from wire.base import Count, Id, Sha256, WireModel, format_utc
from wire.tasks import TaskType


async def _shown_tasks(request: Request) -> ShownTasks:
    return services_of(request).get(ShownTasks)


Shown = Annotated[ShownTasks, Depends(_shown_tasks)]
router = APIRouter(tags=["queue"], route_class=PolicyRoute)
T = TypeVar("T")
ALL_TYPES: tuple[TaskType, ...] = get_args(TaskType)


class ReopenRequest(WireModel):
    client: Id
    why: ReopenCode | None = None


class FenceRequest(WireModel):
    fence: Count


class SkipRequest(WireModel):
    fence: Count
    reason: Annotated[str, Field(max_length=1000)]
    code: SkipCode | None = None


class DraftRequest(WireModel):
    fence: Count
    documents: Documents


class ActivityRequest(WireModel):
    task: Id
    fence: Count
    visible: StrictBool
    playing: StrictBool
    input: StrictBool


class Now(WireModel):
    now: str


class RenewReply(WireModel):
    now: str
    lease: LeaseView


class DraftReply(WireModel):
    now: str
    saved_at: str


class SubmitReply(WireModel):
    """`next`: what was asked for with the submit; left out where the person holds all they may."""

    now: str
    revision: str
    diff: dict[str, Diff]
    progress: Progress
    next: NextReply | None = None


class Revisions(WireModel):
    revisions: list[RevisionView]


class Drafts(WireModel):
    drafts: list[PersonDraft]


class RoundReply(WireModel):
    task: str
    round: int


@router.post("/api/tasks/next", response_model=NextReply)
async def next_tasks(body: NextRequest, person: Annotator, db: Db, shown: Shown) -> Response:
    now = datetime.now(UTC)
    taken = await db.write(
        lambda conn: take(conn, body, person, now),
        quick=True,
        along=lambda conn, taken: read_taken(conn, taken, person),
    )
    return Response(await shown_body(taken, db, shown, person), media_type="application/json")


@router.post("/api/tasks/{task}/submit", response_model=SubmitReply, openapi_extra=body_schema(Submit))
async def submit_task(
    task: Id,
    body: Annotated[Submit, Depends(with_documents(Submit, MAX_SUBMIT_LABELS))],
    person: Annotator,
    db: Db,
    blobs: Blobs,
    shown: Shown,
) -> Response:
    now = datetime.now(UTC)
    saved = unwrap(await Submission(task, body, person, now).accept(db, blobs, shown))
    return await answered(saved, db, shown, person)


@router.get("/api/tasks")
async def list_tasks(person: Lead, db: Db, asked: Annotated[TasksAsked, Query()]) -> TaskRows:
    return await db.read_long(lambda conn: task_rows(conn, asked, scope_of(person)))


@router.get("/api/set-aside")
async def list_set_aside(person: Lead, db: Db) -> SetAside:
    """Skipped items with their reasons, and work that came after its item had gone to somebody else."""
    return await db.read_long(lambda conn: set_aside(conn, datetime.now(UTC), scope_of(person)))


@router.get("/api/tasks/{task}/drafts")
async def task_drafts(task: Id, person: Lead, db: Db) -> Drafts:
    return Drafts(drafts=await db.read(_if_in_scope(task, person, lambda conn: drafts_of(conn, task))))


@router.post("/api/tasks/{task}/again", status_code=201)
async def add_task_round(task: Id, person: Lead, db: Db) -> RoundReply:
    """A further, independent answer to a finished task, by somebody who was given none of its rounds."""
    made, number = await db.write(_if_in_scope(task, person, lambda conn: add_round(conn, task, datetime.now(UTC))))
    return RoundReply(task=made, round=number)


@router.get("/api/tasks/{task}/history")
async def one_history(task: Id, person: Lead, db: Db) -> TaskHistory:
    """Its leases (who, page, from, until, lane, how it ended), its reasons in the queue, its pre-labels' events."""
    return await db.read(_if_in_scope(task, person, lambda conn: task_history(conn, task)))


def _if_in_scope(task: str, person: Person, fn: Callable[[Connection], T]) -> Callable[[Connection], T]:
    """`fn`, after it is certain that the task is of a study that the person may see. Raises NoSuchTask."""

    def checked_first(conn: Connection) -> T:
        queue.check_in_scope(conn, task, scope_of(person))
        return fn(conn)

    return checked_first


@router.get("/api/tasks/{task}", response_model=TaskView)
async def one_task(task: Id, person: Annotator, db: Db) -> Response:
    def look_up(conn: Connection) -> Response:
        _check_visible(conn, task, person)
        return json_response(task_view(conn, task, person.id, is_lead=person.role == "lead"))

    return await db.read(look_up)


def _check_visible(conn: Connection, task: str, person: Person) -> None:
    """Of their studies leads see every task, annotators those they hold or have held.

    Raises:
        NoSuchTask, ConsentEnded, TaskNotYours.
    """
    queue.check_in_scope(conn, task, scope_of(person))
    check_task(conn, task, datetime.now(UTC))
    if person.role != "lead":
        queue.require_leased(conn, task, person.id)


@router.post("/api/tasks/{task}/reopen", response_model=TaskView)
async def reopen_task(task: Id, body: ReopenRequest, person: Annotator, db: Db) -> Response:
    now = datetime.now(UTC)
    is_lead, scope = person.role == "lead", scope_of(person)

    def reopen(conn: Connection) -> Lease | LeaseRefused:
        return queue.reopen(conn, task, person.id, body.client, is_lead, now, body.why, scope)

    lease = unwrap(await db.write(_if_in_scope(task, person, reopen)))
    return await db.read(lambda conn: json_response(task_view(conn, task, person.id, lease, is_lead=is_lead)))


@router.post("/api/tasks/{task}/renew")
async def renew_lease(task: Id, body: FenceRequest, person: Annotator, db: Db) -> RenewReply:
    now = datetime.now(UTC)
    renew = _if_in_scope(task, person, lambda conn: queue.renew(conn, task, person.id, body.fence, now))
    lease = unwrap(await db.write(renew))
    return RenewReply(now=format_utc(now), lease=LeaseView(fence=lease.fence, expires_at=lease.expires_at))


@router.post("/api/tasks/{task}/skip")
async def skip_task(task: Id, body: SkipRequest, person: Annotator, db: Db) -> Now:
    return await _end_lease(db, task, person, body.fence, "skipped", body.reason, body.code)


@router.post("/api/tasks/{task}/return")
async def return_task(task: Id, body: FenceRequest, person: Annotator, db: Db) -> Now:
    return await _end_lease(db, task, person, body.fence, "returned", "")


async def _end_lease(
    db: Database, task: str, person: Person, fence: int, kind: Any, reason: str, code: SkipCode | None = None
) -> Now:
    now = datetime.now(UTC)

    def end(conn: Connection) -> LeaseRefused | None:
        return queue.end_lease(conn, task, person.id, fence, kind, reason, now, code)

    unwrap(await db.write(_if_in_scope(task, person, end)))
    return Now(now=format_utc(now))


@router.put("/api/tasks/{task}/draft", openapi_extra=body_schema(DraftRequest))
async def save_draft(
    task: Id,
    body: Annotated[DraftRequest, Depends(with_documents(DraftRequest, MAX_SUBMIT_LABELS))],
    person: Annotator,
    db: Db,
) -> DraftReply:
    now = datetime.now(UTC)
    sent = await asyncio.to_thread(_as_json, body.documents)

    def save(conn: Connection) -> LeaseRefused | None:
        return revisions.save_draft(conn, task, person.id, body.fence, sent, now)

    unwrap(await db.write(_if_in_scope(task, person, save)))
    return DraftReply(now=format_utc(now), saved_at=format_utc(now))


@router.get("/api/instructions/{sha256}")
async def one_instruction(sha256: Sha256, person: Annotator, db: Db) -> InstructionView:
    """The words that people worked by, which revisions name by hash."""
    return await db.read(lambda conn: instructions_by_hash(conn, sha256, scope_of(person)))


@router.get("/api/tasks/{task}/revisions")
async def task_revisions(task: Id, person: Annotator, db: Db) -> Revisions:
    def look_up(conn: Connection) -> list[RevisionView]:
        _check_visible(conn, task, person)
        return revision_views(conn, task)

    rows = await db.read(look_up)
    if person.role != "lead":
        own = [row for row in rows if row.reviewer == person.name]
        if rows and not own:
            raise TaskNotYours("The revisions of this task are not yours to see.", hint="Ask a lead.")
        rows = own
    return Revisions(revisions=rows)


@router.post("/api/activity", status_code=204)
async def note_activity(body: ActivityRequest, person: Annotator, db: Db) -> None:
    now = datetime.now(UTC)
    signs = {"visible": body.visible, "playing": body.playing, "input": body.input}

    def note(conn: Connection) -> LeaseRefused | None:
        return queue.note_activity(conn, body.task, person.id, body.fence, signs, now)

    unwrap(await db.write(_if_in_scope(body.task, person, note)))


def _as_json(documents: Documents) -> list[dict[str, Any]]:
    return [document.to_json() for document in documents]


def unwrap(answer: T | LeaseRefused) -> T:
    """The answer of a write whose fence was good. Raises LeaseLost otherwise, after the commit that kept the draft."""
    if isinstance(answer, LeaseRefused):
        raise answer.error()
    return answer
