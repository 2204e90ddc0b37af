"""Revisions: what a person submitted, immutable; ground truth is the task's pointer at one. Drafts: what was not yet.

Plain SQL on one connection of the writer, like the queue; a write that came too late keeps its documents as a draft
and returns a `LeaseRefused`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic_core import to_json

from collector.review import queue_sql as sql
from collector.review.activity import Sign, counted_ms, counted_stretches
from collector.review.codes import CorrectionCode
from collector.review.problems import SubmitReused
from collector.review.progress import Progress, count_submit
from collector.review.queue import LeaseRefused, LeaseState, lease_state, require_leased, works_on
from collector.review.rules import may_write
from collector.review.task_consent import check_task, check_usable, usable_by
from collector.review.task_detail import TaskDetail
from collector.store.sql import Connection, Row
from collector.studies.categories import save_words
from collector.studies.instructions import instructions_on_screen
from wire.base import format_utc, new_id
from wire.labels import LabelsDocument

DRAWN_KINDS = ("box", "track", "mask", "keypoints", "polygon")
DRAWN_TYPES = ("boxes", "tracks")


@dataclass(frozen=True)
class RevisionFields:
    """What a revision saves besides who made it and when; made before the transaction.

    `detail` is the task as it was shown; `signs` and `reported` are the page's own signs of life, `instructions` the
    hash of the words on its screen.
    """

    detail: TaskDetail
    documents: Sequence[LabelsDocument]
    diff: Mapping[str, Mapping[str, Any]]
    opened_at: datetime
    first_input_at: datetime | None = None
    signs: Sequence[Sign] = ()
    reported: Sequence[Mapping[str, Any]] = ()
    instructions: str | None = None
    page: str | None = None
    correction: CorrectionCode | None = None


class FactsOutdated(Exception):
    """The task has got another ground truth since a submit was checked: check it again."""


def answered_before(conn: Connection, task: str, person: str, submit: str) -> str | None:
    """The answer that a submit with this UUID got already, as JSON text.

    Raises:
        SubmitReused: the UUID belongs to another task or person.
    """
    row = conn.execute(sql.BY_SUBMIT, {"submit": submit}).one_or_none()
    return None if row is None else _answer_again(task, person, row.task_id, row.person_id, row.reply)


def _answer_again(task: str, person: str, answered_task: str, answered_person: str, answer: str) -> str:
    if (answered_task, answered_person) != (task, person):
        raise SubmitReused("This submit's UUID was used for something else before.")
    return answer


def submit(
    conn: Connection,
    task: str,
    person: str,
    fence: int,
    submit_uuid: str,
    fields: RevisionFields,
    count: Callable[[Connection], Progress],
    now: datetime,
) -> str | LeaseRefused:
    """Make a revision and point the task's ground truth at it; returns the reply as JSON text, the same for one UUID.

    Raises:
        NoSuchTask, SubmitReused, ConsentEnded, TaskNotYours, FactsOutdated.
    """
    asked = {"task": task, "fence": fence, "submit": submit_uuid}
    rows = conn.execute(sql.SUBMITTING, asked).all()
    if rows and rows[0].answer is not None:
        return _answer_again(task, person, rows[0].answered_task, rows[0].answered_person, rows[0].answer)
    check_usable(usable_by(task, rows), now)
    row = rows[0]
    if not may_write(row.fence, row.leased_to, person, fence):
        return _lost_with_draft(conn, task, person, fence, [one.to_json() for one in fields.documents], row, now)
    if row.revision_id != fields.detail.revision_id:
        raise FactsOutdated
    at, revision = format_utc(now), new_id("rev")
    who = {"task": task, "person": person, "fence": fence, "now": at}
    active_ms = _save_worked(conn, who, row, fields, now)
    count_submit(conn, revision, task, person, fence, now)
    save_words(conn, _new_words(fields))
    conn.execute(sql.DONE, {"task": task, "revision": revision, "now": at})
    conn.execute(sql.END_LEASE, {**who, "how": "submitted"})
    if row.has_drafts:
        conn.execute(sql.DROP_DRAFTS, who)
    reply = _json({"now": at, "revision": revision, "diff": dict(fields.diff), "progress": count(conn).to_json()})
    made = {**who, "id": revision, "number": row.number, "submit": submit_uuid, "active_ms": active_ms, "reply": reply}
    conn.execute(sql.ADD_REVISION, {**made, **_columns(conn, fields, now)})
    return reply


def _columns(conn: Connection, fields: RevisionFields, now: datetime) -> dict[str, Any]:
    """The columns of a revision that follow from what was shown and sent."""
    detail = fields.detail
    version, words = instructions_on_screen(
        conn, detail.type, detail.instruction_version, detail.instructions, fields.instructions
    )
    return {
        # By a page's clock that runs ahead, both would come after the submit.
        "opened_at": format_utc(min(fields.opened_at, now)),
        "first_input_at": format_utc(min(fields.first_input_at, now)) if fields.first_input_at else None,
        "documents": f"[{','.join(document.model_dump_json(by_alias=True) for document in fields.documents)}]",
        "diff": _json(fields.diff),
        "reason_kind": detail.reason_kind,
        "probability": detail.probability,
        "instruction_version": version,
        "script_sha256": detail.script_sha256,
        "instruction_sha256": words,
        "shown": _json([document.to_json() for document in detail.shown]),
        "told": _json(fields.reported),
        "page": fields.page,
        "correction": fields.correction,
        "study_version": detail.study_version,
    }


def _save_worked(conn: Connection, who: dict[str, Any], row: Row, fields: RevisionFields, now: datetime) -> int:
    """Save when the person worked on this submit; returns for how many milliseconds."""
    received = [
        Sign(datetime.fromisoformat(line.at), bool(line.visible), bool(line.playing), bool(line.input))
        for line in (conn.execute(sql.ACTIVITY, who) if row.has_activity else ())
    ]
    # What an earlier submit under this lease counted is not counted again.
    begun = max(row.leased_at or "", row.last or "")
    counts_from = datetime.fromisoformat(begun) if begun else datetime.min.replace(tzinfo=UTC)
    signs = (received, fields.signs, counts_from, fields.opened_at, now)
    spans = [
        {"started_at": format_utc(span.start), "ended_at": format_utc(span.end)} for span in counted_stretches(*signs)
    ]
    if spans:
        conn.execute(sql.ADD_WORKED, [{**who, **span} for span in spans])
    return counted_ms(*signs)


def _new_words(fields: RevisionFields) -> list[str]:
    """Words of drawn things that the study's own list lacks: those on it were numbered with it."""
    known = set(fields.detail.classes) if fields.detail.type in DRAWN_TYPES else set()
    return [word for word in _drawn_words(fields.documents) if word not in known]


def _drawn_words(documents: Sequence[LabelsDocument]) -> list[str]:
    """The words of things in pictures, in the order of the labels; outlines of written text are none."""
    words = []
    for document in documents:
        if all(label.kind != "text" for label in document.labels):
            words += [label.label for label in document.labels if label.kind in DRAWN_KINDS]
    return words


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
    row: LeaseState | Row,
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
