"""Captures as the API shows them, and their documents."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Literal

from pydantic_core import from_json

from collector.catalogue.derived import Derived, DerivedKind, find_derived
from collector.store.sql import Connection, Row, text
from wire.base import Id, WireModel
from wire.capture import (
    CaptureFormat,
    DeviceFacts,
    Medium,
    Redacted,
    SensorSettings,
    device_time_us,
)
from wire.errors import GleanerError
from wire.labels import LabelsDocument


class CaptureUnknown(GleanerError):
    """No capture has this id, or it belongs to another device."""

    code = "capture-unknown"
    status = 404
    hint = "Check the id. A device makes a capture known with PUT /api/captures/{id}/manifest."


def capture_unknown(capture: str) -> CaptureUnknown:
    return CaptureUnknown(f"There is no capture {capture[:64]} here.")


class NotMade(GleanerError):
    """A capture has no such derived medium, or not yet."""

    code = "not-made"
    status = 404
    retryable = True
    hint = "Frames are of video, peaks of sound; what browsers play is made within seconds of the receipt."


class CaptureView(WireModel):
    """A capture for the page. `take_offset_us`: take time of media time 0 (contracts.md, Time).

    `redaction`: what the device masked before it wrote, null when nothing was to be masked; its numbers are null when
    the device was stopped while it recorded. `redaction_url` has where and when, as a MaskRecord. `device_facts` and
    `sensor_settings`: of the manifest, null where they were not recorded.
    """

    id: Id
    medium: Medium
    sensor: str
    role: Literal["labelled", "beside"]
    format: CaptureFormat
    duration_us: int | None
    frames: int | None
    opened_us: int
    take_offset_us: int
    complete: bool
    redaction: Redacted | None = None
    device_facts: DeviceFacts | None = None
    sensor_settings: SensorSettings | None = None
    media_url: str
    frames_url: str | None
    peaks_url: str | None
    redaction_url: str | None = None


class LabelsReply(WireModel):
    documents: list[LabelsDocument]


# The columns of `capture` and `take` that `view_of` needs.
VIEW_COLUMNS = (
    "capture.id, capture.manifest, capture.duration_us, capture.frames, capture.opened_us,"
    " take.opened_us AS take_opened_us"
)
# Members of a manifest that a view shows as they are; those of newer schemas may be missing.
_OF_MANIFEST = ("medium", "sensor", "format", "complete", "redaction", "device_facts", "sensor_settings")
_VIEW = text(f"SELECT {VIEW_COLUMNS} FROM capture LEFT JOIN take ON take.id = capture.take_id WHERE capture.id = :id")


def capture_view(conn: Connection, capture: str) -> CaptureView:
    """Raises CaptureUnknown."""
    row = conn.execute(_VIEW, {"id": capture}).one_or_none()
    if row is None:
        raise capture_unknown(capture)
    return view_of(row, "labelled")


def view_of(row: Row, role: Literal["labelled", "beside"]) -> CaptureView:
    """From a row with VIEW_COLUMNS."""
    manifest = _manifest(row.manifest)
    take_opened_us = manifest["opened_us"] if row.take_opened_us is None else row.take_opened_us
    base = f"/api/captures/{row.id}"
    return CaptureView(
        **{name: manifest[name] for name in _OF_MANIFEST if name in manifest},
        # The row has what opening it found.
        id=row.id,
        duration_us=row.duration_us,
        frames=row.frames,
        opened_us=row.opened_us,
        role=role,
        take_offset_us=device_time_us(manifest["clock_map"], 0) - take_opened_us,
        media_url=f"{base}/media",
        frames_url=f"{base}/frames" if manifest["medium"] == "video" else None,
        peaks_url=f"{base}/peaks" if manifest["medium"] == "audio" else None,
        redaction_url=f"{base}/redaction" if any(part["name"] == "redaction" for part in manifest["parts"]) else None,
    )


@lru_cache(maxsize=256)
def _manifest(text: str) -> dict[str, Any]:
    """The members of a manifest, which was checked when it came: read once while its task is worked on."""
    members: dict[str, Any] = from_json(text)
    return members


def derived_of(conn: Connection, capture: str, kind: DerivedKind) -> Derived:
    """Raises CaptureUnknown, NotMade."""
    found = find_derived(conn, capture, kind)
    if found is not None:
        return found
    row = conn.execute(text("SELECT state FROM capture WHERE id = :id"), {"id": capture}).one_or_none()
    if row is None:
        raise capture_unknown(capture)
    raise NotMade(f"The capture {capture} has no {kind} (it is {row.state}).")


def capture_labels(conn: Connection, capture: str) -> list[dict[str, Any]]:
    """The labels documents of every source, in the order they came. Raises CaptureUnknown."""
    if conn.execute(text("SELECT 1 FROM capture WHERE id = :id"), {"id": capture}).first() is None:
        raise capture_unknown(capture)
    rows = conn.execute(text("SELECT body FROM labels_document WHERE capture_id = :id ORDER BY id"), {"id": capture})
    return [json.loads(row.body) for row in rows]
