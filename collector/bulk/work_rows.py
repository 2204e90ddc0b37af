"""Pieces of bulk work as rows of a table, and who does each: one process at a time. Plain SQL.

The table has `id`, `state`, `owner`, `problem`, `per_second`, `created_at` and `ended_at`. The owner is a process
(collector/processes.py); each of its writes is void once the work is paused, cancelled or another's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collector.bulk.work_states import WorkState
from collector.store.clock import now_text
from collector.store.database import notify
from collector.store.read_only import find_read_only
from collector.store.sql import Connection, Row, Statement, text


def why_waiting(conn: Connection) -> str | None:
    """Why no bulk work is done at present, whatever its rows say, in two sentences; None: it is done."""
    state = find_read_only(conn)
    return None if state is None else f"{state.sentence()} What is not finished waits, and continues afterwards."


class WorkLost(Exception):
    """The work was paused, cancelled or taken by another process: nothing more of it is done here."""


@dataclass(frozen=True)
class WorkOwner:
    """A piece of work in the hands of a process."""

    id: str
    owner: str


class WorkRows:
    """The rows of one table.

    Args:
        topic: of commits after which whoever does such work looks for more.
        one_by_one: while a process does one, no other process begins another.
    """

    def __init__(self, table: str, topic: str, *, one_by_one: bool = False) -> None:
        self.topic = topic
        self._table = table
        free = "state = 'running' AND (owner IS NULL OR owner = :owner)"
        other = f"SELECT 1 FROM {table} AS other WHERE other.state = 'running' AND other.owner <> :owner"
        alone = f" AND NOT EXISTS ({other})" if one_by_one else ""
        self._due = text(f"SELECT * FROM {table} WHERE {free}{alone} ORDER BY created_at, id LIMIT 1")
        self._claim = text(f"UPDATE {table} SET owner = :owner, problem = NULL WHERE id = :id AND {free}")
        self._leave = text(
            f"UPDATE {table} SET owner = NULL, problem = coalesce(:problem, problem) WHERE owner = :owner"
        )
        self._release = text(
            f"UPDATE {table} SET owner = NULL WHERE owner IS NOT NULL AND owner NOT IN (SELECT id FROM process)"
        )
        self._change = text(
            f"UPDATE {table} SET state = :state, problem = NULL, per_second = NULL, owner = NULL, ended_at = :ended_at"
            " WHERE id = :id"
        )
        self._pause = self.owners_update("state = 'paused', problem = :problem, owner = NULL, per_second = NULL")

    def owners_update(self, changes: str, *, only_if: str = "TRUE") -> Statement:
        """A statement for `save`: what it sets, as SQL."""
        mine = "id = :id AND owner = :owner AND state = 'running'"
        return text(f"UPDATE {self._table} SET {changes} WHERE {mine} AND {only_if}")

    # ---------------------------------------------------------------- a process that does it
    def is_due(self, conn: Connection, owner: str) -> bool:
        """Whether there is something to claim."""
        return conn.execute(self._due, {"owner": owner}).first() is not None

    def claim(self, conn: Connection, owner: str) -> Row | None:
        """The oldest that nobody does, now this owner's; as it was before."""
        row = conn.execute(self._due, {"owner": owner}).first()
        if row is not None:
            conn.execute(self._claim, {"owner": owner, "id": row.id})
        return row

    def leave(self, conn: Connection, owner: str, problem: str | None = None) -> None:
        """Leave what the owner has to whoever comes next; `problem` says why it waits."""
        conn.execute(self._leave, {"owner": owner, "problem": problem})

    def release(self, conn: Connection) -> int:
        """What processes that are gone owned is free; returns how many."""
        count = conn.execute(self._release).rowcount
        if count:
            notify(conn, self.topic)
        return count

    def save(self, conn: Connection, work: WorkOwner, statement: Statement, **values: Any) -> None:
        """Have its owner change it by a statement of `owners_update`. Raises WorkLost."""
        if not conn.execute(statement, {"id": work.id, "owner": work.owner, **values}).rowcount:
            raise WorkLost

    def pause_with(self, conn: Connection, work: WorkOwner, problem: str) -> None:
        """Nothing more of it is done until somebody has read why. Raises WorkLost."""
        self.save(conn, work, self._pause, problem=problem)
        notify(conn, self.topic)

    # ---------------------------------------------------------------- people
    def change(self, conn: Connection, work: str, state: WorkState) -> None:
        """As `state_after` says."""
        ended_at = now_text() if state == "cancelled" else None
        conn.execute(self._change, {"id": work, "state": state, "ended_at": ended_at})
        notify(conn, self.topic)
