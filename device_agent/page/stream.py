"""What the page receives while it is open: snapshots as server-sent events, preview pictures as motion JPEG."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SNAPSHOT_SECONDS = 0.1
# A page that receives nothing for longer than a few of these knows that the device is gone.
SILENCE_SECONDS = 2.0
PICTURE_SECONDS = 0.125
VIEWER_SECONDS = 2.0
BOUNDARY = "gleaner-picture"


class Viewers:
    """Whether somebody views the preview just now; pictures need to be made only then."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._streams = 0
        self.opened = False  # whether anybody has had the page open yet
        self._last = float("-inf")

    def picture_sent(self) -> None:
        self._last = self._clock()

    @contextmanager
    def watching(self) -> Iterator[None]:
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    @property
    def any(self) -> bool:
        return self._streams > 0 or self._clock() - self._last < VIEWER_SECONDS


async def snapshots(read: Callable[[], bytes], stopping: threading.Event) -> AsyncIterator[bytes]:
    """Server-sent events: each change, at most ten per second; the newest again after two seconds, and last."""
    yield b"retry: 1000\n\n"
    last, silent = b"", 0.0
    while not stopping.is_set():
        body = read()
        if body != last or silent >= SILENCE_SECONDS:
            yield b"event: snapshot\ndata: " + body + b"\n\n"
            last, silent = body, 0.0
        await asyncio.sleep(SNAPSHOT_SECONDS)
        silent += SNAPSHOT_SECONDS
    # The agent ends as soon as everything is delivered: whoever still looks should read that, not the moment before.
    yield b"event: snapshot\ndata: " + read() + b"\n\n"


async def pictures(
    preview: Callable[[], bytes | None], viewers: Viewers, over: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """multipart/x-mixed-replace parts, about eight per second, each a JPEG that differs from the one before.

    They end with the session.
    """
    last: bytes | None = None
    with viewers.watching():
        while not over():
            picture = preview()
            if picture is not None and picture is not last:
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                yield head.encode() + picture + b"\r\n"
                last = picture
            await asyncio.sleep(PICTURE_SECONDS)
