"""What happened to a task, for leads: its leases, its reasons in the queue, its pre-labels. Reads only."""

from __future__ import annotations

from typing import Literal

from collector.catalogue.prelabel_documents import Event
from collector.review.codes import ReopenCode, SkipCode
from collector.review.queue import Lane, lease_state
from collector.review.rules import ReasonKind
from collector.store.sql import Connection, text
from wire.base import WireModel

Ended = Literal["submitted", "skipped", "returned", "expired", "taken-again"]

_LEASES = text(
    "SELECT lease.fence, person.name AS person, lease.client, lease.started_at, lease.expires_at, lease.ended_at,"
    " lease.ended, lease.lane, lease.probability, lease.why FROM lease JOIN person ON person.id = lease.person_id"
    " WHERE lease.task_id = :task ORDER BY lease.fence"
)

_REASONS = text("SELECT at, kind, text, priority FROM task_reason WHERE task_id = :task ORDER BY id")
_SKIPS = text(
    "SELECT skip.at, person.name AS person, skip.kind, skip.reason, skip.code FROM skip"
    " JOIN person ON person.id = skip.person_id WHERE skip.task_id = :task ORDER BY skip.id"
)
_EVENTS = text(
    "SELECT event.document_id AS document, document.capture_id AS capture, document.source_name AS model, event.at,"
    " event.event, event.run_id AS run, event.raw_sha256 AS sha256 FROM task_capture"
    " JOIN labels_document AS document ON document.capture_id = task_capture.capture_id"
    " JOIN prelabel_event AS event ON event.document_id = document.id"
    " WHERE task_capture.task_id = :task AND task_capture.role = 'labelled' ORDER BY event.id"
)


class LeaseRow(WireModel):
    """One lease. `client` is the page; `lane` is where the queue took the task from, `probability` the chance with
    which that lane was served then. `ended` is null while it is held, and where it ran out and nobody took the task
    since. `why` says what it was reopened for. Leases from before this was recorded have a person alone.
    """

    fence: int
    person: str
    client: str | None
    started_at: str | None
    expires_at: str | None
    ended_at: str | None
    ended: Ended | None
    lane: Lane | None
    probability: float | None
    why: ReopenCode | None


class SkipRow(WireModel):
    """It was skipped (it waits for a lead) or returned (the next person gets it)."""

    at: str
    person: str
    kind: Literal["skipped", "returned"]
    reason: str
    code: SkipCode | None


class ReasonRow(WireModel):
    """Why the task had its place in the queue from then on; the highest `priority` is served first."""

    at: str
    kind: ReasonKind
    text: str
    priority: float


class PrelabelEvent(WireModel):
    """What became of a document of pre-labels. `run` is the run of a model that did it, null for the device's own.

    `sha256` is of the document's bytes from then on. Documents from before this was recorded have no `received`.
    """

    document: int
    capture: str
    model: str
    at: str
    event: Event
    run: str | None
    sha256: str


class TaskHistory(WireModel):
    """The first of each list happened first."""

    leases: list[LeaseRow]
    skips: list[SkipRow]
    reasons: list[ReasonRow]
    prelabels: list[PrelabelEvent]


def task_history(conn: Connection, task: str) -> TaskHistory:
    """Raises NoSuchTask."""
    lease_state(conn, task)
    asked = {"task": task}
    return TaskHistory(
        leases=[LeaseRow.model_validate(row) for row in conn.execute(_LEASES, asked).mappings()],
        skips=[SkipRow.model_validate(row) for row in conn.execute(_SKIPS, asked).mappings()],
        reasons=[ReasonRow.model_validate(row) for row in conn.execute(_REASONS, asked).mappings()],
        prelabels=[PrelabelEvent.model_validate(row) for row in conn.execute(_EVENTS, asked).mappings()],
    )
