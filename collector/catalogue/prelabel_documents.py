"""Documents of pre-labels as they come, are replaced and are hidden.

Every event is recorded (`prelabel_event`), so that what people were shown at any time can be read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple

from collector.store.clock import now_text
from collector.store.database import require_thread
from collector.store.sql import Connection, Query, Row, text
from wire.canonical import sha256_hex

Event = Literal["received", "shown", "hidden", "replaced"]

_ADD = text(
    "INSERT INTO labels_document (capture_id, name, source_kind, source_name, source_sha256, body, raw_sha256, shown)"
    " VALUES (:capture, :name, :source_kind, :source_name, :source_sha256, :body, :raw_sha256, :shown)"
    " ON CONFLICT DO NOTHING RETURNING id"
)
_FIND = text("SELECT id, body, raw_sha256, shown FROM labels_document WHERE capture_id = :capture AND name = :name")
_REPLACE = text("UPDATE labels_document SET body = :body, raw_sha256 = :raw_sha256 WHERE id = :id")
_SHOW = text("UPDATE labels_document SET shown = :shown WHERE id = :id RETURNING raw_sha256")
_RECORD = text(
    "INSERT INTO prelabel_event (document_id, at, event, run_id, raw_sha256, replaced)"
    " VALUES (:document, :at, :event, :run, :sha256, :replaced)"
)
_OF_TASK = (
    " WHERE capture_id IN (SELECT capture_id FROM task_capture WHERE task_id = :task AND role = 'labelled')"
    " AND source_kind <> 'person'"
)
_SHOWN = text(f"SELECT id, capture_id, raw_sha256, body FROM labels_document{_OF_TASK} AND shown ORDER BY id")
_STORED = text(f"SELECT id, capture_id, raw_sha256, body, shown FROM labels_document{_OF_TASK} ORDER BY id")
_EVENTS = text(
    "SELECT id, document_id, event, raw_sha256, replaced FROM prelabel_event WHERE document_id IN :documents"
    " ORDER BY id"
)


class ShownBody(NamedTuple):
    """A document that people are shown, or were."""

    id: int
    capture: str
    raw_sha256: str
    body: str


@dataclass(frozen=True)
class PrelabelDocument:
    """A labels document of a capture.

    `name` distinguishes it from others of the same capture; `raw_sha256` is of the bytes as they came, of which `body`
    leaves out labels that no reader takes, and to which it adds when a run at the collector made them.
    """

    capture: str
    name: str
    source_kind: str
    source_name: str
    source_sha256: str | None
    body: str
    raw_sha256: str


def add_document(conn: Connection, document: PrelabelDocument, *, shown: bool = True, run: str | None = None) -> bool:
    """Store a document; returns whether it is new. One of the same name stays as it is."""
    added = conn.execute(_ADD, {**asdict(document), "shown": shown}).scalar()
    if added is not None:
        _record(conn, added, "received" if shown else "hidden", document.raw_sha256, run)
    return added is not None


def replace_document(conn: Connection, document: PrelabelDocument, *, shown: bool, run: str) -> None:
    """Store the new document of a model in place of its old one, whose body stays in the events.

    What people see is not replaced by what they are not to see: then nothing changes. The same again replaces nothing.
    """
    if add_document(conn, document, shown=shown, run=run):
        return
    before = conn.execute(_FIND, asdict(document)).one()
    if before.shown and not shown:
        return
    if before.raw_sha256 != document.raw_sha256:
        conn.execute(_REPLACE, {**asdict(document), "id": before.id})
        _record(conn, before.id, "replaced", document.raw_sha256, run, before.body)
    if shown and not before.shown:
        conn.execute(_SHOW, {"id": before.id, "shown": True})
        _record(conn, before.id, "shown", document.raw_sha256, run)


def hide_document(conn: Connection, document_id: int, run: str) -> None:
    """People are not shown it any more."""
    sha256 = conn.execute(_SHOW, {"id": document_id, "shown": False}).scalar_one()
    _record(conn, document_id, "hidden", sha256, run)


def shown_query(task: str) -> Query:
    """For what people are shown now of the captures that a task labels."""
    return _SHOWN, {"task": task}


def shown_bodies(conn: Connection, task: str, then: int | None = None) -> list[ShownBody]:
    """What people are shown of the captures that a task labels, in the order of the ids.

    Args:
        then: what they were shown after that event.
    """
    if then is None:
        return [ShownBody(*row) for row in conn.execute(*shown_query(task))]
    require_thread(conn)
    stored = conn.execute(_STORED, {"task": task}).all()
    events: dict[int, list[Row]] = {document.id: [] for document in stored}
    for row in conn.execute(_EVENTS, {"documents": list(events)}):
        events[row.document_id].append(row)
    found = [_shown_then(document, events[document.id], then) for document in stored]
    return [document for document in found if document is not None]


def _shown_then(document: Row, events: Sequence[Row], then: int) -> ShownBody | None:
    """The document as it was after an event, from all that happened to it. None: nobody was shown it.

    Of one from before there were events it is not known when it came: it was always there.
    """
    before, after = ([event for event in events if (event.id <= then) == past] for past in (True, False))
    marks = [event.event for event in before if event.event != "replaced"]
    is_shown = marks[-1] != "hidden" if marks else all(event.event == "replaced" for event in after) and document.shown
    if not is_shown:
        return None
    replaced = next((event.replaced for event in after if event.event == "replaced"), None)
    if replaced is None:
        return ShownBody(*document[:4])
    sha256 = before[-1].raw_sha256 if before else sha256_hex(replaced.encode())
    return ShownBody(document.id, document.capture_id, sha256, replaced)


def _record(
    conn: Connection, document: int, event: Event, sha256: str, run: str | None, replaced: str | None = None
) -> None:
    values = {"document": document, "event": event, "run": run, "sha256": sha256, "replaced": replaced}
    conn.execute(_RECORD, {**values, "at": now_text()})
