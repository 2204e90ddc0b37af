"""What somebody holds becomes free at once: their leases run out now. Their drafts stay."""

from __future__ import annotations

from datetime import datetime

from collector.store.sql import Connection, text
from wire.base import format_utc

_HELD = "state = 'leased' AND leased_to = :person AND lease_expires_at > :now"
_END_LEASES = text(
    "UPDATE lease SET expires_at = :now WHERE person_id = :person AND ended IS NULL"
    f" AND EXISTS (SELECT 1 FROM task WHERE task.id = lease.task_id AND task.fence = lease.fence AND {_HELD})"
)
_END = text(f"UPDATE task SET lease_expires_at = :now WHERE {_HELD}")


def release_leases(conn: Connection, person: str, now: datetime) -> int:
    """The next person who asks gets what this one (by id) holds. Returns how many items that are."""
    values = {"person": person, "now": format_utc(now)}
    conn.execute(_END_LEASES, values)
    return conn.execute(_END, values).rowcount
