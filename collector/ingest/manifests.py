"""Manifests: the bytes as received and the rows parsed from them; the moment when a capture can be opened."""

from __future__ import annotations

from typing import Any

from collector.catalogue.capture_list import BadReason
from collector.catalogue.captures import CaptureUnknown
from collector.ingest.offsets import delete_parts, parts_of
from collector.jobs.queue import enqueue
from collector.store.clock import now_text
from collector.store.sql import Connection, text
from wire.base import format_utc
from wire.canonical import sha256_hex
from wire.capture import CaptureManifest
from wire.errors import BadDocument, GleanerError

OPEN = "open"
# A recording has its media, a frame table, its masks, and one document per model.
MAX_PARTS = 100
MAX_SHORT_BYTES = 4 * 2**20
MAX_SHORT_US = 60_000_000
_RECEIVE_AGAIN = text("UPDATE capture SET state = 'received', bad_reason = NULL, problem = NULL WHERE id = :id")
_WHY_BAD: dict[BadReason, str] = {
    "unreadable": "cannot be read",
    "infected": "was set aside",
    "given-up": "could not be opened",
}


class CaptureConflict(GleanerError):
    """The same capture came with another manifest; both are kept, the first one rules."""

    code = "capture-conflict"
    status = 409
    hint = "Keep the capture on the device; a lead reads both manifests at /api/manifest-conflicts."


class CaptureMismatch(GleanerError):
    """A manifest that belongs elsewhere: another capture in the address, another device in the document."""

    code = "capture-mismatch"
    status = 403
    hint = "The address, the manifest and the token must name the same capture and device."


class PartsMissing(GleanerError):
    """`facts["parts"]` names what the device has to send (again), at most `MAX_PARTS` at once."""

    code = "parts-missing"
    status = 409
    retryable = True
    hint = "Send these parts to /api/uploads; the manifest need not be sent again."


class CaptureUnreadable(GleanerError):
    """Every byte arrived as sent; it cannot be read, or the virus scanner set it aside. The device keeps it."""

    code = "capture-unreadable"
    status = 409
    hint = "Keep the capture on the device; sending its manifest again makes the collector try once more."


def check_amount(manifest: CaptureManifest) -> None:
    """Raises BadDocument: its receipt, and every answer on the way there, would be longer than anybody needs."""
    if len(manifest.parts) > MAX_PARTS:
        raise BadDocument(f"The CaptureManifest names {len(manifest.parts)} parts; the limit is {MAX_PARTS}.")


def save_manifest(conn: Connection, device: str, manifest: CaptureManifest, raw: bytes) -> str | None:
    """Save a manifest. Returns None, or the sentence of a conflict: then the new one is set aside.

    The conflict is returned and not raised, because raising would roll back the row that records it.
    """
    digest = sha256_hex(raw)
    row = conn.execute(
        text("SELECT manifest_sha256, device_id, state FROM capture WHERE id = :id"), {"id": manifest.capture}
    ).one_or_none()
    if row is None:
        _check_uploads_owner(conn, manifest.capture, device)
        _insert(conn, device, manifest, raw, digest)
        open_when_complete(conn, manifest.capture)
        return None
    if row.device_id == device and row.manifest_sha256 == digest:
        if row.state == "bad":
            conn.execute(_RECEIVE_AGAIN, {"id": manifest.capture})
            open_when_complete(conn, manifest.capture)
        return None
    conn.execute(
        text(
            "INSERT INTO manifest_conflict (capture_id, device_id, manifest, manifest_sha256, received_at)"
            " VALUES (:capture, :device, :manifest, :digest, :now) ON CONFLICT DO NOTHING"
        ),
        {
            "capture": manifest.capture,
            "device": device,
            "manifest": raw.decode(),
            "digest": digest,
            "now": now_text(),
        },
    )
    return f"The capture {manifest.capture} came with another manifest before."


