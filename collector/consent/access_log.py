"""Every look at media is a row: who, which capture, when, why. Written before the first byte leaves."""

from __future__ import annotations

from collector.store.clock import now_text
from collector.store.sql import Connection, text

SAME_LOOK_SECONDS = 300.0


def keep_look(conn: Connection, person: str, capture: str, why: str, *, goes_on: bool) -> None:
    """Log a look. `goes_on`: a later range of the same medium, which a player asks for many times in one look."""
    if goes_on:
        seen = conn.execute(
            text(
                "SELECT 1 FROM look WHERE person_id = :person AND capture_id = :capture AND why = :why AND at > :since"
                " LIMIT 1"
            ),
            {"person": person, "capture": capture, "why": why, "since": now_text(-SAME_LOOK_SECONDS)},
        ).first()
        if seen is not None:
            return
    conn.execute(
        text("INSERT INTO look (person_id, capture_id, at, why) VALUES (:person, :capture, :now, :why)"),
        {"person": person, "capture": capture, "now": now_text(), "why": why},
    )
