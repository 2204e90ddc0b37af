"""Everything about a task that does not change while people work on it, read once. Reads only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from collector.catalogue.captures import VIEW_COLUMNS, CaptureView, view_of
from collector.catalogue.prelabel_documents import ShownBody, shown_bodies, shown_query
from collector.catalogue.shown_labels import shown_labels
from collector.consent.allows import allows
from collector.review.problems import NoSuchTask
from collector.review.rules import ReasonKind, part_for
from collector.store.database import require_thread
from collector.store.sql import Connection, Query, Row, text
from collector.studies.instructions import Instructions
from collector.studies.task_words import TaskWords, task_words
from prelabel.geometry.areas import Size
from prelabel.geometry.validity import readable_part
from wire.base import WireModel, shared_members
from wire.labels import LabelsDocument
from wire.tasks import TaskState, TaskType

_TASK = text(
    "SELECT task.id, task.type, task.state, task.take_id AS take, task.session_id AS session, task.study, task.consent,"
    " task.revision_id,"
    " task.reason_kind, task.reason_text, task.probability, task.instruction_version, task.fence, task.control,"
    " take.step, take.step_number AS take_number, take.attempt, take.kind, take.prompt, take.expected,"
    " take.record AS take_record, session.language, session.script_sha256,"
    " task.study_version_id AS study_version,"
    # Devices of an older version do not say which steps there are.
    " coalesce((SELECT max(number) FROM session_step WHERE session_id = task.session_id),"
    " (SELECT count(DISTINCT step) FROM take WHERE session_id = task.session_id)) AS step_count,"
    " planned.number AS plan_number, planned.title AS step_title,"
    # Pre-labels that changed since are not what the holder has on the screen.
    " CASE WHEN task.state IN ('leased', 'done') AND lease.prelabel_event < (SELECT max(id) FROM prelabel_event)"
    " THEN lease.prelabel_event END AS prelabels_then"
    " FROM task JOIN take ON take.id = task.take_id JOIN session ON session.id = task.session_id"
    " LEFT JOIN session_step AS planned ON planned.session_id = task.session_id AND planned.number ="
    " (SELECT max(number) FROM session_step WHERE session_id = task.session_id AND step = take.step)"
    " LEFT JOIN lease ON lease.task_id = task.id AND lease.fence = task.fence"
    " WHERE task.id = :task"
)
_CAPTURES = text(
    f"SELECT task_capture.role, {VIEW_COLUMNS}, session_grant.use, session_grant.until FROM task_capture"
    " JOIN capture ON capture.id = task_capture.capture_id LEFT JOIN take ON take.id = capture.take_id"
    " LEFT JOIN session_grant ON session_grant.use = capture.medium"
    " AND session_grant.session_id = (SELECT session_id FROM task WHERE id = :task)"
    " WHERE task_capture.task_id = :task ORDER BY task_capture.position"
)
SHORT_LENGTH = 16 * 2**10  # of documents that are read on the event loop, and remembered
_DOCUMENTS = text("SELECT documents FROM revision WHERE id = :revision")


class ShownDocument(WireModel):
    """A document of pre-labels that a person was shown: its id here, and the sha256 of its bytes as they came."""

    document: int
    capture: str
    sha256: str


@dataclass(frozen=True)
class TaskDetail:
    """A task with its take, session, captures and pre-labels.

    `prelabels` are of the labelled captures only: what people are shown of the stored documents `shown`, as they were
    when the newest lease began, whatever a run at the collector has made of them since. Of a `control` task they are
    shown none.

    Captures that the consent does not cover now are left out, with everything about them. `classes` and `instructions`
    are those of its version of the study; `instruction_version` is the one that the newest lease showed.
    """

    id: str
    type: TaskType
    state: TaskState
    fence: int
    take: str
    session: str
    study: str
    consent: str
    script_sha256: str
    revision_id: str | None
    reason_kind: ReasonKind
    reason_text: str
    probability: float
    instruction_version: int
    instructions: Instructions
    study_version: int
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
    captures: list[CaptureView]
    control: bool
    prelabels: list[LabelsDocument] = field(repr=False)
    shown: list[ShownDocument] = field(repr=False)

    @property
    def labelled(self) -> list[CaptureView]:
        return [capture for capture in self.captures if capture.role == "labelled"]


class StoredTask(NamedTuple):
    """What is stored about a task, captures that the consent does not cover included: `detail_of` makes its detail."""

    task: Row
    captures: list[Row]
    words: TaskWords
    bodies: list[ShownBody]


def task_queries(task: str) -> tuple[Query, ...]:
    """What `read_task` executes first."""
    return (_TASK, {"task": task}), (_CAPTURES, {"task": task}), shown_query(task)


def read_task(conn: Connection, task: str) -> StoredTask:
    """Raises NoSuchTask."""
    conn.ahead(task_queries(task))
    row = conn.execute(_TASK, {"task": task}).one_or_none()
    if row is None:
        raise NoSuchTask(f"There is no task {task}.")
    captures = conn.execute(_CAPTURES, {"task": task}).all()
    bodies = [] if row.control else shown_bodies(conn, task, row.prelabels_then)
    if not _is_short(bodies):
        require_thread(conn)
    return StoredTask(row, captures, task_words(conn, row.study_version, row.type), bodies)


def task_detail(conn: Connection, task: str) -> TaskDetail:
    """Raises NoSuchTask."""
    return detail_of(read_task(conn, task))


def detail_of(rows: StoredTask) -> TaskDetail:
    """The task as it may be shown now."""
    row, now = rows.task, datetime.now(UTC)
    captures = [
        view_of(line, line.role)
        for line in rows.captures
        if line.use is not None and allows({line.use: line.until}, [line.use], now)
    ]
    classes = list(rows.words.classes)
    number = row.plan_number or row.take_number or 1
    prelabels, shown = _prelabels(row.type, classes, captures, rows.bodies)
    return TaskDetail(
        **shared_members(row._asdict(), TaskDetail)
        | {
            "instructions": rows.words.instructions,
            "step_title": row.step_title or title_of(row.step),
            "step_number": number,
            "step_count": max(row.step_count, number),
            "objects": list(json.loads(row.take_record).get("objects", [])),
            "classes": classes,
            "captures": captures,
            "control": bool(row.control),
            "prelabels": prelabels,
            "shown": shown,
        }
    )


def truth_documents(conn: Connection, revision: str | None) -> list[LabelsDocument]:
    """The documents of a revision; none without one."""
    if revision is None:
        return []
    require_thread(conn)
    body = conn.execute(_DOCUMENTS, {"revision": revision}).scalar_one()
    return read_documents(body)


def read_documents(body: str) -> list[LabelsDocument]:
    return [LabelsDocument.read(document) for document in json.loads(body)]


def _prelabels(
    kind: TaskType, classes: Sequence[str], captures: Sequence[CaptureView], bodies: Sequence[ShownBody]
) -> tuple[list[LabelsDocument], list[ShownDocument]]:
    """What is shown of the stored documents, and which they are.

    Without labels that could not be submitted: nobody is asked to correct what cannot be drawn.
    """
    sizes = {capture.id: picture_size(capture) for capture in captures if capture.role == "labelled"}
    rows = [row for row in bodies if row.capture in sizes]
    read = _shown_parts if _is_short(rows) else _shown_parts.__wrapped__
    parts = read(kind, tuple(classes), tuple(sizes.items()), tuple(row.body for row in rows))
    shown = [
        ShownDocument(document=row.id, capture=row.capture, sha256=row.raw_sha256)
        for row, part in zip(rows, parts, strict=True)
        if part is not None
    ]
    return [part for part in parts if part is not None], shown


def _is_short(bodies: Sequence[ShownBody]) -> bool:
    return sum(len(row.body) for row in bodies) <= SHORT_LENGTH


@lru_cache(maxsize=256)
def _shown_parts(
    kind: TaskType, classes: Sequence[str], sizes: tuple[tuple[str, Size | None], ...], bodies: tuple[str, ...]
) -> tuple[LabelsDocument | None, ...]:
    """What of each shown document is a pre-label of the task. Pure: a task is looked at several times while it is open.

    Args:
        sizes: of each labelled capture.
    """
    size_of = dict(sizes)
    seen = shown_labels((body, True) for body in bodies).shown
    return tuple(part_for(kind, classes, readable_part(document, size_of[document.capture])) for document in seen)


def picture_size(capture: CaptureView) -> tuple[int, int] | None:
    """(width, height) as the manifest has it; None for sound and text."""
    width, height = capture.format.width, capture.format.height
    return None if width is None or height is None else (width, height)


def title_of(step: str) -> str:
    """A step's id as words: `hold-up-cup` is "Hold up cup"."""
    return step.replace("-", " ").replace("_", " ").strip().capitalize() or step
