"""A place for bytes in memory, for tests of recorders."""

from __future__ import annotations


class MemorySink:
    """A ByteSink that keeps what it is given."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.closed = False

    def write(self, data: bytes) -> None:
        if self.closed:
            raise ValueError("write after close")
        self.data += data

    def close(self) -> None:
        self.closed = True
