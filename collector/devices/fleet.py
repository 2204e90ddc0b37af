"""The devices that joined: who they are, when they were last in contact, and revoking their tokens."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from collector.people.policy import DeviceRevoked
from collector.people.sign_ins import credentials_changed
from collector.store.clock import now_text
from collector.store.dialects import json_member
from collector.store.sql import Connection, text
from collector.studies.scope import EVERYTHING, Scope, within, within_session
from wire.base import Id, WireModel
from wire.errors import GleanerError

DeviceName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")
]


class DeviceUnknown(GleanerError):
    code = "device-unknown"
    status = 404
    hint = "`gleaner collector device list` shows the devices that joined."


class DeviceRow(WireModel):
    """A device as leads see it. What it said of itself comes from its last heartbeat, null before the first.

    `captures_waiting`, `bytes_waiting`: on the device, not confirmed yet; `free_bytes`: of its disk.
    """

    id: Id
    name: str
    model: str
    joined_at: str
    revoked_at: str | None
    last_seen_at: str | None
    agent_version: str | None
    state: str | None
    session: str | None
    captures_waiting: int | None
    bytes_waiting: int | None
    free_bytes: int | None


class DeviceRows(WireModel):
    devices: list[DeviceRow]


class NewName(WireModel):
    name: DeviceName = Field(description="How people call the device, 1 to 100 characters")


def list_devices(conn: Connection, scope: Scope = EVERYTHING) -> DeviceRows:
    """Every device, the newest first. A limited person sees those that record for their studies, or for none yet."""
    rows = conn.execute(text(f"{_SELECT} ORDER BY joined_at DESC, id"), scope.values).mappings()
    return DeviceRows(devices=[_row(row) for row in rows])


def revoke(conn: Connection, device: str, scope: Scope = EVERYTHING) -> DeviceRow:
    """Its token opens nothing from now on; what it sent stays. Revoking twice changes nothing. Raises DeviceUnknown."""
    find(conn, device, scope)
    conn.execute(
        text("UPDATE device SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL"),
        {"now": now_text(), "id": device},
    )
    credentials_changed(conn)
    return find(conn, device, scope)


def check_sending(conn: Connection, upload: str) -> None:
    """In the middle of an upload: raises DeviceRevoked when its device was revoked since it began."""
    name = conn.execute(_REVOKED_SENDER, {"upload": upload}).scalar()
    if name is not None:
        raise DeviceRevoked(f"The access of the device {name} was revoked.")


def rename(conn: Connection, device: str, asked: NewName, scope: Scope = EVERYTHING) -> DeviceRow:
    """Raises DeviceUnknown."""
    find(conn, device, scope)
    conn.execute(text("UPDATE device SET name = :name WHERE id = :id"), {"name": asked.name, "id": device})
    return find(conn, device, scope)


def find(conn: Connection, device: str, scope: Scope = EVERYTHING) -> DeviceRow:
    """Raises DeviceUnknown."""
    rows = list(conn.execute(text(f"{_SELECT} AND id = :id"), {"id": device, **scope.values}).mappings())
    if not rows:
        raise DeviceUnknown(f"No device {device} has joined here.")
    return _row(rows[0])


_REVOKED_SENDER = text(
    "SELECT device.name FROM upload JOIN device ON device.id = upload.device_id"
    " WHERE upload.id = :upload AND device.revoked_at IS NOT NULL"
)
_SESSION = json_member("heartbeat", "session")
_SELECT = (
    "SELECT id, name, model, joined_at, revoked_at, last_seen_at, heartbeat,"
    f" {within_session(_SESSION)} AS session_seen FROM device WHERE (:studies IS NULL"
    " OR NOT EXISTS (SELECT 1 FROM session WHERE device_id = device.id)"
    f" OR EXISTS (SELECT 1 FROM session WHERE device_id = device.id AND {within('study')}))"
)


def _row(row: dict[str, Any]) -> DeviceRow:
    beat = json.loads(row.pop("heartbeat") or "{}")
    is_seen = row.pop("session_seen")
    backlog = beat.get("backlog", {})
    return DeviceRow(
        **row,
        agent_version=beat.get("agent_version"),
        state=beat.get("state"),
        session=beat.get("session") if is_seen else None,
        captures_waiting=backlog.get("captures"),
        bytes_waiting=backlog.get("bytes"),
        free_bytes=backlog.get("free_bytes"),
    )
