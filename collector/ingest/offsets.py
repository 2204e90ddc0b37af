"""The rows of uploads, as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from collector.ingest.tus import MAX_DEFERRED_UNCLAIMED_BYTES, PARTIAL, Creation, LengthConflict, UploadState
from collector.store.clock import now_text
from collector.store.database import notify
from collector.store.sql import Connection, text
from wire.base import new_id
from wire.errors import GleanerError

STAGED_SUFFIX = ".part"
PARTS_REMOVED = "parts-removed"  # topic: rows are gone whose staged files are not needed any more
UPLOADS_FREE = "uploads-free"  # topic: somebody waits for an upload that nobody has in hand now
ASK_AT_ONCE = 500
_STILL_NEEDED = text(
    "SELECT upload.id FROM upload LEFT JOIN capture ON capture.id = upload.capture_id WHERE upload.id IN :uploads"
    " AND (capture.id IS NULL OR capture.state <> 'opened' OR upload.state = 'open')"
)


class UploadUnknown(GleanerError):
    code = "upload-unknown"
    status = 404
    hint = "Create it with POST /api/uploads; an upload that receives nothing for a week is removed."


class UploadBusy(GleanerError):
    """A newer request took the upload over, or the holder did not leave in time."""

    code = "upload-busy"
    status = 423
    retryable = True
    hint = "Ask for the offset with HEAD, then resume there."


class CaptureTaken(GleanerError):
    """A capture id belongs to another device."""

    code = "capture-taken"
    status = 409
    hint = "Capture ids are random; this one is another device's. Keep the data and look at the device's clock and id."


class UnclaimedFull(GleanerError):
    """A device has too many uploads, or too many bytes, that belong to no capture."""

    code = "unclaimed-uploads-full"
    status = 429
    retryable = True
    hint = "Name capture and part in Upload-Metadata, or end old uploads with DELETE; they are removed after a day."


MAX_UNCLAIMED_UPLOADS = 64  # per device


@dataclass(frozen=True)
class Upload:
    """A row of `upload`. `capture` and `part` are None while it belongs to no capture.

    `fence` is the number of who has it in hand or had it last (upload_owners.py): offsets are promised with it.
    """

    id: str
    capture: str | None
    part: str | None
    state: UploadState
    staged: str
    durable: bool
    expires_at: str
    metadata: str | None
    concat: str | None
    fence: int

    @property
    def is_final(self) -> bool:
        return self.concat not in (None, PARTIAL)

    def max_bytes(self, setting: int) -> int:
        """The most bytes it may have; less when nothing is known of it."""
        is_known = self.capture is not None or self.state.length is not None
        return setting if is_known else min(setting, MAX_DEFERRED_UNCLAIMED_BYTES)


_COLUMNS = 'id, capture_id, part, device_id, "offset", length, staged, state, expires_at, metadata, concat, fence'
_SET_OFFSET = text(
    'UPDATE upload SET "offset" = :offset, length = :length, state = :state, expires_at = :expires'
    " WHERE id = :id AND fence = :fence"
)
_LET_GO = text("UPDATE upload SET owner = NULL WHERE id = :id AND fence = :fence RETURNING ticket")


def _upload(row: Any) -> Upload:
    state = UploadState(row.offset, row.length)
    return Upload(
        row.id, row.capture_id, row.part, state, row.staged, row.state == "durable", row.expires_at, row.metadata,
        row.concat, row.fence,
    )  # fmt: skip


def create_upload(
    conn: Connection, device: str, creation: Creation, expires_at: str, max_bytes: int
) -> tuple[Upload, bool]:
    """The upload of this (capture, part), and whether it is new. The same creation again finds the same one.

    Raises:
        CaptureTaken: another device uses this capture id.
        LengthConflict: it was created with another length.
        UnclaimedFull: it is for no capture, and the device has too many such already.
    """
    if creation.capture is None:
        require_unclaimed_space(conn, device, creation.length, max_bytes)
    else:
        found = find_claimed(conn, device, creation)
        if found is not None:
            return _created_again(conn, device, found, creation.length, expires_at), False
    return insert_upload(conn, device, creation, creation.length, expires_at), True


def find_claimed(conn: Connection, device: str, creation: Creation) -> Upload | None:
    """The upload of the creation's (capture, part). Raises CaptureTaken."""
    if creation.capture is None:
        return None
    _check_owner(conn, creation.capture, device)
    row = conn.execute(
        text(f"SELECT {_COLUMNS} FROM upload WHERE capture_id = :capture AND part = :part"),
        {"capture": creation.capture, "part": creation.part},
    ).one_or_none()
    return None if row is None else _upload(row)


