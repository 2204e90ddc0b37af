"""`/api/uploads` (tus), manifests and receipts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from collector.http.bodies import body_schema, read_body
from collector.ingest import tus
from collector.ingest.concat import create_final, join, join_waiting
from collector.ingest.locks import UploadLocks
from collector.ingest.manifests import (
    CaptureConflict,
    CaptureMismatch,
    check_amount,
    open_when_complete,
    receipt_state,
    save_manifest,
)
from collector.ingest.offsets import Upload, create_upload, delete_upload, find_upload
from collector.ingest.receive import Receiver
from collector.people.peers import base_url
from collector.people.policy import Anyone, JoinedDevice, PolicyRoute
from collector.services import Db, services_of
from collector.store.sql import Connection, text
from wire.capture import CaptureManifest
from wire.device import Receipt
from wire.errors import GleanerError

router = APIRouter(tags=["uploads"], route_class=PolicyRoute)


class UploadFinal(GleanerError):
    """An upload whose capture is closed is not terminated any more."""

    code = "upload-final"
    status = 409
    hint = "The capture has its manifest; taking it back is a withdrawal."


class UploadsElsewhere(GleanerError):
    """This process serves people alone."""

    code = "uploads-elsewhere"
    status = 503
    hint = "Send uploads to the collector of this database that was not started with review_only."


async def _receiver(request: Request) -> Receiver:
    services = services_of(request)
    if services.settings.review_only:
        raise UploadsElsewhere("This collector takes no uploads.")
    return services.get(Receiver)


async def _locks(request: Request) -> UploadLocks:
    return services_of(request).get(UploadLocks)


Receiving = Annotated[Receiver, Depends(_receiver)]
Locks = Annotated[UploadLocks, Depends(_locks)]


def _header(name: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "schema": schema}


_BYTES = {"type": "integer", "minimum": 0}
_VERSION = _header("Tus-Resumable", {"type": "string", "enum": [tus.VERSION]}, required=True)
_CHECKSUM = _header("Upload-Checksum", {"type": "string", "description": "algorithm, a space, base64"})
_LENGTH = _header("Upload-Length", _BYTES)
_TEXT = {"type": "string"}
# What tus puts into headers, for OpenAPI; tus.py reads them. The body's type is one that OpenAPI tools cannot send.
ASKED = {"parameters": [_VERSION]}
CREATION = {
    "parameters": [
        _VERSION, _LENGTH, _header("Upload-Defer-Length", {"type": "string", "enum": ["1"]}),
        _header("Upload-Metadata", _TEXT), _header("Upload-Concat", _TEXT), _CHECKSUM,
    ],
}  # fmt: skip
CHUNK = {
    "parameters": [_VERSION, _header("Upload-Offset", _BYTES, required=True), _LENGTH, _CHECKSUM],
}


@router.options("/api/uploads", status_code=204, dependencies=[Anyone])
async def options(receiver: Receiving) -> Response:
    """What of tus is spoken here; also the answer to the preflight request of a browser."""
    return Response(status_code=204, headers=tus.option_headers(receiver.settings.max_upload_bytes))


@router.options("/api/uploads/{upload}", status_code=204, dependencies=[Anyone])
async def upload_options(upload: str, receiver: Receiving) -> Response:
    """The same for every upload, there or not."""
    return await options(receiver)


@router.post("/api/uploads", status_code=201, openapi_extra=CREATION)
async def create(request: Request, device: JoinedDevice, receiver: Receiving, locks: Locks) -> Response:
    """Create an upload, with its first bytes if they come along. The same (capture, part) again finds the same one."""
    creation = tus.parse_creation(request.headers, receiver.settings.max_upload_bytes)
    if creation.partials:
        return _created(request, await create_final(receiver, locks, device.id, creation))
    expires = receiver.expiry(creation.capture)

    def make(conn: Connection) -> tuple[Upload, bool]:
        limit = receiver.settings.max_upload_bytes
        upload, is_new = create_upload(conn, device.id, creation, expires, limit)
        if upload.durable and upload.capture is not None:
            open_when_complete(conn, upload.capture)
        return upload, is_new

    upload, is_new = await receiver.db.write(make)
    state = upload.state
    if is_new and creation.has_body and not upload.durable:
        chunk = tus.Chunk(0, None, _content_length(request), creation.checksum)
        async with locks.hold(upload.id) as holder:
            fence = holder.fence_for(upload)
            file = await receiver.staging.open(upload.staged, upload.state.offset, fence)
            state = await receiver.receive(request, holder, upload, chunk, file)
    elif not is_new:
        state = (await _true_upload(receiver, locks, upload.id, device.id)).state
    await _join_when_whole(receiver, locks, device.id, upload, state)
    return _created(request, replace(upload, state=state, expires_at=expires))


async def _join_when_whole(
    receiver: Receiver, locks: UploadLocks, device: str, upload: Upload, state: tus.UploadState
) -> None:
    if upload.concat == tus.PARTIAL and state.whole:
        await join_waiting(receiver, locks, device, upload.id)


def _created(request: Request, upload: Upload) -> Response:
    location = f"{base_url(request, services_of(request).settings)}{tus.UPLOADS}/{upload.id}"
    headers = tus.answer_headers(upload.state, upload.expires_at, concat=upload.concat) | {"Location": location}
    return Response(status_code=201, headers=headers)


def _content_length(request: Request) -> int | None:
    text = request.headers.get("content-length", "")
    return int(text) if text.isdecimal() else None


@router.head("/api/uploads/{upload}", openapi_extra=ASKED)
async def offset(upload: str, request: Request, device: JoinedDevice, receiver: Receiving, locks: Locks) -> Response:
    """The offset of bytes that are on disk. A sender that is still at it keeps what arrived, then leaves."""
    tus.check_version(request.headers)
    found = await _true_upload(receiver, locks, upload, device.id)
    if found.is_final:
        found = await join(receiver, locks, device.id, found)
    headers = tus.answer_headers(found.state, found.expires_at, found.metadata, found.concat)
    return Response(status_code=200, headers=headers)


@router.patch("/api/uploads/{upload}", status_code=204, openapi_extra=CHUNK)
async def patch(upload: str, request: Request, device: JoinedDevice, receiver: Receiving, locks: Locks) -> Response:
    chunk = tus.parse_chunk(request.headers)
    async with locks.hold(upload) as holder:
        found, file = await receiver.open(upload, device.id)
        if file is None:
            # An empty chunk at the end is how a client makes sure; anything else does not fit any more.
            state = tus.begin_chunk(found.state, chunk, receiver.settings.max_upload_bytes)
        else:
            state = await receiver.receive(request, holder, found, chunk, file)
    await _join_when_whole(receiver, locks, device.id, found, state)
    return Response(status_code=204, headers=tus.answer_headers(state, receiver.expiry(found.capture)))


@router.delete("/api/uploads/{upload}", status_code=204, openapi_extra=ASKED)
async def terminate(upload: str, request: Request, device: JoinedDevice, receiver: Receiving, locks: Locks) -> Response:
    tus.check_version(request.headers)
    async with locks.hold(upload):

        def delete_row(conn: Connection) -> str:
            found = find_upload(conn, upload, device.id)
            is_closed = text("SELECT 1 FROM capture WHERE id = :id")
            if found.capture is not None and conn.execute(is_closed, {"id": found.capture}).first():
                raise UploadFinal(f"The capture {found.capture} is closed.")
            delete_upload(conn, upload)
            return found.staged

        staged = await receiver.db.write(delete_row)
        if not receiver.staging.in_pieces:  # these go with their rows (housekeeping.py)
            await receiver.staging.remove([staged])
    return Response(status_code=204)


async def _true_upload(receiver: Receiver, locks: UploadLocks, upload: str, device: str) -> Upload:
    """With the offset of bytes that are really there, after whoever was writing has left."""
    async with locks.hold(upload, to_read=True):
        found = await receiver.db.read(lambda conn: receiver.found(conn, upload, device))
        if found.durable or found.is_final:
            return found
        offset = await receiver.staging.true_offset(found.staged, found.state.offset)
        return replace(found, state=tus.UploadState(offset, found.state.length))


@router.put("/api/captures/{capture}/manifest", status_code=202, openapi_extra=body_schema(CaptureManifest))
async def put_manifest(capture: str, request: Request, device: JoinedDevice, db: Db) -> JSONResponse:
    """Close a capture. The same bytes again: 202; other bytes: 409 `capture-conflict`, both kept."""
    raw = await read_body(request)
    manifest = await asyncio.to_thread(CaptureManifest.read, raw)
    if manifest.capture != capture:
        raise CaptureMismatch(f"The manifest is of {manifest.capture}, the address of {capture[:64]}.")
    if manifest.device != device.id:
        raise CaptureMismatch(f"The manifest is of the device {manifest.device}, the token of {device.id}.")
    check_amount(manifest)
    conflict = await db.write(lambda conn: save_manifest(conn, device.id, manifest, raw))
    if conflict is not None:
        raise CaptureConflict(conflict)
    return JSONResponse({"state": "pending"}, status_code=202)


@router.get("/api/captures/{capture}/receipt", response_model=Receipt, responses={202: {"description": "pending"}})
async def get_receipt(capture: str, device: JoinedDevice, db: Db) -> Response:
    """200 the receipt · 202 pending · 409 `parts-missing` with what to send again."""
    body = await db.read(lambda conn: receipt_state(conn, device.id, capture))
    if body is None:
        return JSONResponse({"state": "pending"}, status_code=202, headers={"Retry-After": "1"})
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
