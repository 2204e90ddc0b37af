"""How long people worked between two moments, by the wall clock. Reads only.

Two windows of one person at the same time are one time. Work counts where it was done: before a skip or a return, on a
task that is still open, and on both sides of midnight.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from collector.review.activity import INPUT_HOLDS_MS, Sign, Stretch, length_ms, stretches, united
from collector.store.sql import Connection, text
from collector.studies.scope import EVERYTHING, Scope, within_task
from wire.base import format_utc

_WORKED = text(
    "SELECT person_id, started_at, ended_at FROM worked WHERE ended_at > :since AND started_at < :until"
    f" AND {within_task('worked.task_id')}"
)
_SIGNS = text(
    "SELECT person_id, task_id, fence, at, visible, playing, input FROM activity WHERE at >= :before AND at < :until"
    f" AND {within_task('activity.task_id')}"
)
_ENDS = text(
    "SELECT task_id, fence, submitted_at AS at FROM revision WHERE submitted_at >= :before"
    " UNION ALL SELECT task_id, fence, at FROM skip WHERE at >= :before"
)
_Lease = tuple[str, int]


def active_by_person(
    conn: Connection, since: datetime, until: datetime, now: datetime, scope: Scope = EVERYTHING
) -> dict[str, int]:
    """Active milliseconds of each person, by id: what submits counted, and the signs of life that were received."""
    # A sign holds for a while, so those shortly before count, too.
    before = since - timedelta(milliseconds=2 * INPUT_HOLDS_MS)
    span = {"since": format_utc(since), "until": format_utc(until), "before": format_utc(before)} | scope.values
    found: dict[str, list[Stretch]] = defaultdict(list)
    for row in conn.execute(_WORKED, span):
        found[row.person_id].append(Stretch(_moment(row.started_at), _moment(row.ended_at)))
    signs: dict[tuple[str, _Lease], list[Sign]] = defaultdict(list)
    for row in conn.execute(_SIGNS, span):
        sign = Sign(_moment(row.at), bool(row.visible), bool(row.playing), bool(row.input))
        signs[row.person_id, (row.task_id, row.fence)].append(sign)
    ends: dict[_Lease, datetime] = {}
    for row in conn.execute(_ENDS, span) if signs else ():
        at = _moment(row.at)
        ends[row.task_id, row.fence] = max(at, ends.get((row.task_id, row.fence), at))
    for (person, lease), heard in signs.items():
        # Of signs after the newest end nobody knows an end yet.
        last = max(sign.at for sign in heard)
        end = ends.get(lease)
        found[person] += stretches(heard, now if end is None or end < last else end)
    return {person: length_ms(united(rows, since, until)) for person, rows in found.items()}


def _moment(text_of: str) -> datetime:
    return datetime.fromisoformat(text_of)
