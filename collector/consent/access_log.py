"""Every access to media is a row of `look`: who, which capture, when, why. Written before the first byte is sent."""

from __future__ import annotations

from collector.store.clock import now_text
from collector.store.sql import Connection, text

SAME_ACCESS_SECONDS = 300.0


def record_access(conn: Connection, person: str, capture: str, why: str, *, goes_on: bool) -> None:
    """Record an access. `goes_on`: a later range of the same medium; a player asks for many of them in one access."""
    if goes_on:
        seen = conn.execute(
            text(
                "SELECT 1 FROM look WHERE person_id = :person AND capture_id = :capture AND why = :why AND at > :since"
                " LIMIT 1"
            ),
            {"person": person, "capture": capture, "why": why, "since": now_text(-SAME_ACCESS_SECONDS)},
        ).first()
        if seen is not None:
            return
    conn.execute(
        text("INSERT INTO look (person_id, capture_id, at, why) VALUES (:person, :capture, :now, :why)"),
        {"person": person, "capture": capture, "now": now_text(), "why": why},
    )
