"""What devices say of themselves every few seconds: the newest word is kept."""

from __future__ import annotations

from collector.store.clock import now_text, record_time
from collector.store.sql import Connection, text
from wire.device import Heartbeat


def save_heartbeat(conn: Connection, heartbeat: Heartbeat) -> None:
    record_time(conn)
    conn.execute(
        text("UPDATE device SET last_seen_at = :now, heartbeat = :body WHERE id = :device"),
        {"now": now_text(), "body": heartbeat.model_dump_json(by_alias=True), "device": heartbeat.device},
    )
