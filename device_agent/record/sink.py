"""Where recorders put their bytes: append-only, never seeking, so that what is written can be sent at once.

A muxer that can seek rewrites its header at close (Matroska 491 bytes at offset 44, FLAC 34 at 8). One that is
given a `MuxerTarget` cannot: it has no `seek`, and FFmpeg then writes a stream that is right from front to back.
"""

from __future__ import annotations

import hashlib
from typing import Protocol


class ByteSink(Protocol):
    """An append-only place for bytes.

    The caller writes from one thread at a time and never after `close`. `write` may wait while the disk is slow.
    Both raise the place's own error (a full spool) and then keep raising it.
    """

    def write(self, data: bytes) -> None:
        """Append. The bytes are the sink's from here on and never change."""

    def close(self) -> None:
        """No more bytes will come; returns when all of them are durable."""


class MuxerTarget:
    """What PyAV writes into: only `write`, so nothing can be rewritten; counts and hashes what passes."""

    def __init__(self, sink: ByteSink) -> None:
        self._sink = sink
        self._hash = hashlib.sha256()
        self.bytes = 0

    def write(self, data: bytes) -> int:
        self._sink.write(data)
        self._hash.update(data)
        self.bytes += len(data)
        return len(data)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()
