"""Take the body of one POST or PATCH into its staged file: read, write in 1 MiB pieces, promise, verify."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import Request
from starlette.requests import ClientDisconnect

from collector.devices.fleet import check_sending
from collector.ingest.locks import Holder, SenderSilent, UploadBusy
from collector.ingest.manifests import open_when_complete
from collector.ingest.offsets import Upload, set_offset
from collector.ingest.staging_local import LocalStaging, StagedFile
from collector.ingest.tus import Chunk, UploadState, UploadTooLong, begin_chunk
from collector.settings import Settings
from collector.store.blobs import DiskFull
from collector.store.clock import now_text
from collector.store.database import Database
from collector.store.sql import Connection
from wire.errors import GleanerError

PIECE_BYTES = 1 << 20
CHECKPOINT_BYTES = 8 << 20
CHECKPOINT_SECONDS = 1.0
MAX_UNCLAIMED_SECONDS = 86400


class SenderGone(GleanerError):
    """The connection ended inside a chunk; nobody reads this answer."""

    code = "sender-gone"
    status = 400
    retryable = True
    hint = "Ask for the offset with HEAD and resume there."


@dataclass
class Receiver:
    """What receiving needs from the house."""

    db: Database
    staging: LocalStaging
    settings: Settings

    def expiry(self, capture: str | None) -> str:
        """When an upload without news is removed; one that belongs to no capture is after a day at most."""
        seconds = self.settings.upload_expires_seconds
        return now_text(seconds if capture is not None else min(seconds, MAX_UNCLAIMED_SECONDS))

    async def receive(self, request: Request, holder: Holder, upload: Upload, chunk: Chunk) -> UploadState:
        """Receive one chunk; the caller holds the upload's lock. Returns the state that may be promised.

        An interrupted chunk keeps what arrived, unless it came with a checksum: then all of it or nothing counts.

        Raises:
            OffsetMismatch, LengthConflict, UploadTooLong, ChecksumMismatch, DiskFull, UploadBusy, SenderSilent,
            DeviceRevoked.
        """
        file = await self.staging.open(upload.staged, upload.state.offset)
        try:
            limit = upload.max_bytes(self.settings.max_upload_bytes)
            state = begin_chunk(UploadState(file.durable, upload.state.length), chunk, limit)
            try:
                await self._take_in(request, holder, upload, chunk, state, file)
                await file.verify(chunk.checksum)
            except (ClientDisconnect, UploadBusy, SenderSilent) as interruption:
                if chunk.checksum is not None:
                    await file.discard()
                await self._promise(upload, file, state.length)
                if isinstance(interruption, ClientDisconnect):
                    raise SenderGone("The connection ended inside the chunk.") from interruption
                raise
            except (DiskFull, UploadTooLong):
                await file.discard()
                raise
            return await self._promise(upload, file, state.length)
        finally:
            await file.close()

    async def _take_in(
        self, request: Request, holder: Holder, upload: Upload, chunk: Chunk, state: UploadState, file: StagedFile
    ) -> None:
        limit = upload.max_bytes(self.settings.max_upload_bytes) if state.length is None else state.length
        waiting: list[bytes] = []
        size = 0
        arrived = state.offset
        promised_at = time.monotonic()
        stream = aiter(request.stream())
        try:
            while (piece := await self._next_piece(stream, holder)) is not None:
                arrived += len(piece)
                if arrived > limit:
                    raise UploadTooLong(f"More bytes came than the upload's {limit}.")
                waiting.append(piece)
                size += len(piece)
                due = time.monotonic() - promised_at > CHECKPOINT_SECONDS and chunk.checksum is None
                if size >= PIECE_BYTES or due:
                    await file.write(waiting, chunk.checksum)
                    waiting, size = [], 0
                if chunk.checksum is None and (due or file.written - file.durable >= CHECKPOINT_BYTES):
                    await self._promise(upload, file, state.length)
                    promised_at = time.monotonic()
        except (ClientDisconnect, UploadBusy, SenderSilent):
            if chunk.checksum is None:
                await file.write(waiting, None)
            raise
        await file.write(waiting, chunk.checksum)

    async def _next_piece(self, stream: AsyncIterator[bytes], holder: Holder) -> bytes | None:
        return await holder.wait_for(anext(stream, None), self.settings.upload_idle_seconds)

    async def _promise(self, upload: Upload, file: StagedFile, length: int | None) -> UploadState:
        """On disk first, then in the row, then said."""
        offset = await file.sync() if file.written != file.durable else file.durable
        state = UploadState(offset, length)
        if state == upload.state and not state.whole:
            return state
        expires = self.expiry(upload.capture)

        def save_state(conn: Connection) -> None:
            check_sending(conn, upload.id)
            set_offset(conn, upload.id, state, expires)
            if state.whole and upload.capture is not None:
                open_when_complete(conn, upload.capture)

        await self.db.write(save_state)
        return state