def _created_again(conn: Connection, device: str, found: Upload, length: int | None, expires_at: str) -> Upload:
    if found.is_final and not found.durable:
        raise LengthConflict("This part is joined from partial uploads, so it has no length of its own to set.")
    if length is None or length == found.state.length:
        return found
    if found.state.length is not None:
        raise LengthConflict(f"The upload was created with {found.state.length} bytes, not {length}.")
    if length < found.state.offset:
        raise LengthConflict(f"The upload has {found.state.offset} bytes already, more than {length}.")
    set_offset(conn, found.id, UploadState(found.state.offset, length), expires_at, found.fence)
    return find_upload(conn, found.id, device)


def require_unclaimed_space(conn: Connection, device: str, length: int | None, max_bytes: int) -> None:
    """Raises UnclaimedFull."""
    count, size = conn.execute(
        text(
            "SELECT count(*), coalesce(sum(coalesce(length, :deferred)), 0) FROM upload"
            " WHERE capture_id IS NULL AND device_id = :device"
        ),
        {"device": device, "deferred": MAX_DEFERRED_UNCLAIMED_BYTES},
    ).one()
    more = MAX_DEFERRED_UNCLAIMED_BYTES if length is None else length
    if count >= MAX_UNCLAIMED_UPLOADS or (count and size + more > max_bytes):
        raise UnclaimedFull(f"This device has {count} uploads of {size} bytes that belong to no capture.")


def insert_upload(conn: Connection, device: str, creation: Creation, length: int | None, expires_at: str) -> Upload:
    """A new upload without bytes; one of no length at all is whole. Its file is named like its id."""
    upload_id = new_id("up")
    conn.execute(
        text(
            f"INSERT INTO upload ({_COLUMNS}, created_at) VALUES (:id, :capture, :part, :device, 0, :length,"
            " :staged, :state, :expires, :metadata, :concat, 0, :now)"
        ),
        {
            "id": upload_id,
            "capture": creation.capture,
            "part": creation.part,
            "device": device,
            "length": length,
            "staged": f"{upload_id}{STAGED_SUFFIX}",
            "state": "durable" if length == 0 else "open",
            "expires": expires_at,
            "metadata": creation.metadata,
            "concat": creation.concat,
            "now": now_text(),
        },
    )
    return find_upload(conn, upload_id, device)


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


def set_offset(conn: Connection, upload_id: str, state: UploadState, expires_at: str, fence: int) -> None:
    """Promise an offset. The caller guarantees that these bytes are on disk.

    Raises:
        UploadBusy: somebody with another fence has the upload in hand, or has ended it.
    """
    values = {
        "id": upload_id,
        "offset": state.offset,
        "length": state.length,
        "state": "durable" if state.whole else "open",
        "expires": expires_at,
        "fence": fence,
    }
    if conn.execute(_SET_OFFSET, values).rowcount == 0:
        raise UploadBusy("A newer request has taken over this upload.")


def let_go(conn: Connection, upload_id: str, fence: int) -> None:
    """Nobody has the upload in hand any more, if it was who has this fence."""
    newest = conn.execute(_LET_GO, {"id": upload_id, "fence": fence}).scalar()
    if newest not in (None, fence):
        notify(conn, UPLOADS_FREE)


def waiting_finals(conn: Connection, device: str) -> list[Upload]:
    """The final uploads of a device that are not joined yet."""
    rows = conn.execute(
        text(
            f"SELECT {_COLUMNS} FROM upload WHERE state = 'open' AND device_id = :device AND concat LIKE 'final;%'"
            " ORDER BY created_at"
        ),
        {"device": device},
    )
    return [_upload(row) for row in rows]


def delete_upload(conn: Connection, upload_id: str) -> None:
    """Delete an upload; once this is committed, housekeeping removes its staged file."""
    notify(conn, PARTS_REMOVED)
    conn.execute(text("DELETE FROM upload WHERE id = :id"), {"id": upload_id})


def parts_of(conn: Connection, capture: str) -> dict[str, Upload]:
    """Every upload of a capture, by part name."""
    rows = conn.execute(text(f"SELECT {_COLUMNS} FROM upload WHERE capture_id = :capture"), {"capture": capture})
    return {row.part: _upload(row) for row in rows}


def delete_parts(conn: Connection, capture: str, names: list[str]) -> None:
    """Delete these parts; once this is committed, housekeeping removes their staged files."""
    if names:
        notify(conn, PARTS_REMOVED)
    for name in names:
        conn.execute(
            text("DELETE FROM upload WHERE capture_id = :capture AND part = :part"), {"capture": capture, "part": name}
        )


def expired_uploads(conn: Connection, now: str) -> list[str]:
    """Ids of abandoned uploads, whole ones whose manifest never came included."""
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
