"""Every download of an export is a row: who, which one, when. Written before the first byte is sent."""

from __future__ import annotations

from collector.store.clock import now_text
from collector.store.sql import Connection, text

SAME_DOWNLOAD_SECONDS = 86_400.0
_SEEN = text("SELECT 1 FROM export_download WHERE run_id = :run AND person_id = :person AND at > :since LIMIT 1")
_ADD = text("INSERT INTO export_download (run_id, person_id, at) VALUES (:run, :person, :now)")


def record_download(conn: Connection, run: str, person: str, *, goes_on: bool) -> bool:
    """Record a download; returns whether it is another one.

    Args:
        goes_on: a later range, as of a download that broke off: the same one if it began within a day.
    """
    if goes_on:
        seen = conn.execute(_SEEN, {"run": run, "person": person, "since": now_text(-SAME_DOWNLOAD_SECONDS)}).first()
        if seen is not None:
            return False
    conn.execute(_ADD, {"run": run, "person": person, "now": now_text()})
    return True
