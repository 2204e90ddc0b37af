"""The rows of uploads, as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, text

from collector.ingest.tus import Creation, UploadState
from collector.store.clock import now_text
from collector.store.database import notify
from wire.base import new_id
from wire.errors import GleanerError

STAGED_SUFFIX = ".part"
PARTS_REMOVED = "parts-removed"  # topic: rows are gone whose staged files are not needed any more
ASK_AT_ONCE = 500
_STILL_NEEDED = text(
    "SELECT upload.id FROM upload LEFT JOIN capture ON capture.id = upload.capture_id WHERE upload.id IN :uploads"
    " AND (capture.id IS NULL OR capture.state <> 'opened' OR upload.state = 'open')"
).bindparams(bindparam("uploads", expanding=True))


class UploadUnknown(GleanerError):
    code = "upload-unknown"
    status = 404
    hint = "Create it with POST /api/uploads; an upload without news for a week is removed."


class CaptureTaken(GleanerError):
    """A capture id belongs to another device."""

    code = "capture-taken"
    status = 409
    hint = "Capture ids are random; this one is another device's. Keep the data and look at the device's clock and id."


@dataclass(frozen=True)
class Upload:
    """A row of `upload`."""

    id: str
    capture: str
    part: str
    state: UploadState
    staged: str
    durable: bool
    expires_at: str


_COLUMNS = 'id, capture_id, part, device_id, "offset", length, staged, state, expires_at'


def _upload(row: Any) -> Upload:
    state = UploadState(row.offset, row.length)
    return Upload(row.id, row.capture_id, row.part, state, row.staged, row.state == "durable", row.expires_at)


def create_upload(conn: Connection, device: str, creation: Creation, expires_at: str) -> tuple[Upload, bool]:
    """The upload of this (capture, part), and whether it is new. The same creation again finds the same one.

    Raises:
        CaptureTaken: another device uses this capture id.
    """
    row = conn.execute(
        text(f"SELECT {_COLUMNS} FROM upload WHERE capture_id = :capture AND part = :part"),
        {"capture": creation.capture, "part": creation.part},
    ).one_or_none()
    _check_owner(conn, creation.capture, device)
    if row is not None:
        if row.length is None and creation.length is not None and creation.length >= row.offset:
            set_offset(conn, row.id, UploadState(row.offset, creation.length), expires_at)
            return find_upload(conn, row.id, device), False
        return _upload(row), False
    upload_id = new_id("up")
    conn.execute(
        text(
            f"INSERT INTO upload ({_COLUMNS}, created_at)"
            " VALUES (:id, :capture, :part, :device, 0, :length, :staged, :state, :expires, :now)"
        ),
        {
            "id": upload_id,
            "capture": creation.capture,
            "part": creation.part,
            "device": device,
            "length": creation.length,
            "staged": f"{upload_id}{STAGED_SUFFIX}",
            "state": "durable" if creation.length == 0 else "open",
            "expires": expires_at,
            "now": now_text(),
        },
    )
    return find_upload(conn, upload_id, device), True


def _check_owner(conn: Connection, capture: str, device: str) -> None:
    other = conn.execute(
        text(
            "SELECT 1 FROM upload WHERE capture_id = :capture AND device_id != :device"
            " UNION ALL SELECT 1 FROM capture WHERE id = :capture AND device_id != :device LIMIT 1"
        ),
        {"capture": capture, "device": device},
    ).first()
    if other is not None:
        raise CaptureTaken(f"The capture {capture} is another device's.")


def find_upload(conn: Connection, upload_id: str, device: str) -> Upload:
    """Raises UploadUnknown, also for another device's upload."""
    row = conn.execute(
        text(f"SELECT {_COLUMNS} FROM upload WHERE id = :id AND device_id = :device"),
        {"id": upload_id, "device": device},
    ).one_or_none()
    if row is None:
        raise UploadUnknown(f"There is no upload {upload_id[:64]} of this device.")
    return _upload(row)


def set_offset(conn: Connection, upload_id: str, state: UploadState, expires_at: str) -> None:
    """Promise an offset. The caller guarantees that these bytes are on disk."""
    conn.execute(
        text(
            'UPDATE upload SET "offset" = :offset, length = :length, state = :state, expires_at = :expires'
            " WHERE id = :id"
        ),
        {
            "id": upload_id,
            "offset": state.offset,
            "length": state.length,
            "state": "durable" if state.whole else "open",
            "expires": expires_at,
        },
    )


def delete_upload(conn: Connection, upload_id: str) -> None:
    """Forget an upload; once this is committed, housekeeping removes its staged file."""
    notify(conn, PARTS_REMOVED)
    conn.execute(text("DELETE FROM upload WHERE id = :id"), {"id": upload_id})


def parts_of(conn: Connection, capture: str) -> dict[str, Upload]:
    """Every upload of a capture, by part name."""
    rows = conn.execute(text(f"SELECT {_COLUMNS} FROM upload WHERE capture_id = :capture"), {"capture": capture})
    return {row.part: _upload(row) for row in rows}


def delete_parts(conn: Connection, capture: str, names: list[str]) -> None:
    """Forget these parts; once this is committed, housekeeping removes their staged files."""
    if names:
        notify(conn, PARTS_REMOVED)
    for name in names:
        conn.execute(
            text("DELETE FROM upload WHERE capture_id = :capture AND part = :part"), {"capture": capture, "part": name}
        )


def expired_uploads(conn: Connection, now: str) -> list[str]:
    """Ids of uploads that nobody went on with, whole ones whose manifest never came included."""
    rows = conn.execute(
        text(
            "SELECT id FROM upload WHERE expires_at < :now AND"
            " NOT EXISTS (SELECT 1 FROM capture WHERE capture.id = upload.capture_id)"
        ),
        {"now": now},
    )
    return list(rows.scalars())


def unneeded_staged(conn: Connection, names: Sequence[str]) -> list[str]:
    """Those of the staged files `names` that no upload needs: its row is gone, or its capture is opened.

    The caller lists the files before it asks: a file is made after its row is committed, so a file without a row
    never gets one. Files that are not named like a staged upload are nobody's business here.
    """
    by_upload = {name.removesuffix(STAGED_SUFFIX): name for name in names if name.endswith(STAGED_SUFFIX)}
    asked = list(by_upload)
    for start in range(0, len(asked), ASK_AT_ONCE):
        for row in conn.execute(_STILL_NEEDED, {"uploads": asked[start : start + ASK_AT_ONCE]}):
            del by_upload[row.id]
    return sorted(by_upload.values())
