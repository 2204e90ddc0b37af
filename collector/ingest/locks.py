"""One request at a time touches an upload, and the newest one wins.

After a dropped Wi-Fi the device asks again while the old request still looks alive here. So a newcomer does not wait
for a timeout: it makes the holder's pending read end at once; the holder keeps what it has and leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar

from wire.errors import GleanerError

T = TypeVar("T")
LEAVE_SECONDS = 10.0  # that those before have to leave once they are asked


class UploadBusy(GleanerError):
    """A newer request took the upload over, or the holder did not leave in time."""

    code = "upload-busy"
    status = 423
    retryable = True
    hint = "Ask for the offset with HEAD, then resume there."


class SenderSilent(GleanerError):
    """No data arrived for too long."""

    code = "sender-silent"
    status = 408
    retryable = True
    hint = "What arrived is kept; ask for the offset with HEAD and resume there."


class Holder:
    """The right to touch one upload, until somebody newer asks."""

    def __init__(self) -> None:
        self.asked_to_leave = False
        self._pending: asyncio.Timeout | None = None
        self.left = asyncio.Event()

    def ask_to_leave(self) -> None:
        self.asked_to_leave = True
        if self._pending is not None:
            self._pending.reschedule(asyncio.get_running_loop().time())

    async def wait_for(self, awaitable: Awaitable[T], idle_seconds: float) -> T:
        """Await a read that ends early when somebody newer asks.

        Raises:
            UploadBusy: asked to leave.
            SenderSilent: nothing within `idle_seconds`.
        """
        try:
            async with asyncio.timeout(0 if self.asked_to_leave else idle_seconds) as pending:
                self._pending = pending
                return await awaitable
        except TimeoutError:
            if self.asked_to_leave:
                raise UploadBusy("A newer request has taken over this upload.") from None
            raise SenderSilent(f"No data arrived for {idle_seconds:g} seconds.") from None
        finally:
            self._pending = None


class UploadLocks:
    """Holders by upload id, in this process (SQLite has one)."""

    def __init__(self) -> None:
        self._queues: dict[str, list[Holder]] = {}

    def close(self) -> None:
        """The service is ending: every holder keeps what it has and leaves. Call it on the event loop."""
        for queue in list(self._queues.values()):
            for holder in queue:
                holder.ask_to_leave()

    @asynccontextmanager
    async def hold(self, upload: str) -> AsyncIterator[Holder]:
        """Wait until those before have left, after asking them to.

        Raises:
            UploadBusy: somebody newer asked meanwhile, or those before did not leave.
        """
        queue = self._queues.setdefault(upload, [])
        me = Holder()
        before = list(queue)
        queue.append(me)
        try:
            for other in before:
                other.ask_to_leave()
            try:
                async with asyncio.timeout(LEAVE_SECONDS):
                    for other in before:
                        await other.left.wait()
            except TimeoutError:
                raise UploadBusy("Another request is still busy with this upload.") from None
            if me.asked_to_leave:
                raise UploadBusy("A newer request has taken over this upload.")
            yield me
        finally:
            me.left.set()
            queue.remove(me)
            if not queue:
                self._queues.pop(upload, None)
