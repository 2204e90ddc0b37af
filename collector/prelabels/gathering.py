"""What people made of pre-labels, out of the database: one `Reviewed` a model and capture. Reads only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, text

from collector.review.jobs import known_words
from collector.review.rules import concerns, without_twins
from collector.store.blobs import BlobStore
from prelabel.quality.reviewed import Reviewed
from wire.base import format_utc
from wire.capture import CaptureManifest, FrameTable
from wire.labels import LabelsDocument, TaskType

# The accepted revision alone: an earlier one of the same task is history, not truth.
_REVISIONS = text(
    "SELECT revision.id, revision.documents, revision.active_ms, revision.reason_kind, revision.script_sha256,"
    " task.type, take.step, session.record"
    " FROM task JOIN revision ON revision.id = task.revision_id JOIN take ON take.id = task.take_id"
    " JOIN session ON session.id = task.session_id"
    " WHERE (:study IS NULL OR task.study = :study) AND (:since IS NULL OR revision.submitted_at >= :since)"
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
    """Which revisions count: of a study, submitted since; which model, by name or sha256. None: all."""

    study: str | None = None
    since: datetime | None = None
    model: str | None = None


@dataclass(frozen=True)
class Rows:
    """One accepted revision as the database has it: `captures` has manifest, frames blob and documents of each."""

    revision: Any
    captures: dict[str, tuple[str, str | None, list[tuple[str, bool]]]]


def gather(conn: Connection, asked: Asked) -> list[Rows]:
    """The accepted revisions asked for with their captures' documents, in the order people submitted. SQL only."""
    values = {"study": asked.study, "since": None if asked.since is None else format_utc(asked.since)}
    found = []
    for row in conn.execute(_REVISIONS, values).all():
        captures = {}
        for name in (body["capture"] for body in json.loads(row.documents)):
            facts = conn.execute(_CAPTURE, {"capture": name}).one()
            documents = [(line.body, bool(line.shown)) for line in conn.execute(_DOCUMENTS, {"capture": name})]
            captures[name] = (facts.manifest, facts.blob, documents)
        found.append(Rows(row, captures))
    return found


def reviewed(rows: Iterable[Rows], blobs: BlobStore, asked: Asked) -> Iterator[Reviewed]:
    """Every model document about a capture beside what became of it. Reads frame tables: not for a transaction.

    A document that was not shown to the person counts as blind.
    """
    for found in rows:
        row = found.revision
        language = _language(row.record)
        for body in json.loads(row.documents):
            after = LabelsDocument.read(body)
            text_of, frames, documents = found.captures[after.capture]
            manifest = CaptureManifest.read(text_of)
            width, height = manifest.format.width, manifest.format.height
            for before, shown in _documents(row.type, documents):
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
                    before=before,
                    after=after,
                    language=language,
                    times_us=None if frames is None else _times(blobs, frames),
                    size=None if width is None or height is None else (width, height),
                    active_ms=row.active_ms,
                    drawn_by_chance=row.reason_kind == "random",
                    blind=not shown,
                    words=None if words is None else frozenset(words),
                )


def _documents(kind: TaskType, rows: list[tuple[str, bool]]) -> list[tuple[LabelsDocument, bool]]:
    """The models' documents with the ids people saw them under, and whether they saw them."""
    read = [(LabelsDocument.read(body), seen) for body, seen in rows]
    shown = without_twins([document for document, seen in read if seen and concerns(kind, document)])
    hidden = [document for document, seen in read if not seen and concerns(kind, document)]
    found = [(document, True) for document in shown] + [(document, False) for document in hidden]
    return [(document, seen) for document, seen in found if document.source.kind == "model"]


def _times(blobs: BlobStore, key: str) -> list[int]:
    return list(FrameTable.read(b"".join(blobs.read(key, 0, blobs.size(key)))).times_us)


@lru_cache(maxsize=64)
def _language(record: str) -> str | None:
    session: dict[str, Any] = json.loads(record)
    return session.get("language")