def _check_uploads_owner(conn: Connection, capture: str, device: str) -> None:
    other = conn.execute(
        text("SELECT 1 FROM upload WHERE capture_id = :capture AND device_id != :device LIMIT 1"),
        {"capture": capture, "device": device},
    ).first()
    if other is not None:
        raise CaptureMismatch(f"The bytes of {capture} came from another device.")


def _insert(conn: Connection, device: str, manifest: CaptureManifest, raw: bytes, digest: str) -> None:
    values: dict[str, Any] = {
        "id": manifest.capture,
        "take_id": manifest.take,
        "session_id": manifest.session,
        "device_id": device,
        "medium": manifest.medium,
        "sensor": manifest.sensor,
        "step": manifest.step,
        "attempt": manifest.attempt,
        "consent": manifest.consent,
        "complete": manifest.complete,
        "state": "received",
        "manifest": raw.decode(),
        "manifest_sha256": digest,
        "sha256": manifest.sha256,
        "bytes": manifest.bytes,
        "duration_us": manifest.duration_us,
        "frames": manifest.frames,
        "opened_us": manifest.opened_us,
        "wall_at": format_utc(manifest.wall.at),
        "received_at": now_text(),
    }
    columns = ", ".join(values)
    conn.execute(text(f"INSERT INTO capture ({columns}) VALUES ({', '.join(':' + name for name in values)})"), values)


def is_short(manifest: CaptureManifest) -> bool:
    """Whether opening and deriving this capture takes seconds at most, by what its manifest says."""
    size = sum(part.sealed_bytes for part in manifest.parts)
    return size <= MAX_SHORT_BYTES and (manifest.duration_us or 0) <= MAX_SHORT_US


def missing_parts(conn: Connection, manifest: CaptureManifest) -> list[str]:
    """Parts the manifest names of which not every byte is here."""
    uploads = parts_of(conn, manifest.capture)
    return [part.name for part in manifest.parts if part.name not in uploads or not uploads[part.name].durable]


def open_when_complete(conn: Connection, capture: str) -> None:
    """Called whenever a part became whole or a manifest came: hands the capture on when nothing is missing.

    A part that is whole and has another size than its manifest says is removed, so that the device sends it again.
    """
    row = conn.execute(
        text("SELECT manifest FROM capture WHERE id = :id AND state = 'received'"), {"id": capture}
    ).one_or_none()
    if row is None:
        return
    manifest = CaptureManifest.read(row.manifest)
    uploads = parts_of(conn, capture)
    wrong = [
        part.name
        for part in manifest.parts
        if part.name in uploads and uploads[part.name].durable and uploads[part.name].state.length != part.sealed_bytes
    ]
    delete_parts(conn, capture, wrong)
    if not missing_parts(conn, manifest):
        enqueue(conn, OPEN, capture, short=is_short(manifest))


def receipt_state(conn: Connection, device: str, capture: str) -> str | None:
    """The receipt's JSON text, or None while it is pending.

    Raises:
        CaptureUnknown, PartsMissing, CaptureUnreadable.
    """
    row = conn.execute(
        text(
            "SELECT capture.bad_reason, capture.manifest, capture.problem, receipt.body FROM capture"
            " LEFT JOIN receipt ON receipt.capture_id = capture.id"
            " WHERE capture.id = :id AND capture.device_id = :device"
        ),
        {"id": capture, "device": device},
    ).one_or_none()
    if row is None:
        raise CaptureUnknown(f"There is no capture {capture} of this device here.")
    if row.body is not None:
        body: str = row.body
        return body
    if row.bad_reason is not None:
        raise CaptureUnreadable(f"The capture {capture} {_WHY_BAD[row.bad_reason]}: {row.problem}")
    parts = missing_parts(conn, CaptureManifest.read(row.manifest))[:MAX_PARTS]
    if parts:
        raise PartsMissing(f"{capture} is missing parts: {', '.join(parts)}.", parts=parts)
    return None
