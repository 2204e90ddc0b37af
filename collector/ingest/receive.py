"""Take the body of one POST or PATCH into its staged file: read while a thread writes and hashes, verify, promise."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from collector.devices.fleet import check_sending
from collector.ingest.locks import Holder, SenderSilent
from collector.ingest.manifests import open_when_complete
from collector.ingest.offsets import Upload, UploadBusy, find_upload, let_go, set_offset
from collector.ingest.pieces import add_pieces, end_of_pieces
from collector.ingest.tus import Chunk, ConcatFinal, UploadState, UploadTooLong, begin_chunk
from collector.settings import Settings
from collector.store.blobs import DiskFull
from collector.store.clock import now_text
from collector.store.database import Database
from collector.store.read_only import require_writable
from collector.store.sql import Connection
from collector.store.staging import StagedFile, Staging, UploadPiece
from wire.errors import GleanerError

CHECKPOINT_BYTES = 8 << 20
MAX_UNCLAIMED_SECONDS = 86400


class SenderGone(GleanerError):
    """The connection ended inside a chunk; nobody reads this answer."""

    code = "sender-gone"
    status = 400
    retryable = True
    hint = "Ask for the offset with HEAD and resume there."


class Body:
    """The body of one request, in batches: `read` gathers about `batch_bytes()`, `take` hands them over."""

    def __init__(
        self, receive: Receive, holder: Holder, idle_seconds: float, room: int, batch_bytes: Callable[[], int]
    ) -> None:
        self._receive, self._holder, self._idle_seconds, self._room = receive, holder, idle_seconds, room
        self._batch_bytes = batch_bytes
        self._pieces: list[bytes] = []
        self.size = 0

    async def read(self, due: float = math.inf) -> bool:
        """Whether there is more to come once this batch is taken. A piece that comes after `due` ends the batch.

        Raises:
            ClientDisconnect, UploadBusy, SenderSilent: what arrived before can still be taken.
            UploadTooLong: more came than there is room for.
        """
        enough = self.size + self._batch_bytes()
        while True:
            message = await self._holder.wait_for(self._receive(), self._idle_seconds)
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            if piece := message.get("body", b""):
                self.size += len(piece)
                if self.size > self._room:
                    raise UploadTooLong(f"More bytes came than the {self._room} that the upload had room for.")
                self._pieces.append(piece)
            if not message.get("more_body", False):
                return False
            if self.size >= enough or time.monotonic() >= due:
                return True

    def take(self) -> list[bytes]:
        pieces, self._pieces = self._pieces, []
        return pieces


@dataclass
class Receiver:
    """What receiving an upload needs."""

    db: Database
    staging: Staging
    settings: Settings

    def expiry(self, capture: str | None) -> str:
        """When an upload without news is removed; one that belongs to no capture is after a day at most."""
        seconds = self.settings.upload_expires_seconds
        return now_text(seconds if capture is not None else min(seconds, MAX_UNCLAIMED_SECONDS))

    def found(self, conn: Connection, upload: str, device: str) -> Upload:
        """The upload; where staging is in pieces, with the offset that they reach. Raises UploadUnknown."""
        found = find_upload(conn, upload, device)
        if found.durable or not self.staging.in_pieces:
            return found
        offset = min(found.state.offset, end_of_pieces(conn, upload))
        return replace(found, state=UploadState(offset, found.state.length))

    async def open(self, upload: str, device: str) -> tuple[Upload, StagedFile | None]:
        """The upload and its file, None when no byte of it is missing. The caller holds the upload's lock.

        Raises:
            UploadUnknown, ConcatFinal, DiskFull, DataReadOnly.
        """
        return await self.staging.run(lambda: self._open_now(upload, device))

    def _open_now(self, upload: str, device: str) -> tuple[Upload, StagedFile | None]:
        def find(conn: Connection) -> Upload:
            require_writable(conn)  # before the bytes, not after them
            return self.found(conn, upload, device)

        found = self.db.read_sync(find)
        if found.is_final:
            raise ConcatFinal(f"The upload {found.id} was joined from partial ones.")
        file = None if found.durable else self.staging.open_now(found.staged, found.state.offset, found.fence)
        return found, file

    async def receive(
        self, request: Request, holder: Holder, upload: Upload, chunk: Chunk, file: StagedFile
    ) -> UploadState:
        """Receive one chunk; the caller holds the upload's lock. Returns the state that may be promised.

        An interrupted chunk keeps what arrived, unless it came with a checksum: then all of it or nothing counts.

        Raises:
            OffsetMismatch, LengthConflict, UploadTooLong, ChecksumMismatch, DiskFull, UploadBusy, SenderSilent,
            DeviceRevoked.
        """
        try:
            limit = upload.max_bytes(self.settings.max_upload_bytes)
            state = begin_chunk(UploadState(file.durable, upload.state.length), chunk, limit)
            room = (limit if state.length is None else state.length) - state.offset
            idle, batch = self.settings.upload_idle_seconds, self.staging.batch_bytes
            body = Body(request.receive, holder, idle, room, batch)
            row = _Row(self, holder, upload, state.length)
            file.expect(chunk.content_length or 0)
            try:
                await self._take_in(body, chunk, file, row)
            except (ClientDisconnect, UploadBusy, SenderSilent) as interruption:
                await self._save_interrupted(body, chunk, file, row)
                if isinstance(interruption, ClientDisconnect):
                    raise SenderGone("The connection ended inside the chunk.") from interruption
                raise
            except (DiskFull, UploadTooLong):
                await file.discard()
                raise
            return UploadState(file.durable, state.length)
        finally:
            await file.close()

    async def _take_in(self, body: Body, chunk: Chunk, file: StagedFile, row: _Row) -> None:
        """The whole body onto the disk, and what came without a checksum promised on the way."""
        start = file.durable
        seconds = self.staging.checkpoint_seconds
        due = math.inf if chunk.checksum is not None else time.monotonic() + seconds
        while await body.read(due):
            await file.write(body.take(), chunk.checksum)
            is_due = time.monotonic() >= due or start + body.size - file.durable >= CHECKPOINT_BYTES
            if chunk.checksum is None and is_due:
                await file.sync(row.promise)
                due = time.monotonic() + seconds
        await file.finish(body.take(), chunk.checksum, row.promise_last)

    async def _save_interrupted(self, body: Body, chunk: Chunk, file: StagedFile, row: _Row) -> None:
        """What arrived of an interrupted chunk: all of it, or nothing when it came with a checksum."""
        try:
            if chunk.checksum is not None:
                await file.discard()
            await file.finish([] if chunk.checksum is not None else body.take(), None, row.promise_last)
        except DiskFull:
            await file.discard()
            raise


@dataclass(frozen=True)
class _Row:
    """The row of an upload that a request has in hand. On disk first, then in the row, then said."""

    receiver: Receiver
    holder: Holder
    upload: Upload
    length: int | None

    def promise(self, offset: int, pieces: Sequence[UploadPiece]) -> None:
        """Promise bytes that are durable. Called in a thread of the staging. Raises DeviceRevoked, UploadBusy."""
        self._save(offset, pieces, is_last=False)

    def promise_last(self, offset: int, pieces: Sequence[UploadPiece]) -> None:
        """The same, and let the upload go: nothing more is done to it."""
        self._save(offset, pieces, is_last=self.holder.fence is not None)

    def _save(self, offset: int, pieces: Sequence[UploadPiece], *, is_last: bool) -> None:
        upload, state = self.upload, UploadState(offset, self.length)
        if state == upload.state and not state.whole:
            return
        expires = self.receiver.expiry(upload.capture)
        fence = self.holder.fence_for(upload)

        def save_state(conn: Connection) -> None:
            check_sending(conn, upload.id)
            set_offset(conn, upload.id, state, expires, fence)
            add_pieces(conn, upload.id, pieces)
            if is_last:
                let_go(conn, upload.id, fence)
            if state.whole and upload.capture is not None:
                open_when_complete(conn, upload.capture)

        self.receiver.db.write_sync(save_state)
        if is_last:
            self.holder.fence = None
