"""One request at a time touches an upload, and the newest one wins.

After a dropped Wi-Fi the device asks again while the old request still looks alive here. So a newcomer does not wait
for a timeout: it makes the holder's pending read end at once; the holder keeps what it has and leaves. Where several
processes take uploads, the same goes for a holder in another process (upload_owners.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from collector.ingest.offsets import Upload, UploadBusy
from collector.ingest.patience import Patience
from collector.ingest.upload_owners import Passed, UploadOwners
from wire.errors import GleanerError

T = TypeVar("T")
LEAVE_SECONDS = 10.0  # that those before have to leave once they are asked
TAKE_OVER_SECONDS = 5.0  # the same for one in another process: then it is passed over, its fence is worth nothing
log = logging.getLogger("gleaner.ingest")


class SenderSilent(GleanerError):
    """No data arrived for too long."""

    code = "sender-silent"
    status = 408
    retryable = True
    hint = "What arrived is kept; ask for the offset with HEAD and resume there."


class Holder:
    """The right to touch one upload, until somebody newer asks.

    `fence`: with which this process has it in hand among several; None where it is alone, or has let it go.
    """

    def __init__(self) -> None:
        self.asked_to_leave = False
        self.fence: int | None = None
        self._patience = Patience()
        self.left = asyncio.Event()

    def fence_for(self, upload: Upload) -> int:
        """With which its offsets are promised."""
        return upload.fence if self.fence is None else self.fence

    def ask_to_leave(self) -> None:
        self.asked_to_leave = True
        self._patience.end_wait()

    def leave(self) -> None:
        self._patience.close()
        self.left.set()

    async def wait_for(self, awaitable: Awaitable[T], idle_seconds: float) -> T:
        """Await a read that ends early when somebody newer asks.

        Raises:
            UploadBusy: asked to leave.
            SenderSilent: nothing within `idle_seconds`.
        """
        try:
            return await self._patience.wait_for(awaitable, 0 if self.asked_to_leave else idle_seconds)
        except TimeoutError:
            if self.asked_to_leave:
                raise UploadBusy("A newer request has taken over this upload.") from None
            raise SenderSilent(f"No data arrived for {idle_seconds:g} seconds.") from None


class UploadLocks:
    """Holders by upload id in this process, each with the upload in hand among all processes, if there are several."""

    def __init__(self, owners: UploadOwners | None = None) -> None:
        self._queues: dict[str, list[Holder]] = {}
        self._owners = owners
        self._free = _Signal()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answering: set[asyncio.Task[None]] = set()
        if owners is not None:
            owners.subscribe(lambda: self._call(self._answer), lambda: self._call(self._free.send))

    def close(self) -> None:
        """The service is ending: every holder keeps what it has and leaves. Call it on the event loop."""
        for queue in list(self._queues.values()):
            for holder in queue:
                holder.ask_to_leave()

    @asynccontextmanager
    async def hold(self, upload: str, *, to_read: bool = False) -> AsyncIterator[Holder]:
        """Wait until those before have left, after asking them to.

        Args:
            to_read: nothing is going to be changed.

        Raises:
            UploadBusy: somebody newer asked meanwhile, or those before did not leave.
        """
        self._loop = asyncio.get_running_loop()
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
            if self._owners is None:
                yield me
            else:
                async with self._owned(self._owners, upload, me, to_read):
                    yield me
        finally:
            me.leave()
            queue.remove(me)
            if not queue:
                self._queues.pop(upload, None)

    @asynccontextmanager
    async def _owned(self, owners: UploadOwners, upload: str, me: Holder, to_read: bool) -> AsyncIterator[None]:
        """In hand among all processes; who only reads leaves an upload alone that nobody else has in hand."""
        if to_read and not await owners.is_busy(upload):
            yield
            return
        number, is_mine = await owners.take(upload)
        try:
            if not is_mine:
                await self._wait_for_owner(owners, upload, number, me)
            me.fence = number
            yield
        finally:
            if me.fence is not None:
                with contextlib.suppress(GleanerError):  # the next one takes it over all the same
                    await owners.let_go(upload, me.fence)

    async def _wait_for_owner(self, owners: UploadOwners, upload: str, number: int, me: Holder) -> None:
        """Until the owner in another process has left, or had the time to. Raises UploadBusy."""
        end = asyncio.get_running_loop().time() + TAKE_OVER_SECONDS
        by_force = False
        try:
            while True:
                freed = self._free.next()
                if await owners.take_over(upload, number, by_force=by_force):
                    return
                try:
                    await me.wait_for(freed.wait(), max(0.0, end - asyncio.get_running_loop().time()))
                except SenderSilent:
                    by_force = True
        except Passed:
            raise UploadBusy("A newer request has taken over this upload.") from None

    def _call(self, what: Callable[[], None]) -> None:
        """On the event loop; nothing where nobody ever held an upload."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what)

    def _answer(self) -> None:
        """Another process may want an upload that is held here."""
        if self._queues:
            task = asyncio.ensure_future(self._ask_holders())
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _ask_holders(self) -> None:
        assert self._owners is not None
        try:
            wanted = await self._owners.wanted()
        except GleanerError as error:
            log.warning("who wants uploads was not found out: %s", error)
            return
        for upload in wanted:
            for holder in self._queues.get(upload, ()):
                if holder.fence is not None:
                    holder.ask_to_leave()


class _Signal:
    """Events that are set once: who wants to wait takes the next one before looking."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def next(self) -> asyncio.Event:
        return self._event

    def send(self) -> None:
        self._event.set()
        self._event = asyncio.Event()
