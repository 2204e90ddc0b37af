"""What people made of pre-labels, out of the database: one `Reviewed` a model and capture. Reads only."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from collector.catalogue.shown_labels import shown_labels
from collector.review.jobs import known_words
from collector.review.rules import parts_for
from collector.store.blobs import BlobStore
from collector.store.sql import Connection, text
from collector.studies.label_schemas import schema_words
from collector.studies.scope import EVERYTHING, Scope, within
from prelabel.geometry.validity import readable_part
from prelabel.quality.reviewed import Reviewed, Sight
from wire.base import format_utc
from wire.capture import CaptureManifest, FrameTable
from wire.labels import LabelsDocument
from wire.tasks import TaskType

# The accepted revision alone: an earlier one of the same task is history, not truth.
_REVISIONS = text(
    "SELECT revision.id, revision.documents, revision.active_ms, revision.reason_kind, revision.script_sha256,"
    " task.type, task.control, take.step, session.language, study_version.label_schema"
    " FROM task JOIN revision ON revision.id = task.revision_id JOIN take ON take.id = task.take_id"
    " JOIN session ON session.id = task.session_id JOIN study_version ON study_version.id = task.study_version_id"
    # Further rounds are answers to the same question: counted with the first, they would count it twice.
    f" WHERE task.round = 1 AND (:study IS NULL OR task.study = :study) AND {within('task.study')}"
    " AND (:since IS NULL OR revision.submitted_at >= :since)"
    " ORDER BY revision.submitted_at, revision.id"
)
_DOCUMENTS = text(
    "SELECT body, shown FROM labels_document WHERE capture_id = :capture AND source_kind <> 'person' ORDER BY id"
)
_CAPTURE = text(
    "SELECT capture.manifest, derived.blob FROM capture LEFT JOIN derived"
    " ON derived.capture_id = capture.id AND derived.kind = 'frames' WHERE capture.id = :capture"
)


@dataclass(frozen=True)
class Asked:
    """Which revisions count: of a study, submitted since; which model, by name or sha256. None: all in the scope."""

    study: str | None = None
    since: datetime | None = None
    model: str | None = None
    scope: Scope = EVERYTHING


@dataclass(frozen=True)
class Rows:
    """One accepted revision as the database has it: `captures` has manifest, frames blob and documents of each."""

    revision: Any
    captures: dict[str, tuple[str, str | None, list[tuple[str, bool]]]]


def gather(conn: Connection, asked: Asked) -> list[Rows]:
    """The accepted revisions asked for with their captures' documents, in the order people submitted. SQL only."""
    since = None if asked.since is None else format_utc(asked.since)
    values = {"study": asked.study, "since": since, **asked.scope.values}
    found = []
    for row in conn.execute(_REVISIONS, values).all():
        captures = {}
        for name in (body["capture"] for body in json.loads(row.documents)):
            asked_for = {"capture": name}
            facts = conn.execute(_CAPTURE, asked_for).one()
            # Who got the task without pre-labels saw none of them.
            seen = [(line.body, bool(line.shown and not row.control)) for line in conn.execute(_DOCUMENTS, asked_for)]
            captures[name] = (facts.manifest, facts.blob, seen)
        found.append(Rows(row, captures))
    return found


def reviewed(rows: Iterable[Rows], blobs: BlobStore, asked: Asked) -> Iterator[Reviewed]:
    """Every model document about a capture beside what became of it. Reads frame tables: not for a transaction.

    Who was shown another document of the same model under the same settings has not been shown nothing of it: such a
    hidden one is left out.
    """
    known: dict[str, dict[str, Any]] = {}
    for found in rows:
        row = found.revision
        classes = schema_words(row.label_schema, row.type)
        for body in json.loads(row.documents):
            after = LabelsDocument.read(body)
            text_of, frames, documents = found.captures[after.capture]
            manifest = CaptureManifest.read(text_of)
            width, height = manifest.format.width, manifest.format.height
            size = None if width is None or height is None else (width, height)
            after = readable_part(after, size)
            times_us = None if frames is None else _times(blobs, frames)
            for before, sight in _documents(row.type, classes, documents):
                if asked.model not in (None, before.source.name, before.source.sha256):
                    continue
                words = known_words().get(str(before.source.sha256))
                yield Reviewed(
                    revision=row.id,
                    capture=after.capture,
                    task_type=row.type,
                    device=manifest.device,
                    script_sha256=row.script_sha256,
                    step=row.step,
                    before=readable_part(_sharing(before, known), size),
                    after=after,
                    language=row.language,
                    times_us=times_us,
                    size=size,
                    active_ms=row.active_ms,
                    drawn_by_chance=row.reason_kind == "random",
                    sight=sight,
                    words=None if words is None else frozenset(words),
                )


def _sharing(document: LabelsDocument, known: dict[str, dict[str, Any]]) -> LabelsDocument:
    """The document with the settings objects that earlier ones had already: all items of a report are held at once."""
    if not document.settings:
        return document
    settings = {sha256: known.setdefault(sha256, found) for sha256, found in document.settings.items()}
    return document.model_copy(update={"settings": settings})


def _documents(kind: TaskType, classes: list[str], rows: list[tuple[str, bool]]) -> list[tuple[LabelsDocument, Sight]]:
    """The models' documents with the ids people saw them under, and what people saw of these and other models."""
    labels = shown_labels(rows)
    shown, hidden = (
        [document for document in parts_for(kind, classes, part) if document.source.kind == "model"]
        for part in (labels.shown, labels.hidden)
    )
    seen_models = [document.source for document in shown]
    instead: Sight = "others" if shown else "nothing"
    found: list[tuple[LabelsDocument, Sight]] = [(document, "shown") for document in shown]
    found += [(row, instead) for row in hidden if not any(row.source.ran_as(seen) for seen in seen_models)]
    return [(document, sight) for document, sight in found if _speaks(kind, document)]


def _speaks(kind: TaskType, document: LabelsDocument) -> bool:
    """Whether a document says anything about a task of this type: that a reader found no text says nothing of cups."""
    words = known_words().get(str(document.source.sha256))
    if document.labels or words is None or kind == "speech":
        return True
    return ("text" in words) == (kind == "text")


def _times(blobs: BlobStore, key: str) -> array[int]:
    """The frame table of a video, eight bytes a frame: all items of a report are held at once."""
    return array("q", FrameTable.read(b"".join(blobs.read(key, 0, blobs.size(key)))).times_us)
