"""From what the page sends to the facts of a revision: read, check, compare, count. No writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StrictBool

from collector.catalogue.derived import find_derived
from collector.review import queue_sql as sql
from collector.review.activity import Sign, counted_ms, counted_stretches
from collector.review.codes import CorrectionCode
from collector.review.diff import diff_labels
from collector.review.next_tasks import NextRequest
from collector.review.queue import lease_state
from collector.review.revisions import RevisionFields, answered_before
from collector.review.rules import may_write
from collector.review.task_detail import TaskDetail, picture_size, task_detail, truth_documents
from collector.review.validation import LabelledCapture, finished_documents
from collector.store.blobs import BlobStore
from collector.store.sql import Connection
from collector.studies.instructions import instructions_on_screen
from prelabel.geometry.validity import bounds_fault
from wire.base import Count, Sha256, Utc, WireModel, format_utc
from wire.capture import FrameTable
from wire.labels import LabelsDocument, Track

MAX_SUBMIT_LABELS = 20_000


def _check_amount(documents: list[LabelsDocument]) -> list[LabelsDocument]:
    labels = [label for document in documents for label in document.labels]
    amount = sum(len(label.keyframes) if isinstance(label, Track) else 1 for label in labels)
    if amount > MAX_SUBMIT_LABELS:
        raise ValueError(
            f"{amount} labels and keyframes are more than the {MAX_SUBMIT_LABELS} that one submit may have"
        )
    return documents


def _check_bounds(documents: list[LabelsDocument]) -> list[LabelsDocument]:
    """Drafts, too, and what came too late: somebody opens them again."""
    for document in documents:
        for label in document.labels:
            fault = bounds_fault(label)
            if fault is not None:
                raise ValueError(f"label {label.id} of capture {document.capture} {fault}")
    return documents


Documents = Annotated[
    list[LabelsDocument], Field(max_length=100), AfterValidator(_check_amount), AfterValidator(_check_bounds)
]


class ActivityReported(WireModel):
    """A sign of life by the page's own clock: something happened then, or media played."""

    at: Utc
    visible: StrictBool
    playing: StrictBool


class Submit(WireModel):
    """One labels document for each labelled capture. The same `submit` UUID again gets the same answer.

    `instructions`: the sha256 of the words that are on the screen; `page`: the build of the page; `correction`: what
    was wrong with the work of somebody else that this one replaces; `next`: the tasks that are wanted with the answer.
    """

    fence: Count
    submit: UUID
    documents: Documents
    opened_at: Utc
    first_input_at: Utc | None = None
    activity: list[ActivityReported] = []
    instructions: Sha256 | None = None
    page: Annotated[str, Field(max_length=64)] | None = None
    correction: CorrectionCode | None = None
    next: NextRequest | None = None


@dataclass(frozen=True)
class Prepared:
    """What a submit is checked against.

    `answered` is the reply it got before, `holds` says whether its fence is good, `frames` has the blob of each
    labelled video's frame table, `counts_from` is the start of the lease or its newest submit; `instruction_*` are the
    words the person works by.
    """

    answered: str | None
    holds: bool
    facts: TaskDetail
    truth: list[LabelsDocument]
    counts_from: datetime
    received: list[Sign]
    frames: dict[str, str]
    instruction_version: int
    instruction_sha256: str | None


def prepared(
    conn: Connection, task: str, person: str, fence: int, submit: str, instructions: str | None = None
) -> Prepared:
    """Raises NoSuchTask, SubmitReused."""
    facts = task_detail(conn, task)
    row = lease_state(conn, task)
    asked = {"task": task, "person": person, "fence": fence}
    received = [
        Sign(datetime.fromisoformat(line.at), bool(line.visible), bool(line.playing), bool(line.input))
        for line in conn.execute(sql.ACTIVITY, asked)
    ]
    # What an earlier submit under this lease counted is not counted again.
    begun = max(row.leased_at or "", conn.execute(sql.LAST_OF_LEASE, asked).scalar() or "")
    found = {capture.id: find_derived(conn, capture.id, "frames") for capture in facts.labelled}
    frames = {capture: row.blob for capture, row in found.items() if row is not None}
    version, words = instructions_on_screen(conn, facts.type, facts.instruction_version, instructions)
    return Prepared(
        answered=answered_before(conn, task, person, submit),
        holds=may_write(row.fence, row.leased_to, person, fence),
        facts=facts,
        truth=truth_documents(conn, facts.revision_id),
        counts_from=datetime.fromisoformat(begun) if begun else datetime.min.replace(tzinfo=UTC),
        received=received,
        frames=frames,
        instruction_version=version,
        instruction_sha256=words,
    )


def checked(found: Prepared, body: Submit, reviewer: str, blobs: BlobStore, now: datetime) -> RevisionFields:
    """The facts of the revision that `body` becomes. Reads frame tables; run it in a thread.

    Raises:
        LabelsRefused: a document does not fit the task.
        BlobMissing: a frame table is not there.
    """
    facts = found.facts
    captures = [
        LabelledCapture(
            row.id,
            row.duration_us,
            frame_times(blobs, found.frames[row.id]) if row.id in found.frames else None,
            picture_size(row),
        )
        for row in facts.labelled
    ]
    documents = finished_documents(
        facts.type, captures, facts.classes, body.documents, facts.prelabels, found.truth, reviewer
    )
    places = {row.capture: row for row in captures}
    diff = {
        document.capture: diff_labels(
            [label for shown in facts.prelabels if shown.capture == document.capture for label in shown.labels],
            document.labels,
            places[document.capture].times_us,
            places[document.capture].size,
        ).to_json()
        for document in documents
    }
    reported = [Sign(row.at, row.visible, row.playing, True) for row in body.activity]
    signs = (found.received, reported, found.counts_from, body.opened_at, now)
    return RevisionFields(
        documents=[document.to_json() for document in documents],
        diff=diff,
        # By a page's clock that runs ahead, both would come after the submit.
        opened_at=format_utc(min(body.opened_at, now)),
        first_input_at=format_utc(min(body.first_input_at, now)) if body.first_input_at else None,
        active_ms=counted_ms(*signs),
        worked=counted_stretches(*signs),
        reason_kind=facts.reason_kind,
        probability=facts.probability,
        instruction_version=found.instruction_version,
        instruction_sha256=found.instruction_sha256,
        script_sha256=facts.script_sha256,
        study_version=facts.study_version,
        shown=facts.shown,
        reported=[row.to_json() for row in body.activity],
        page=body.page,
        correction=body.correction,
    )


def frame_times(blobs: BlobStore, key: str) -> list[int]:
    """The microseconds of every frame of a video, from its frame table blob. Raises BlobMissing."""
    body = b"".join(blobs.read(key, 0, blobs.size(key)))
    return list(FrameTable.read(body).times_us)
