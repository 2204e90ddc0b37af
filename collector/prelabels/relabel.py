"""A capture through a model again: what the work needs of the database, and what is done with its answer.

What people see is not changed under their hands: the new pre-labels replace the old ones only while nobody has opened
the capture's tasks. Otherwise they are kept beside, for the quality report and the queue's doubts. A model replaces
only what it could have said itself: a face detector takes away no cups.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from collector.catalogue.capture_consent import capture_allowed_until
from collector.catalogue.captures import capture_view
from collector.catalogue.derived import find_derived
from collector.catalogue.prelabel_documents import PrelabelDocument, hide_document, replace_document
from collector.review.calibrations import calibrations
from collector.review.task_detail import picture_size
from collector.review.tasks import known_words, reconsider
from collector.store.sql import Connection, text
from prelabel.geometry.validity import readable_part
from prelabel.quality.texts import main_language, spoken
from prelabel.triage.score_keys import ScoreKey
from wire.canonical import canonical_json, sha256_hex
from wire.labels import Inference, LabelsDocument, Source

MAX_LOOKS = 1200  # at one video: with nine minutes for a capture, a model may take almost half a second for each
_CAPTURE = text(
    "SELECT capture.medium, capture.frames, capture.duration_us, take.expected, take.kind, session.language"
    " FROM capture JOIN session ON session.id = capture.session_id LEFT JOIN take ON take.id = capture.take_id"
    " WHERE capture.id = :id AND capture.state = 'opened'"
)
_UNTOUCHED = text(
    "SELECT NOT EXISTS (SELECT 1 FROM task_capture JOIN task ON task.id = task_capture.task_id"
    " WHERE task_capture.capture_id = :capture AND task_capture.role = 'labelled' AND task.opened_at IS NOT NULL)"
)
_OTHERS = text(
    "SELECT id, body FROM labels_document WHERE capture_id = :capture AND source_kind = 'model' AND shown"
    " AND name <> :name"
)


def prepare(conn: Connection, capture: str, source: Source) -> dict[str, Any] | None:
    """The input of `collector.prelabels.label_capture:label_capture` for a capture, without what all of a run share.

    None: its media are gone, or the consent does not cover them any more.
    """
    row = conn.execute(_CAPTURE, {"id": capture}).one_or_none()
    original = find_derived(conn, capture, "original")
    if row is None or original is None or not _is_allowed(conn, capture):
        return None
    frames = find_derived(conn, capture, "frames")
    key = ScoreKey(str(source.sha256))
    known = calibrations(conn, [key]).get(key)
    errors = None if known is None else known.errors_in(main_language(row.language), source.package)
    return {
        "original": original.blob,
        "frames": None if frames is None else frames.blob,
        "capture": capture,
        "medium": row.medium,
        "expected": row.expected,
        "answer": row.kind == "answer",
        "language": row.language,
        "measured": errors.high if errors is not None else None,
        "looks_per_second": looks_per_second(row.frames, row.duration_us),
        "max_looks": MAX_LOOKS,
    }


def _is_allowed(conn: Connection, capture: str) -> bool:
    return capture_allowed_until(conn, capture) > datetime.now(UTC)


def looks_per_second(frames: int | None, duration_us: int | None) -> float | None:
    """How often a video is looked at: on every frame (None) while these are few enough for one capture's time."""
    if not frames or not duration_us or frames <= MAX_LOOKS:
        return None
    return MAX_LOOKS / (duration_us / 1_000_000)


def apply(conn: Connection, run: str, result: dict[str, Any]) -> bool:
    """Save what the model said of a capture; False where its consent has ended. The same again changes nothing."""
    document = LabelsDocument.read(result["document"])
    capture = document.capture
    if not _is_allowed(conn, capture):
        return False
    document = readable_part(document, picture_size(capture_view(conn, capture)))
    shown = bool(conn.execute(_UNTOUCHED, {"capture": capture}).scalar_one())
    answer = canonical_json(document)
    timed = document.model_copy(update={"inference": Inference.model_validate(result["inference"])})
    stored = PrelabelDocument(
        capture=capture,
        name=_name_of(document.source),
        source_kind=document.source.kind,
        source_name=document.source.name,
        source_sha256=document.source.sha256,
        body=canonical_json(timed).decode(),
        raw_sha256=sha256_hex(answer),  # without the time: the same answer again changes nothing
    )
    if shown:
        for other in _replaced(conn, document, set(result["words"]), stored.name):
            hide_document(conn, other, run)
    replace_document(conn, stored, shown=shown, run=run)
    reconsider(conn, capture)
    return True


def _name_of(source: Source) -> str:
    """One document per capture, model file and settings: other settings replace no document of the old ones."""
    parts = [source.sha256, source.settings] if source.settings is not None else [source.sha256]
    return "-".join([source.name, *((part or "")[:12] for part in parts)])


def _replaced(conn: Connection, document: LabelsDocument, words: set[str], name: str) -> list[int]:
    """The other documents that the new one is shown in place of, by id.

    Args:
        words: what the new model may say.
    """
    rows = conn.execute(_OTHERS, {"capture": document.capture, "name": name}).all()
    return [row.id for row in rows if _replaces(document, words, LabelsDocument.read(row.body))]


def _replaces(new: LabelsDocument, words: set[str], old: LabelsDocument) -> bool:
    """Whether the new model knows every word of the old document; another version of one model always does.

    A transcript stays beside regions without one.
    """
    if new.source.name == old.source.name:
        return True
    if _writes(old) and not _writes(new):
        return False
    said = {label.label for label in old.labels} or set(known_words().get(str(old.source.sha256), ()))
    return bool(said) and said <= words


def _writes(document: LabelsDocument) -> bool:
    return any(spoken(label) is not None for label in document.labels)
