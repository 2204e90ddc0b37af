"""Join partial uploads to a final one (tus, concatenation and concatenation-unfinished).

A final upload is a row that waits until its partial uploads are whole. Then their bytes are copied into its own file
(where staging is in pieces, their pieces become its own), and one transaction makes it whole and removes the partial
ones. A crash before that commit costs a copy and nothing else: the next one who asks for the final upload has it
joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

from collector.ingest.locks import UploadLocks
from collector.ingest.manifests import open_when_complete
from collector.ingest.offsets import (
    Upload,
    UploadUnknown,
    delete_upload,
    find_claimed,
    find_upload,
    insert_upload,
    require_unclaimed_space,
    set_offset,
    waiting_finals,
)
from collector.ingest.pieces import join_pieces
from collector.ingest.receive import Receiver
from collector.ingest.tus import PARTIAL, ConcatInvalid, Creation, LengthConflict, UploadState, check_size, partial_ids
from collector.store.sql import Connection


async def create_final(receiver: Receiver, locks: UploadLocks, device: str, creation: Creation) -> Upload:
    """The final upload, joined if its partial uploads are whole. The same creation again finds the same one.

    Raises:
        UploadUnknown, ConcatInvalid, LengthConflict, UploadTooLong, CaptureTaken, UnclaimedFull, and what `join` does.
    """
    max_bytes, expires = receiver.settings.max_upload_bytes, receiver.expiry(creation.capture)

    def make(conn: Connection) -> Upload:
        before = find_claimed(conn, device, creation)
        if before is not None:
            if before.concat != creation.concat:
                raise LengthConflict("This part was created in another way before.")
            return before
        lengths = [upload.state.length for upload in _partials(conn, device, creation.partials)]
        known = [length for length in lengths if length is not None]
        check_size(sum(known), max_bytes)
        if creation.capture is None:
            require_unclaimed_space(conn, device, 0, max_bytes)
        length = sum(known) if len(known) == len(lengths) else None
        final = insert_upload(conn, device, creation, length, expires)
        if final.durable and final.capture is not None:
            open_when_complete(conn, final.capture)
        return final

    return await join(receiver, locks, device, await receiver.db.write(make))


async def join_waiting(receiver: Receiver, locks: UploadLocks, device: str, partial: str) -> None:
    """A partial upload became whole: join the final ones that waited for it. Raises what `join` does."""
    for final in await receiver.db.read(lambda conn: waiting_finals(conn, device)):
        if partial in partial_ids(final.concat):
            await join(receiver, locks, device, final)


async def join(receiver: Receiver, locks: UploadLocks, device: str, final: Upload) -> Upload:
    """Join a final upload if all its partial ones are whole; returns it as it is then.

    Raises:
        UploadBusy, DiskFull, PartialGone, UploadTooLong.
    """
    ids = partial_ids(final.concat)
    if final.durable or not await receiver.db.read(lambda conn: _are_whole(conn, device, ids)):
        return final
    async with AsyncExitStack() as held:
        for upload in sorted({final.id, *ids}):
            await held.enter_async_context(locks.hold(upload))
        final = await receiver.db.read(lambda conn: find_upload(conn, final.id, device))
        if final.durable:
            return final
        partials = await receiver.db.read(lambda conn: _partials(conn, device, ids))
        check_size(sum(upload.state.offset for upload in partials), receiver.settings.max_upload_bytes)
        sources = [(upload.staged, upload.state.offset) for upload in partials]
        size = await receiver.staging.join(final.staged, sources)
        expires = receiver.expiry(final.capture)

        def commit(conn: Connection) -> Upload:
            join_pieces(conn, final.id, [(upload.id, upload.state.offset) for upload in partials])
            for upload in set(ids):
                delete_upload(conn, upload)
            set_offset(conn, final.id, UploadState(size, size), expires, final.fence)
            if final.capture is not None:
                open_when_complete(conn, final.capture)
            return find_upload(conn, final.id, device)

        return await receiver.db.write(commit)


def _partials(conn: Connection, device: str, ids: Sequence[str]) -> list[Upload]:
    """In their order; one may be there more than once. Raises UploadUnknown, ConcatInvalid."""
    found = [find_upload(conn, upload, device) for upload in ids]
    for upload in found:
        if upload.concat != PARTIAL:
            raise ConcatInvalid(f"{upload.id} was not created as a partial upload.")
    return found


def _are_whole(conn: Connection, device: str, ids: Sequence[str]) -> bool:
    try:
        return all(upload.durable for upload in _partials(conn, device, ids))
    except UploadUnknown:
        return False
