"""What people made of pre-labels, out of the database: one `Reviewed` per model and capture. Reads only.

Which revisions count is read once, at the start; they never change. Everything about them is read in batches, each in a
transaction of its own, so that neither memory nor a transaction grows with their number.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from pydantic_core import from_json

from collector.catalogue.shown_labels import shown_labels
from collector.review.rules import parts_for
from collector.review.tasks import known_words
from collector.store.blobs import BlobStore, read_whole
from collector.store.database import Database
from collector.store.dialects import joined
from collector.store.sql import Connection, Row, text
from collector.studies.label_schemas import schema_words
from collector.studies.scope import EVERYTHING, Scope, within
from prelabel.geometry.validity import readable_part
from prelabel.quality.reviewed import Reviewed, Sight
from wire.base import format_utc
from wire.labels import LabelsDocument
from wire.tasks import TaskType

T = TypeVar("T")
BATCH = 500  # revisions

# The accepted revision alone: an earlier one of the same task is history, not truth.
_SELECTED = text(
    "SELECT revision.id FROM revision JOIN task ON task.id = revision.task_id AND task.revision_id = revision.id"
    # Further rounds are answers to the same question: counted with the first, they would count it twice.
    f" WHERE task.round = 1 AND (:study IS NULL OR task.study = :study) AND {within('task.study')}"
    " AND (:since IS NULL OR revision.submitted_at >= :since) AND (:all OR revision.reason_kind = 'random')"
    " ORDER BY revision.submitted_at, revision.id"
)
_SEEN_DOCUMENTS = joined("id || ' ' || raw_sha256 || ' ' || shown", " ")
_SEEN = (
    "capture.id || ' ' || capture.manifest_sha256 || ' ' || coalesce((SELECT blob FROM derived"
    " WHERE capture_id = capture.id AND kind = 'frames'), '-') || ' ' || coalesce((SELECT"
    f" {_SEEN_DOCUMENTS} FROM labels_document WHERE capture_id = capture.id AND source_kind <> 'person'), '-')"
)
_CIRCUMSTANCES = text(
    "SELECT revision.id, revision.active_ms, revision.reason_kind, revision.script_sha256, task.type, task.control,"
    " take.step, session.language, study_version.label_schema,"
    f" (SELECT {joined(_SEEN, ' ')} FROM task_capture JOIN capture ON capture.id = task_capture.capture_id"
    " WHERE task_capture.task_id = task.id AND task_capture.role = 'labelled') AS seen"
    " FROM revision JOIN task ON task.id = revision.task_id JOIN take ON take.id = task.take_id"
    " JOIN session ON session.id = task.session_id JOIN study_version ON study_version.id = task.study_version_id"
    " WHERE revision.id IN :revisions"
)
_TRUTH = text("SELECT id, documents FROM revision WHERE id IN :revisions")
_DOCUMENTS = text(
    "SELECT capture_id, body, shown FROM labels_document WHERE capture_id IN :captures AND source_kind <> 'person'"
    " ORDER BY id"
)
_CAPTURES = text(
    "SELECT capture.id, capture.manifest, derived.blob FROM capture LEFT JOIN derived"
    " ON derived.capture_id = capture.id AND derived.kind = 'frames' WHERE capture.id IN :captures"
)


@dataclass(frozen=True)
class Asked:
    """Which revisions count: of a study, submitted since; which model, by name or sha256. None: all in the scope.

    `random`: only those of tasks that were drawn by chance.
    """

    study: str | None = None
    since: datetime | None = None
    model: str | None = None
    scope: Scope = EVERYTHING
    random: bool = False


class Circumstances(NamedTuple):
    """An accepted revision without its labels.

    `words` are those of the study for this type of task; `basis` changes whenever something does that a comparison of
    the revision with its pre-labels depends on.
    """

    revision: str
    type: TaskType
    control: bool
    step: str
    script_sha256: str
    active_ms: int | None
    drawn_by_chance: bool
    language: str | None
    words: list[str]
    basis: str


@dataclass(frozen=True)
class _Capture:
    """What a capture is compared with: the frame table's blob, and (body, shown) of each document."""

    manifest: str
    frames: str | None
    documents: list[tuple[str, bool]]


