"""Ground truth, item by item: one accepted revision with everything that says where it came from. Reads only.

Revisions never change, so an export is consistent although items are read in short transactions, a batch in each: the
list of what is exported is read once, at the start. No names leave: people are known by the ids of their accounts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

from pydantic_core import from_json

from collector.catalogue.shown_labels import ShownLabels, shown_labels
from collector.consent.allows import FOREVER, Grants, allowed_until
from collector.consent.grants import grants_of_all
from collector.exports.people import Pseudonyms
from collector.store.database import Database
from collector.store.sql import Connection, Row, text
from collector.studies.scope import EVERYTHING, Scope, within
from prelabel.geometry.validity import readable_part
from wire.base import format_utc
from wire.capture import CaptureFormat, Medium
from wire.labels import LabelsDocument
from wire.tasks import TaskType

EXTENSIONS = {"matroska": "mkv", "flac": "flac", "jpeg": "jpg", "plain": "txt"}
BATCH_TASKS = 100
FACTS = ("device_facts", "sensor_settings")
NO_LABELS = ShownLabels([], [])


_TASKS = (
    "SELECT task.id, task.revision_id FROM task LEFT JOIN revision ON revision.id = task.revision_id"
    " WHERE (task.revision_id IS NOT NULL OR :all) AND (:study IS NULL OR task.study = :study)"
    " AND (:type IS NULL OR task.type = :type) AND (:since IS NULL OR revision.submitted_at >= :since)"
    f" AND (task.round = 1 OR :rounds) AND {within('task.study')} ORDER BY task.created_at, task.id"
)
_ITEMS = text(
    "SELECT task.id AS task, task.type, task.control, task.round, task.take_id AS take, task.session_id AS session,"
    " task.study, task.consent, take.step, take.attempt, take.prompt, session.script_id, session.script_version,"
    " session.script_sha256, session.participant, session.home, session.device_id AS device,"
    " study_version.number AS study_version"
    " FROM task JOIN take ON take.id = task.take_id JOIN session ON session.id = task.session_id"
    " JOIN study_version ON study_version.id = task.study_version_id"
    " WHERE task.id IN :tasks"
)
_REVISIONS = text("SELECT id, documents, person_id, instruction_version FROM revision WHERE id IN :revisions")
_CAPTURES = text(
    "SELECT task_capture.task_id, capture.id, capture.medium, capture.sensor, capture.sha256, capture.manifest,"
    " (SELECT blob FROM derived WHERE capture_id = capture.id AND kind = 'original') AS original,"
    " (SELECT blob FROM derived WHERE capture_id = capture.id AND kind = 'frames') AS frames"
    " FROM task_capture JOIN capture ON capture.id = task_capture.capture_id"
    " WHERE task_capture.task_id IN :tasks AND task_capture.role = 'labelled' ORDER BY task_capture.position"
)
_PRELABELS = text(
    "SELECT capture_id, body, shown FROM labels_document WHERE capture_id IN :captures AND source_kind <> 'person'"
    " ORDER BY id"
)


@dataclass(frozen=True)
class Selection:
    """What is exported: of a study, of a type, submitted since. None: all. Of other studies than in `scope` nothing."""

    study: str | None = None
    type: TaskType | None = None
    since: datetime | None = None
    scope: Scope = EVERYTHING


ALL = Selection()


@dataclass(frozen=True)
class Media:
    """A labelled capture's bytes. `original` and `frames` are blob keys; `sha256` is of the original.

    `consent_until` is when the consent to it ends, None where no end was set. `facts` has `device_facts` and
    `sensor_settings` of the manifest, each where it was recorded.
    """

    capture: str
    medium: Medium
    sensor: str
    sha256: str
    format: CaptureFormat
    original: str
    frames: str | None
    consent_until: str | None
    facts: dict[str, Any]

    @property
    def extension(self) -> str:
        return EXTENSIONS[self.format.container]

    @property
    def size(self) -> tuple[int, int] | None:
        width, height = self.format.width, self.format.height
        return None if width is None or height is None else (width, height)


@dataclass(frozen=True)
class Item:
    """One task.

    `revision`, `reviewer` and `instruction_version` are None where nobody has submitted it (only asked for with
    pre-labels); `origin` says where it comes from, `grants` what the session's consent allows; `withheld` counts the
    captures that it does not cover now, which are left out. Of a `control` task nobody was shown the pre-labels.
    `documents` are labels documents as JSON, as they were submitted; `labels_documents` reads them. `round` counts
    independent answers to the same question.
    """

    task: str
    type: TaskType
    revision: str | None
    reviewer: str | None
    instruction_version: int | None
    origin: dict[str, Any]
    grants: list[dict[str, Any]]
    documents: list[dict[str, Any]]
    media: dict[str, Media]
    prelabels: ShownLabels
    control: bool
    round: int
    withheld: int

    @property
    def uses(self) -> set[Medium]:
        """The media that its documents and pre-labels are of."""
        said = [*self.prelabels.shown, *self.prelabels.hidden]
        named = [*(document["capture"] for document in self.documents), *(row.capture for row in said)]
        return {self.media[capture].medium for capture in named}

    @property
    def labels_documents(self) -> list[LabelsDocument]:
        return [LabelsDocument.read(document) for document in self.documents]


@dataclass(frozen=True)
class _Batch:
    """The rows of some tasks, by what they hang on."""

    grants: dict[str, Grants]
    revisions: dict[str, Row]
    captures: dict[str, list[Row]]
    prelabels: dict[str, list[tuple[str, bool]]]


def item_ids(
    db: Database, *, unreviewed: bool = False, selection: Selection = ALL, all_rounds: bool = True
) -> list[tuple[str, str | None]]:
    """(task, revision) of everything to export, in the order the tasks were made.

    Args:
        all_rounds: also further, independent answers; otherwise the first of each question alone.
    """
    asked = {
        "rounds": all_rounds,
        "all": unreviewed,
        "study": selection.study,
        "type": selection.type,
        "since": None if selection.since is None else format_utc(selection.since),
        **selection.scope.values,
    }
    rows = db.read_sync(lambda conn: conn.execute(text(_TASKS), asked).all())
    return [(row.id, row.revision_id) for row in rows]


def items(db: Database, ids: Sequence[tuple[str, str | None]], *, with_prelabels: bool = True) -> Iterator[Item]:
    """The items of `ids` in their order, read in batches: memory does not grow with the export."""
    people = db.read_sync(Pseudonyms.load)
    for start in range(0, len(ids), BATCH_TASKS):
        batch = dict(ids[start : start + BATCH_TASKS])
        yield from db.read_sync(partial(_items, batch=batch, people=people, with_prelabels=with_prelabels))


def _items(conn: Connection, batch: dict[str, str | None], people: Pseudonyms, with_prelabels: bool) -> list[Item]:
    rows = {row.task: row for row in conn.execute(_ITEMS, {"tasks": list(batch)})}
    revisions = [revision for revision in batch.values() if revision is not None]
    captures: dict[str, list[Row]] = defaultdict(list)
    for line in conn.execute(_CAPTURES, {"tasks": list(batch)}):
        captures[line.task_id].append(line)
    prelabels: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    if with_prelabels:
        labelled = list({line.id for lines in captures.values() for line in lines})
        for said in conn.execute(_PRELABELS, {"captures": labelled}):
            prelabels[said.capture_id].append((said.body, said.shown))
    found = _Batch(
        grants_of_all(conn, {row.session for row in rows.values()}),
        {row.id: row for row in conn.execute(_REVISIONS, {"revisions": revisions})},
        captures,
        prelabels,
    )
    now = datetime.now(UTC)
    return [_item(rows[task], revision, found, people, now) for task, revision in batch.items()]


def _item(row: Row, revision: str | None, found: _Batch, people: Pseudonyms, now: datetime) -> Item:
    grants = found.grants[row.session]
    media = _media(found.captures[row.task], grants, now)
    submitted = found.revisions[revision] if revision is not None else None
    documents = from_json(submitted.documents) if submitted else []
    script = {"id": row.script_id, "version": row.script_version, "sha256": row.script_sha256}
    return Item(
        task=row.task,
        type=row.type,
        revision=revision,
        reviewer=submitted.person_id if submitted else None,
        instruction_version=submitted.instruction_version if submitted else None,
        origin={
            "take": row.take,
            "session": row.session,
            "study": row.study,
            "study_version": row.study_version,
            "script": script,
            "step": row.step,
            "attempt": row.attempt,
            "prompt": row.prompt,
            "participant": row.participant,
            "home": row.home,
            "device": row.device,
            "consent": row.consent,
        },
        grants=[{"use": use, "until": until} for use, until in grants.items()],
        documents=[people.without_names(document) for document in documents if document["capture"] in media],
        media=media,
        prelabels=_prelabels(found, media),
        control=bool(row.control),
        round=row.round,
        withheld=len(found.captures[row.task]) - len(media),
    )


def _media(captures: Sequence[Row], grants: Grants, now: datetime) -> dict[str, Media]:
    """The captures that the consent covers now."""
    media = {}
    for line in captures:
        until = allowed_until(grants, [line.medium])
        if line.original is None or until <= now:
            continue
        manifest = from_json(line.manifest)
        media[line.id] = Media(
            capture=line.id,
            medium=line.medium,
            sensor=line.sensor,
            sha256=line.sha256,
            format=_format(tuple(manifest["format"].items())),
            original=line.original,
            frames=line.frames,
            consent_until=None if until == FOREVER else format_utc(until),
            facts={name: manifest[name] for name in FACTS if name in manifest},
        )
    return media


@lru_cache(maxsize=1024)
def _format(members: tuple[tuple[str, Any], ...]) -> CaptureFormat:
    """Thousands of captures have the same few formats."""
    return CaptureFormat.model_validate(dict(members))


def _prelabels(found: _Batch, media: dict[str, Media]) -> ShownLabels:
    """As people saw them: without what cannot be drawn on the picture (collector/review/task_detail.py)."""
    said = [row for capture in media for row in found.prelabels.get(capture, ())]
    if not said:
        return NO_LABELS
    both = shown_labels(said)
    shown, hidden = (
        [readable_part(document, media[document.capture].size) for document in documents]
        for documents in (both.shown, both.hidden)
    )
    return ShownLabels(shown, hidden)
