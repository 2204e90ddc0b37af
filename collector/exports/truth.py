"""Ground truth, item by item: one accepted revision with everything that says where it came from. Reads only.

Revisions never change, so an export is consistent although every item is read in a short transaction of its own:
the list of what is exported is read once, at the start.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, bindparam, text

from collector.catalogue.shown_labels import ShownLabels, shown_labels
from collector.consent.allows import allows
from collector.review.facts import read_documents
from collector.store.database import Database
from wire.capture import CaptureFormat, Medium
from wire.labels import LabelsDocument, TaskType

EXTENSIONS = {"matroska": "mkv", "flac": "flac", "jpeg": "jpg", "plain": "txt"}

_TASKS = text("SELECT id, revision_id FROM task WHERE revision_id IS NOT NULL OR :all ORDER BY created_at, id")
_ITEM = text(
    "SELECT task.id AS task, task.type, task.take_id AS take, task.session_id AS session, task.study, task.consent,"
    " take.step, take.attempt, take.prompt, session.script_id, session.script_version, session.script_sha256,"
    " session.participant, session.home, session.device_id AS device, session.record"
    " FROM task JOIN take ON take.id = task.take_id JOIN session ON session.id = task.session_id WHERE task.id = :task"
)
_REVISION = text(
    "SELECT revision.documents, person.name FROM revision JOIN person ON person.id = revision.person_id"
    " WHERE revision.id = :revision"
)
_CAPTURES = text(
    "SELECT capture.id, capture.medium, capture.sensor, capture.sha256, capture.manifest,"
    " (SELECT blob FROM derived WHERE capture_id = capture.id AND kind = 'original') AS original,"
    " (SELECT blob FROM derived WHERE capture_id = capture.id AND kind = 'frames') AS frames"
    " FROM task_capture JOIN capture ON capture.id = task_capture.capture_id"
    " WHERE task_capture.task_id = :task AND task_capture.role = 'labelled' ORDER BY task_capture.position"
)
_PRELABELS = text(
    "SELECT body, shown FROM labels_document WHERE capture_id IN :captures AND source_kind <> 'person' ORDER BY id"
).bindparams(bindparam("captures", expanding=True))


@dataclass(frozen=True)
class Media:
    """A labelled capture's bytes. `original` and `frames` are blob keys; `sha256` is of the original."""

    capture: str
    medium: Medium
    sensor: str
    sha256: str
    format: CaptureFormat
    original: str
    frames: str | None

    @property
    def extension(self) -> str:
        return EXTENSIONS[self.format.container]


@dataclass(frozen=True)
class Item:
    """One task.

    `revision` and `reviewer` are None where nobody has submitted it (only asked for with pre-labels); `origin` says
    where it comes from; `withheld` counts captures left out because their consent has run out.
    """

    task: str
    type: TaskType
    revision: str | None
    reviewer: str | None
    origin: dict[str, Any]
    documents: list[LabelsDocument]
    media: dict[str, Media]
    prelabels: ShownLabels
    withheld: int


def item_ids(db: Database, *, unreviewed: bool = False) -> list[tuple[str, str | None]]:
    """(task, revision) of everything to export, in the order the tasks were made."""
    rows = db.read_sync(lambda conn: conn.execute(_TASKS, {"all": unreviewed}).all())
    return [(row.id, row.revision_id) for row in rows]


def items(db: Database, ids: Sequence[tuple[str, str | None]]) -> Iterator[Item]:
    """The items of `ids`, read one at a time: memory does not grow with the export."""
    for task, revision in ids:
        yield db.read_sync(partial(_item, task=task, revision=revision))


def _item(conn: Connection, task: str, revision: str | None) -> Item:
    row = conn.execute(_ITEM, {"task": task}).one()
    record = json.loads(row.record)
    now = datetime.now(UTC)
    captures = conn.execute(_CAPTURES, {"task": task}).all()
    media = {
        line.id: Media(
            capture=line.id,
            medium=line.medium,
            sensor=line.sensor,
            sha256=line.sha256,
            format=CaptureFormat.model_validate(json.loads(line.manifest)["format"]),
            original=line.original,
            frames=line.frames,
        )
        for line in captures
        if line.original is not None and allows(record, [line.medium], now)
    }
    submitted = conn.execute(_REVISION, {"revision": revision}).one() if revision else None
    documents = read_documents(submitted.documents) if submitted else []
    said = conn.execute(_PRELABELS, {"captures": list(media)}).all()
    return Item(
        task=row.task,
        type=row.type,
        revision=revision,
        reviewer=submitted.name if submitted else None,
        origin={
            "take": row.take,
            "session": row.session,
            "study": row.study,
            "script": {"id": row.script_id, "version": row.script_version, "sha256": row.script_sha256},
            "step": row.step,
            "attempt": row.attempt,
            "prompt": row.prompt,
            "participant": row.participant,
            "home": row.home,
            "device": row.device,
            "consent": row.consent,
        },
        documents=[document for document in documents if document.capture in media],
        media=media,
        prelabels=shown_labels((line.body, line.shown) for line in said),
        withheld=len(captures) - len(media),
    )