class ReviewedRows:
    """The accepted revisions of a collector, read batch by batch."""

    def __init__(self, db: Database, blobs: BlobStore) -> None:
        self._db, self._blobs = db, blobs
        self._settings: dict[str, dict[str, Any]] = {}

    def selected(self, asked: Asked) -> list[str]:
        """The ids of the revisions asked for, in the order people submitted."""
        since = None if asked.since is None else format_utc(asked.since)
        values = {"study": asked.study, "since": since, "all": not asked.random, **asked.scope.values}
        return self._db.read_sync(lambda conn: list(conn.execute(_SELECTED, values).scalars()))

    def circumstances(self, revisions: Sequence[str]) -> list[Circumstances]:
        """Of each, in the order given."""
        rows = self._db.read_sync(lambda conn: conn.execute(_CIRCUMSTANCES, {"revisions": revisions}).all())
        found = {row.id: _circumstances(row) for row in rows}
        return [found[revision] for revision in revisions]

    def reviewed(self, rows: Sequence[Circumstances]) -> Iterator[tuple[Circumstances, list[Reviewed]]]:
        """Every model document about a capture of each revision beside what became of it. Reads frame tables.

        Who was shown another document of the same model under the same settings has not been shown nothing of it: such
        a hidden one is left out.
        """
        truth, captures = self._db.read_sync(lambda conn: _labels(conn, [row.revision for row in rows]))
        for row in rows:
            documents = [LabelsDocument.read(body) for body in truth[row.revision]]
            yield row, [one for after in documents for one in self._compared(row, after, captures[after.capture])]

    def items(self, asked: Asked) -> Iterator[Reviewed]:
        """`reviewed` of everything that is asked for."""
        for batch in batches(self.selected(asked), BATCH):
            for _, items in self.reviewed(self.circumstances(batch)):
                yield from (one for one in items if asked.model in (None, one.model.name, one.model.sha256))

    def _compared(self, row: Circumstances, after: LabelsDocument, capture: _Capture) -> Iterator[Reviewed]:
        manifest = from_json(capture.manifest)
        width, height = manifest["format"].get("width"), manifest["format"].get("height")
        size = None if width is None or height is None else (width, height)
        after = readable_part(after, size)
        times_us = None if capture.frames is None else self._times(capture.frames)
        # Who got the task without pre-labels saw none of them.
        documents = [(body, shown and not row.control) for body, shown in capture.documents]
        for before, sight in _documents(row.type, row.words, documents):
            yield Reviewed(
                revision=row.revision,
                capture=after.capture,
                task_type=row.type,
                device=manifest["device"],
                script_sha256=row.script_sha256,
                step=row.step,
                before=readable_part(self._sharing(before), size),
                after=after,
                language=row.language,
                times_us=times_us,
                size=size,
                active_ms=row.active_ms,
                drawn_by_chance=row.drawn_by_chance,
                sight=sight,
                words=package_words(before.source.sha256),
            )

    def _sharing(self, document: LabelsDocument) -> LabelsDocument:
        """The document with the settings objects that earlier ones had already."""
        if not document.settings:
            return document
        settings = {sha256: self._settings.setdefault(sha256, found) for sha256, found in document.settings.items()}
        return document.model_copy(update={"settings": settings})

    def _times(self, key: str) -> array[int]:
        """The frame table of a video."""
        return array("q", from_json(read_whole(self._blobs, key))["times_us"])


def batches(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """A list in pieces of `size`, the last one shorter."""
    return (rows[at : at + size] for at in range(0, len(rows), size))


def package_words(sha256: str | None) -> frozenset[str] | None:
    """The words that a model of the catalogue knows, None for others."""
    words = known_words().get(str(sha256))
    return None if words is None else frozenset(words)


def _circumstances(row: Row) -> Circumstances:
    words = schema_words(row.label_schema, row.type)
    basis = f"{row.type} {row.control} {row.language} {words} {row.seen}"
    return Circumstances(
        revision=row.id,
        type=row.type,
        control=bool(row.control),
        step=row.step,
        script_sha256=row.script_sha256,
        active_ms=row.active_ms,
        drawn_by_chance=row.reason_kind == "random",
        language=row.language,
        words=words,
        basis=hashlib.blake2b(basis.encode(), digest_size=16).hexdigest(),
    )


def _labels(conn: Connection, revisions: Sequence[str]) -> tuple[dict[str, list[dict[str, Any]]], dict[str, _Capture]]:
    truth = {row.id: from_json(row.documents) for row in conn.execute(_TRUTH, {"revisions": revisions})}
    asked = {"captures": list({body["capture"] for bodies in truth.values() for body in bodies})}
    documents: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for row in conn.execute(_DOCUMENTS, asked):
        documents[row.capture_id].append((row.body, bool(row.shown)))
    captures = {row.id: _Capture(row.manifest, row.blob, documents[row.id]) for row in conn.execute(_CAPTURES, asked)}
    return truth, captures


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
