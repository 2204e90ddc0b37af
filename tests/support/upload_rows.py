"""Rows of uploads, each of a capture of its own."""

from __future__ import annotations

from collector.store.sql import Connection, text


def add_upload(conn: Connection, upload: str, state: str, capture_state: str | None) -> None:
    """An upload of a capture of its own, which is not known yet for the state None."""
    conn.execute(
        text(
            "INSERT INTO device (id, name, model, token_hash, joined_at) VALUES ('dev', 'd', 'm', 't', '2026')"
            " ON CONFLICT DO NOTHING"
        )
    )
    conn.execute(
        text(
            'INSERT INTO upload (id, capture_id, part, device_id, "offset", staged, state, created_at, expires_at)'
            " VALUES (:id, :id, 'media', 'dev', 1, :staged, :state, '2026', '2999')"
        ),
        {"id": upload, "staged": f"{upload}.part", "state": state},
    )
    if capture_state is not None:
        conn.execute(
            text(
                "INSERT INTO capture (id, take_id, session_id, device_id, medium, sensor, step, attempt, consent,"
                " complete, state, manifest, manifest_sha256, opened_us, wall_at, received_at) VALUES"
                " (:id, 't', 's', 'dev', 'text', 'k', 'step', 1, 'c', TRUE, :state, '{}', '', 0, '2026', '2026')"
            ),
            {"id": upload, "state": capture_state},
        )
