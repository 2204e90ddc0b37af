"""From takes to tasks: when a closed take is here whole, each task type its step asks for becomes one task."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from collector.catalogue.shown_labels import shown_labels
from collector.catalogue.takes import opened_when_complete
from collector.review.calibrations import calibrations
from collector.review.queue_sql import RECORD_REASON
from collector.review.rules import Reason, parts_for, priority, reason_for
from collector.review.task_consent import refresh_task
from collector.store.clock import now_text
from collector.store.sql import Connection, text
from collector.studies.label_schemas import words_of
from collector.studies.studies import control_share
from prelabel.models import catalogue
from prelabel.triage.score_keys import score_keys
from wire.base import format_utc, new_id
from wire.script import PROMPTED
from wire.session import TakeRecord
from wire.tasks import TASK_RULES, TaskType

_TAKE = text(
    "SELECT take.record, take.session_id, session.study, session.consent, session.study_version_id"
    " FROM take JOIN session ON session.id = take.session_id WHERE take.id = :take"
)
_PRELABELS = text(
    "SELECT body, shown FROM labels_document WHERE capture_id IN :captures AND source_kind <> 'person' ORDER BY id"
)
_UNOPENED = text(
    "SELECT task.id, task.type, task.created_at, take.record, task.study_version_id FROM task_capture"
    " JOIN task ON task.id = task_capture.task_id JOIN take ON take.id = task.take_id"
    " WHERE task_capture.capture_id = :capture AND task_capture.role = 'labelled' AND task.state = 'open'"
    " AND task.opened_at IS NULL AND task.reason_kind <> 'random'"
)
_LABELLED = text("SELECT capture_id FROM task_capture WHERE task_id = :task AND role = 'labelled' ORDER BY position")
_OF_TAKE = text("SELECT id FROM task WHERE take_id = :take")
_REASON = text("UPDATE task SET priority = :priority, reason_kind = :kind, reason_text = :text WHERE id = :task")
_ADD_TASK = text(
    "INSERT INTO task (id, take_id, session_id, study, type, state, fence, priority, reason_kind, reason_text,"
    " probability, instruction_version, created_at, consent, control, control_probability, study_version_id)"
    " SELECT :id, :take, :session, :study, :type, 'open', 0, :priority, :reason_kind, :reason_text, :probability,"
    " version, :created_at, :consent, :control, :control_probability, study_version_id FROM study_version_instruction"
    " WHERE study_version_id = :study_version_id AND type = :type"
    " ON CONFLICT (take_id, type, round) DO NOTHING"
)
_ADD_CAPTURE = text(
    "INSERT INTO task_capture (task_id, capture_id, role, position) VALUES (:task, :capture, :role, :position)"
)


def make_tasks(conn: Connection, take_id: str) -> int:
    """Make the tasks of a take; returns how many are new.

    Nothing happens while the take's record or one of its captures is still on the way: whoever brings the rest asks
    again. A torn take makes no tasks (its step runs again), nor does a capture that could not be opened. Asking twice
    makes nothing twice. Tasks that the consent does not cover, in the newest record of the session, are set aside.
    """
    opened = opened_when_complete(conn, take_id)
    if opened is None:
        return 0
    take = conn.execute(_TAKE, {"take": take_id}).one()
    record = TakeRecord.model_validate_json(take.record)
    whole = [row for row in record.captures if row.capture in opened]
    made = 0
    for kind in record.reviews:
        labelled = [row.capture for row in whole if row.medium in TASK_RULES[kind].labelled]
        beside = [row.capture for row in whole if row.medium in TASK_RULES[kind].beside]
        if labelled:
            classes = words_of(conn, take.study_version_id, kind)
            reason = _reason(conn, kind, classes, record, labelled, random.random())
            facts = {name: getattr(take, name) for name in ("study", "study_version_id", "consent")}
            facts |= {"take": take_id, "session": take.session_id}
            made += add_task(conn, kind, facts, labelled, beside, reason)
    for task in list(conn.execute(_OF_TAKE, {"take": take_id}).scalars()):
        refresh_task(conn, task, datetime.now(UTC))
    return made


def add_task(
    conn: Connection,
    kind: TaskType,
    facts: dict[str, Any],
    labelled: Sequence[str],
    beside: Sequence[str],
    reason: Reason,
) -> int:
    """Put one task into the queue: 1, or 0 when this take has one of this type already.

    A coin gives a share of the study's tasks no pre-labels: without them nobody can tell what pre-labels do to people.

    Args:
        facts: take, session, study, study_version_id and consent, by id.
    """
    task, now = new_id("task"), datetime.now(UTC)
    share = control_share(conn, facts["study"])
    values = {
        **facts,
        "id": task,
        "type": kind,
        "priority": priority(reason.worth, now),
        "reason_kind": reason.kind,
        "reason_text": reason.text,
        "probability": reason.probability,
        "created_at": format_utc(now),
        "control": random.random() < share,
        "control_probability": share,
    }
    if conn.execute(_ADD_TASK, values).rowcount == 0:
        return 0
    because = {"task": task, "at": values["created_at"], "kind": reason.kind, "text": reason.text}
    conn.execute(RECORD_REASON, {**because, "priority": values["priority"]})
    roles = [(name, "labelled") for name in labelled] + [(name, "beside") for name in beside]
    rows = [
        {"task": task, "capture": name, "role": role, "position": position}
        for position, (name, role) in enumerate(roles)
    ]
    conn.execute(_ADD_CAPTURE, rows)
    return 1


def reconsider(conn: Connection, capture: str) -> None:
    """A capture has other pre-labels now: its tasks that nobody has opened get their reason and place anew.

    The random share stays as it was drawn.
    """
    for row in conn.execute(_UNOPENED, {"capture": capture}).all():
        labelled = list(conn.execute(_LABELLED, {"task": row.id}).scalars())
        record = TakeRecord.model_validate_json(row.record)
        # A draw of 1 is never of the random share.
        classes = words_of(conn, row.study_version_id, row.type)
        reason = _reason(conn, row.type, classes, record, labelled, draw=1.0)
        values = {
            "task": row.id,
            "at": now_text(),
            "priority": priority(reason.worth, datetime.fromisoformat(row.created_at)),
            "kind": reason.kind,
            "text": reason.text,
        }
        conn.execute(_REASON, values)
        conn.execute(RECORD_REASON, values)


def _reason(
    conn: Connection,
    kind: TaskType,
    classes: Sequence[str],
    record: TakeRecord,
    labelled: Sequence[str],
    draw: float,
) -> Reason:
    rows = conn.execute(_PRELABELS, {"captures": list(labelled)}).all()
    labels = shown_labels((row.body, row.shown) for row in rows)
    shown, hidden = parts_for(kind, classes, labels.shown), parts_for(kind, classes, labels.hidden)
    known = calibrations(conn, [key for document in shown for key in score_keys(document).values()])
    return reason_for(kind, record.kind in PROMPTED, record.objects, shown, draw, known, known_words(), hidden)


@cache
def known_words() -> dict[str, list[str]]:
    """The words each model of the catalogue knows, by its sha256; one that reads has no names and says `text`."""
    return {item.sha256: item.table.get("names", ["text"]) for item in catalogue.items() if "family" in item.table}
