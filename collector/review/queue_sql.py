"""The queue's statements as SQL text: what is measured to be fast, in one place.

Every statement touches a partial index of open or leased rows (collector/store/tables/review.py), never the whole
table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple, get_args

from collector.review.task_consent import USE_COLUMNS, USE_JOINS
from collector.store.dialects import json_rows
from collector.store.sql import Statement, text
from collector.studies.scope import within
from wire.tasks import TaskType

# Of what a person gave back: beyond so many it comes back before the queue is searched on.
MAX_PASSED_OVER = 500

# Independent answers: nobody gets another round of what they were given once.
_NEW_TO_PERSON = (
    "(round = 1 OR NOT EXISTS (SELECT 1 FROM task AS other JOIN lease ON lease.task_id = other.id WHERE"
    " other.take_id = task.take_id AND other.type = task.type AND other.id <> task.id AND lease.person_id = :person))"
)

# Whether time has passed something: a lease of a reopened task, or the end or the beginning of a consent.
_IS_TO_SETTLE = (
    "EXISTS (SELECT 1 FROM task WHERE state = 'leased' AND lease_expires_at <= :now AND revision_id IS NOT NULL)"
    " OR EXISTS (SELECT 1 FROM task WHERE state IN ('open', 'leased') AND usable_until < '9999'"
    " AND usable_until <= :now)"
    " OR EXISTS (SELECT 1 FROM task WHERE state = 'withheld' AND usable_until < '9999' AND usable_until > :now)"
)
# What a person was given and has not finished, also leases that ran out: a lost reply is answered again without a new
# lease, and a lease that ran out goes first to the person who had it (the draft is theirs), then to anybody. Each row
# says whether time has passed something; where the person was given nothing there is one row with that alone.
GIVEN = text(
    f"SELECT time.is_to_settle, given.* FROM (SELECT {_IS_TO_SETTLE} AS is_to_settle) AS time LEFT JOIN (SELECT id,"
    " fence, type, leased_client, leased_at, priority, lease_expires_at, revision_id FROM task WHERE state = 'leased'"
    f" AND leased_to = :person AND {within('study')}) AS given ON 1 = 1"
    " ORDER BY given.leased_at, given.priority DESC, given.id DESC"
)
# Of each type asked for the first by its index, then the best of those: an index serves one type at a time.
_NOT_GIVEN_BACK = "NOT EXISTS (SELECT 1 FROM skip WHERE skip.person_id = :person AND skip.task_id = candidate.id)"
CoinLane = Literal["priority", "random"]


class _OpenTasks(NamedTuple):
    """The open tasks of a lane, by a column, in this order: as they are in its index."""

    tasks: str
    by: str
    order: str


_LANES: dict[CoinLane, _OpenTasks] = {
    "priority": _OpenTasks("state = 'open' AND reason_kind <> 'random'", "priority", "priority DESC, id DESC"),
    "random": _OpenTasks("state = 'open' AND reason_kind = 'random'", "created_at", "created_at, id"),
}


@dataclass(frozen=True)
class LaneStatements:
    """Statements for the first open task of a lane (`first`), and for the first that the person has not given back, of
    the first MAX_PASSED_OVER (`fresh`).
    """

    first: Statement
    fresh: Statement


@dataclass(frozen=True)
class QueueStatements:
    """What is asked for tasks of certain types.

    `candidates`: the first of each lane, and of the leases that ran out: `lane`, `id`, whether the person has given it
    back before (`given_back`), and the columns that `task_consent.usable_by` needs, in a row for each use.
    """

    candidates: Statement
    lanes: dict[CoinLane, LaneStatements]


@cache
def statements_of(types: frozenset[TaskType], is_limited: bool) -> QueueStatements:
    """For tasks of these types, at least one; `is_limited`: for somebody who may see some studies alone.

    The types are part of the text: to compare each with a parameter would take a third of the time of the statement.
    """
    asked = [kind for kind in get_args(TaskType) if kind in types]
    lanes = {name: _lane_statements(lane, asked, is_limited) for name, lane in _LANES.items()}
    return QueueStatements(_candidates(_expired(asked), {name: lane.first for name, lane in lanes.items()}), lanes)


def _expired(types: Sequence[TaskType]) -> str:
    """The task whose lease ran out first."""
    of_types = ", ".join(f"'{kind}'" for kind in types)
    return (
        "SELECT id FROM task WHERE state = 'leased' AND lease_expires_at <= :now AND revision_id IS NULL"
        f" AND leased_to <> :person AND {_NEW_TO_PERSON} AND type IN ({of_types}) AND {within('study')}"
        " ORDER BY lease_expires_at, priority DESC, id DESC LIMIT 1"
    )


def _lane_statements(lane: _OpenTasks, types: Sequence[TaskType], is_limited: bool) -> LaneStatements:
    """Of a person with a limit each study is asked by its own index: nothing walks past the tasks of others."""
    by, order = lane.by, lane.order
    first, fresh = list[str](), list[str]()
    for kind in types:
        asked = f"{lane.tasks} AND type = '{kind}' AND {_NEW_TO_PERSON} ORDER BY {order} LIMIT"
        not_given_back = f"AS candidate WHERE {_NOT_GIVEN_BACK}"
        if is_limited:
            one = f"FROM task WHERE study = seen.value AND {asked}"
            window = f"SELECT id, {by} {one} {MAX_PASSED_OVER}"
            first.append(_of_each_study(f"SELECT id {one} 1", by))
            fresh.append(_of_each_study(f"SELECT id FROM ({window}) {not_given_back} ORDER BY {order} LIMIT 1", by))
        else:
            every = f"SELECT id, {by} FROM task WHERE {asked}"
            first.append(f"SELECT * FROM ({every} 1) AS candidate")
            fresh.append(f"SELECT * FROM ({every} {MAX_PASSED_OVER}) {not_given_back}")
    return LaneStatements(_best(first, order), _best(fresh, order))


def _best(found: Sequence[str], order: str) -> Statement:
    return text(f"SELECT id FROM ({' UNION ALL '.join(found)}) AS found ORDER BY {order} LIMIT 1")


def _of_each_study(first: str, by: str) -> str:
    """What `first` finds for each study `seen.value` of a limit."""
    return f"SELECT id, {by} FROM task WHERE id IN (SELECT ({first}) FROM {json_rows('studies', 'seen')})"


def _candidates(expired: str, lanes: Mapping[CoinLane, Statement]) -> Statement:
    """All of them in one statement."""
    of_lane: dict[str, str] = {"expired": expired, **{name: first.text for name, first in lanes.items()}}
    back = "EXISTS (SELECT 1 FROM skip WHERE skip.person_id = :person AND skip.task_id = first.id)"
    firsts = " UNION ALL ".join(
        f"SELECT '{lane}' AS lane, first.id AS id, {back} AS given_back FROM ({first}) AS first"
        for lane, first in of_lane.items()
    )
    return text(
        f"SELECT found.lane, found.id, found.given_back, {USE_COLUMNS} FROM ({firsts}) AS found"
        f" JOIN task ON task.id = found.id {USE_JOINS}"
    )


# A reopened task whose lease ran out has its ground truth still: it is done, nobody else needs to take it.
SETTLE_REOPENED = text(
    "UPDATE task SET state = 'done' WHERE state = 'leased' AND lease_expires_at <= :now AND revision_id IS NOT NULL"
)
# The instructions that this delivery shows: the revision remembers them.
_SHOWN_INSTRUCTIONS = (
    "instruction_version = coalesce((SELECT named.version FROM study_version_instruction AS named"
    " WHERE named.study_version_id = task.study_version_id AND named.type = task.type), instruction_version)"
)
LEASE = text(
    "UPDATE task SET state = 'leased', fence = :fence, leased_to = :person, leased_client = :client,"
    f" leased_at = :now, lease_expires_at = :expires, opened_at = coalesce(opened_at, :now), {_SHOWN_INSTRUCTIONS}"
    " WHERE id = :task"
)
REMEMBER_LEASE = text(
    "INSERT INTO lease (task_id, fence, person_id, client, started_at, expires_at, lane, probability, why,"
    " prelabel_event) VALUES (:task, :fence, :person, :client, :now, :expires, :lane, :probability, :why,"
    " (SELECT coalesce(max(id), 0) FROM prelabel_event))"
)
EXTEND_LEASE = text("UPDATE lease SET expires_at = :expires WHERE task_id = :task AND fence = :fence")
END_LEASE = text("UPDATE lease SET ended = :how, ended_at = :now WHERE task_id = :task AND fence = :fence")
# The lease before, if nothing else has ended it, before another one takes its place.
REPLACE_LEASE = text(
    "UPDATE lease SET ended = CASE WHEN expires_at <= :now THEN 'expired' ELSE 'taken-again' END,"
    " ended_at = CASE WHEN expires_at <= :now THEN expires_at ELSE :now END"
    " WHERE task_id = :task AND fence = :fence AND ended IS NULL"
)
WAS_LEASED = text("SELECT EXISTS (SELECT 1 FROM lease WHERE task_id = :task AND person_id = :person)")
WAS_LEASED_UNDER = text(
    "SELECT EXISTS (SELECT 1 FROM lease WHERE task_id = :task AND fence = :fence AND person_id = :person)"
)
# Of all pages of a person.
ACTIVE_LEASES = text(
    "SELECT count(*) FROM task WHERE state = 'leased' AND leased_to = :person AND lease_expires_at > :now"
    f" AND {within('study')}"
)
RENEW = text(f"UPDATE task SET lease_expires_at = :expires, {_SHOWN_INSTRUCTIONS} WHERE id = :task")
HOLDING = text(
    "SELECT task.state, task.fence, task.leased_to, task.leased_at, task.lease_expires_at, task.revision_id,"
    " person.name AS holder FROM task LEFT JOIN person ON person.id = task.leased_to WHERE task.id = :task"
)
# What a submit finds, in a row for each use (`task_consent.usable_by`): the task; the `number` that its revision gets,
# and when an earlier one under the same lease was made (`last`); the revision of the same UUID, if it came before
# (`answered_task`, `answered_person`, `answer`).
SUBMITTING = text(
    f"SELECT {USE_COLUMNS}, task.state, task.leased_to, task.leased_at, task.lease_expires_at, task.revision_id,"
    " person.name AS holder, (SELECT coalesce(max(number), 0) + 1 FROM revision WHERE task_id = task.id) AS number,"
    # By the task's own index: an index of times could be read from its end to find a maximum, over everybody's work.
    " (SELECT submitted_at FROM revision WHERE task_id = task.id AND fence = :fence ORDER BY number DESC LIMIT 1)"
    " AS last,"
    " EXISTS (SELECT 1 FROM activity WHERE activity.task_id = task.id) AS has_activity,"
    " EXISTS (SELECT 1 FROM draft WHERE draft.task_id = task.id) AS has_drafts,"
    " answered.task_id AS answered_task, answered.person_id AS answered_person, answered.reply AS answer"
    " FROM task LEFT JOIN person ON person.id = task.leased_to"
    f" LEFT JOIN revision AS answered ON answered.submit_uuid = :submit {USE_JOINS} WHERE task.id = :task"
)
EXTEND = text("UPDATE task SET state = 'leased', lease_expires_at = :expires WHERE id = :task")
ENDED = text(
    "SELECT EXISTS (SELECT 1 FROM revision WHERE task_id = :task AND fence = :fence)"
    " OR EXISTS (SELECT 1 FROM skip WHERE task_id = :task AND fence = :fence)"
)
SET_STATE = text("UPDATE task SET state = :state WHERE id = :task")
DONE = text("UPDATE task SET state = 'done', done_at = :now, revision_id = :revision WHERE id = :task")
RECORD_SKIP = text(
    "INSERT INTO skip (task_id, person_id, fence, at, kind, reason, code) VALUES (:task, :person, :fence, :now, :kind,"
    " :reason, :code) ON CONFLICT (task_id, fence) DO NOTHING"
)

BY_SUBMIT = text("SELECT task_id, person_id, reply FROM revision WHERE submit_uuid = :submit")
ADD_REVISION = text(
    "INSERT INTO revision (id, task_id, number, person_id, submit_uuid, fence, submitted_at, opened_at, first_input_at,"
    " active_ms, documents, diff, reply, reason_kind, probability, instruction_version, script_sha256,"
    " instruction_sha256, shown, told, page, correction, study_version_id)"
    " VALUES (:id, :task, :number, :person, :submit, :fence, :now, :opened_at, :first_input_at, :active_ms, :documents,"
    " :diff, :reply, :reason_kind, :probability, :instruction_version, :script_sha256, :instruction_sha256, :shown,"
    " :told, :page, :correction, :study_version)"
)
ADD_WORKED = text(
    "INSERT INTO worked (task_id, person_id, fence, started_at, ended_at)"
    " VALUES (:task, :person, :fence, :started_at, :ended_at)"
)
# Submitted or skipped by this person, or returned while nobody has taken it since.
HAS_OWN = text(
    "SELECT EXISTS (SELECT 1 FROM revision WHERE task_id = :task AND person_id = :person)"
    " OR EXISTS (SELECT 1 FROM skip JOIN task ON task.id = skip.task_id WHERE skip.task_id = :task"
    " AND skip.person_id = :person AND (skip.kind = 'skipped' OR skip.fence = task.fence))"
)
TRUTH_PERSON = text(
    "SELECT revision.person_id FROM task JOIN revision ON revision.id = task.revision_id WHERE task.id = :task"
)

KEEP_DRAFT = text(
    "INSERT INTO draft (task_id, person_id, fence, documents, saved_at, why) VALUES (:task, :person, :fence,"
    " :documents, :now, :why) ON CONFLICT (task_id, person_id, fence) DO UPDATE SET documents = excluded.documents,"
    " saved_at = excluded.saved_at, why = excluded.why"
)
DROP_DRAFTS = text("DELETE FROM draft WHERE task_id = :task AND person_id = :person AND fence <= :fence")
OWN_DRAFT = text(
    "SELECT documents, saved_at, why FROM draft WHERE task_id = :task AND person_id = :person"
    " ORDER BY fence = :fence DESC, saved_at DESC LIMIT 1"
)

ADD_ACTIVITY = text(
    "INSERT INTO activity (task_id, person_id, fence, at, visible, playing, input)"
    " VALUES (:task, :person, :fence, :now, :visible, :playing, :input)"
)
ACTIVITY = text(
    "SELECT at, visible, playing, input FROM activity WHERE task_id = :task AND fence = :fence AND person_id = :person"
    " ORDER BY at"
)

# Whether a person may see a task: its study, not who works on it.
IN_SCOPE = text(f"SELECT EXISTS (SELECT 1 FROM task WHERE id = :task AND {within('study')})")

RECORD_REASON = text(
    "INSERT INTO task_reason (task_id, at, kind, text, priority) VALUES (:task, :at, :kind, :text, :priority)"
)
ASK_AGAIN = text(
    "INSERT INTO task (id, take_id, session_id, study, type, state, fence, priority, reason_kind, reason_text,"
    " probability, instruction_version, created_at, consent, control, control_probability, round, usable_until,"
    " study_version_id) SELECT :id, take_id, session_id, study, type, 'open', 0, :priority, 'age', :text, probability,"
    " instruction_version, :now, consent, control, control_probability, :round, usable_until,"
    " study_version_id FROM task WHERE id = :task"
)
LAST_ROUND = text(
    "SELECT max(other.round) FROM task JOIN task AS other ON other.take_id = task.take_id AND other.type = task.type"
    " WHERE task.id = :task"
)
COPY_CAPTURES = text(
    "INSERT INTO task_capture (task_id, capture_id, role, position)"
    " SELECT :id, capture_id, role, position FROM task_capture WHERE task_id = :task"
)
