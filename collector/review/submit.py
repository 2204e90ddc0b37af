"""From what the page sends to the facts of a revision: read, check, compare, count. No writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StrictBool

from collector.catalogue.derived import find_derived
from collector.review.activity import Sign
from collector.review.codes import CorrectionCode
from collector.review.diff import diff_labels
from collector.review.next_tasks import NextRequest
from collector.review.revisions import RevisionFields
from collector.review.task_detail import TaskDetail, picture_size, truth_documents
from collector.review.validation import LabelledCapture, finished_documents
from collector.store.blobs import BlobStore, read_whole
from collector.store.sql import Connection
from prelabel.geometry.validity import bounds_fault
from wire.base import Count, Sha256, Utc, WireModel
from wire.capture import FrameTable
from wire.labels import LabelsDocument, Track

MAX_SUBMIT_LABELS = 20_000
MAX_QUICK_LABELS = 40  # of a submit and of what was shown


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
class SubmitFacts:
    """What the labels of a submit are checked against: the task as it was shown, the ground truth that it has
    (`truth`), and the blob of each labelled video's frame table.
    """

    detail: TaskDetail
    truth: list[LabelsDocument]
    frames: dict[str, str]


def facts_at_hand(detail: TaskDetail | None) -> SubmitFacts | None:
    """Where nothing else has to be read for them; None otherwise."""
    if detail is None or detail.revision_id is not None or _videos(detail):
        return None
    return SubmitFacts(detail, [], {})


def submit_facts(conn: Connection, detail: TaskDetail) -> SubmitFacts:
    found = {capture: find_derived(conn, capture, "frames") for capture in _videos(detail)}
    frames = {capture: row.blob for capture, row in found.items() if row is not None}
    return SubmitFacts(detail, truth_documents(conn, detail.revision_id), frames)


def _videos(detail: TaskDetail) -> list[str]:
    return [capture.id for capture in detail.labelled if capture.medium == "video"]


def checked(facts: SubmitFacts, body: Submit, reviewer: str, blobs: BlobStore) -> RevisionFields:
    """The facts of the revision that `body` becomes. Reads frame tables: where there are any, run it in a thread.

    Raises:
        LabelsRefused: a document does not fit the task.
        BlobMissing: a frame table is not there.
    """
    detail = facts.detail
    captures = [
        LabelledCapture(
            row.id,
            row.duration_us,
            frame_times(blobs, facts.frames[row.id]) if row.id in facts.frames else None,
            picture_size(row),
        )
        for row in detail.labelled
    ]
    documents = finished_documents(
        detail.type, captures, detail.classes, body.documents, detail.prelabels, facts.truth, reviewer
    )
    places = {row.capture: row for row in captures}
    diff = {
        document.capture: diff_labels(
            [label for shown in detail.prelabels if shown.capture == document.capture for label in shown.labels],
            document.labels,
            places[document.capture].times_us,
            places[document.capture].size,
        ).to_json()
        for document in documents
    }
    return RevisionFields(
        detail=detail,
        documents=documents,
        diff=diff,
        opened_at=body.opened_at,
        first_input_at=body.first_input_at,
        signs=[Sign(row.at, row.visible, row.playing, True) for row in body.activity],
        reported=[row.to_json() for row in body.activity],
        instructions=body.instructions,
        page=body.page,
        correction=body.correction,
    )


def is_quickly_checked(facts: SubmitFacts, documents: Sequence[LabelsDocument]) -> bool:
    """Whether `checked` takes a millisecond or so, and may run on the event loop."""
    labels = [label for document in (*documents, *facts.detail.prelabels) for label in document.labels]
    amount = sum(len(label.keyframes) if isinstance(label, Track) else 1 for label in labels)
    return not facts.frames and amount <= MAX_QUICK_LABELS


def frame_times(blobs: BlobStore, key: str) -> list[int]:
    """The microseconds of every frame of a video, from its frame table blob. Raises BlobMissing."""
    return list(FrameTable.read(read_whole(blobs, key)).times_us)
