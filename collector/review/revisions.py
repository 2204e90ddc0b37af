"""Revisions: what a person submitted, immutable; ground truth is the task's pointer at one. Drafts: what was not yet.

Plain SQL on one connection of the writer, like the queue; a write that came too late keeps its documents as a draft
and returns a `LeaseRefused`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic_core import to_json

from collector.review import queue_sql as sql
from collector.review.activity import Stretch
from collector.review.codes import CorrectionCode
from collector.review.problems import SubmitReused
from collector.review.progress import count_submit
from collector.review.queue import LeaseRefused, LeaseState, lease_state, require_leased, works_on
from collector.review.rules import may_write
from collector.review.task_consent import check_task
from collector.review.task_detail import ShownDocument
from collector.store.sql import Connection
from collector.studies.categories import save_words
from wire.base import format_utc, new_id

DRAWN_KINDS = ("box", "track", "mask", "keypoints", "polygon")


@dataclass(frozen=True)
class RevisionFields:
    """What a revision keeps besides its documents; made before the transaction from what never changes."""

    documents: Sequence[Mapping[str, Any]]
    diff: Mapping[str, Mapping[str, Any]]
    opened_at: str
    first_input_at: str | None
    active_ms: int
    worked: Sequence[Stretch]
    reason_kind: str
    probability: float
    instruction_version: int
    script_sha256: str
    study_version: int
    instruction_sha256: str | None = None
    shown: Sequence[ShownDocument] = ()
    reported: Sequence[Mapping[str, Any]] = ()
    page: str | None = None
    correction: CorrectionCode | None = None


def answered_before(conn: Connection, task: str, person: str, submit: str) -> str | None:
    """The answer that a submit with this UUID got already, as JSON text.

    Raises:
        SubmitReused: the UUID belongs to another task or person.
    """
    row = conn.execute(sql.BY_SUBMIT, {"submit": submit}).one_or_none()
    if row is None:
        return None
    if (row.task_id, row.person_id) != (task, person):
        raise SubmitReused("This submit's UUID was used for something else before.")
    reply: str = row.reply
    return reply


def submit(
    conn: Connection,
    task: str,
    person: str,
    fence: int,
    submit_uuid: str,
    facts: RevisionFields,
    progress: Callable[[Connection], dict[str, Any]],
    now: datetime,
) -> str | LeaseRefused:
    """Make a revision and point the task's ground truth at it; returns the reply as JSON text, the same for one UUID.

    Raises:
        NoSuchTask, SubmitReused, ConsentEnded, TaskNotYours.
    """
    before = answered_before(conn, task, person, submit_uuid)
    if before is not None:
        return before
    check_task(conn, task, now)
    row = lease_state(conn, task)
    if not may_write(row.fence, row.leased_to, person, fence):
        return _lost_with_draft(conn, task, person, fence, facts.documents, row, now)
    at, revision = format_utc(now), new_id("rev")
    who = {"task": task, "person": person, "fence": fence, "now": at}
    values = {
        **who,
        "id": revision,
        "number": conn.execute(sql.NEXT_NUMBER, {"task": task}).scalar_one(),
        "submit": submit_uuid,
        "opened_at": facts.opened_at,
        "first_input_at": facts.first_input_at,
        "active_ms": _not_counted_yet(conn, task, fence, facts.active_ms, now),
        "documents": _json(facts.documents),
        "diff": _json(facts.diff),
        "reply": "",
        "reason_kind": facts.reason_kind,
        "probability": facts.probability,
        "instruction_version": facts.instruction_version,
        "script_sha256": facts.script_sha256,
        "instruction_sha256": facts.instruction_sha256,
        "shown": _json([document.to_json() for document in facts.shown]),
        "told": _json(facts.reported),
        "page": facts.page,
        "correction": facts.correction,
        "study_version": facts.study_version,
    }
    conn.execute(sql.ADD_REVISION, values)
    if facts.worked:
        spans = [{"started_at": format_utc(row.start), "ended_at": format_utc(row.end)} for row in facts.worked]
        conn.execute(sql.ADD_WORKED, [{**who, **span} for span in spans])
    count_submit(conn, revision, task, person, fence, now)
    save_words(conn, _drawn_words(facts.documents))
    conn.execute(sql.DONE, {"task": task, "revision": revision, "now": at})
    conn.execute(sql.END_LEASE, {**who, "how": "submitted"})
    conn.execute(sql.DROP_DRAFTS, who)
    reply = _json({"now": at, "revision": revision, "diff": dict(facts.diff), "progress": progress(conn)})
    conn.execute(sql.SET_REPLY, {"id": revision, "reply": reply})
    return reply


def _drawn_words(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """The words of things in pictures, in the order of the labels; outlines of written text are none."""
    words = []
    for document in documents:
        labels = document.get("labels", [])
        if all(label["kind"] != "text" for label in labels):
            words += [label["label"] for label in labels if label["kind"] in DRAWN_KINDS]
    return words


def _not_counted_yet(conn: Connection, task: str, fence: int, active_ms: int, now: datetime) -> int:
    """Active time of a submit: no more than has passed since the newest submit under the same lease."""
    last = conn.execute(sql.LAST_OF_LEASE, {"task": task, "fence": fence}).scalar()
    if last is None:
        return active_ms
    passed = round((now - datetime.fromisoformat(last)).total_seconds() * 1000)
    return max(0, min(active_ms, passed))


def save_draft(
    conn: Connection, task: str, person: str, fence: int, documents: Sequence[Mapping[str, Any]], now: datetime
) -> LeaseRefused | None:
    """Save unfinished work, one draft per task, person and lease. Once the task is submitted nothing is saved.

    Raises:
        NoSuchTask, ConsentEnded, TaskNotYours.
    """
    check_task(conn, task, now)
    row = lease_state(conn, task)
    if not may_write(row.fence, row.leased_to, person, fence):
        return _lost_with_draft(conn, task, person, fence, documents, row, now)
    if works_on(conn, task, row):
        _save_draft(conn, task, person, fence, documents, "working", now)
    return None


def lost_submit(
    conn: Connection, task: str, person: str, fence: int, documents: Sequence[Mapping[str, Any]], now: datetime
) -> LeaseRefused | None:
    """For a submit that is not a revision yet: None if its fence is good, else keep its documents as a draft.

    Raises:
        NoSuchTask, TaskNotYours.
    """
    row = lease_state(conn, task)
    if may_write(row.fence, row.leased_to, person, fence):
        return None
    return _lost_with_draft(conn, task, person, fence, documents, row, now)


def _lost_with_draft(
    conn: Connection,
    task: str,
    person: str,
    fence: int,
    documents: Sequence[Mapping[str, Any]],
    row: LeaseState,
    now: datetime,
) -> LeaseRefused:
    """Save the documents if this person had the task under this fence. Raises TaskNotYours: never had it at all."""
    require_leased(conn, task, person)
    values = {"task": task, "person": person, "fence": fence}
    if not conn.execute(sql.WAS_LEASED_UNDER, values).scalar():
        return LeaseRefused(task, row.state, row.holder, kept=False)
    _save_draft(conn, task, person, fence, documents, "lease-lost", now)
    return LeaseRefused(task, row.state, row.holder, kept=True)


def _save_draft(
    conn: Connection,
    task: str,
    person: str,
    fence: int,
    documents: Sequence[Mapping[str, Any]],
    why: Literal["working", "lease-lost"],
    now: datetime,
) -> None:
    values = {"task": task, "person": person, "fence": fence, "now": format_utc(now), "why": why}
    conn.execute(sql.KEEP_DRAFT, {**values, "documents": _json(documents)})


def _json(value: Any) -> str:
    # Of thousands of labels the standard library would make one text while no other thread can run.
    return to_json(value).decode()
