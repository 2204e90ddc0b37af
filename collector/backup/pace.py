"""How fast a backup reads, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field


@dataclass
class ReadLimit:
    """At most so many bytes per second, on average since the first; None: as fast as it goes."""

    bytes_per_second: float | None = None
    _began: float | None = None
    _bytes: int = 0

    def wait(self, count: int) -> None:
        """Sleep until these bytes, too, are within the limit."""
        if self.bytes_per_second is None:
            return
        if self._began is None:
            self._began = time.monotonic()
        self._bytes += count
        ahead = self._began + self._bytes / self.bytes_per_second - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)


def _nothing(_count: int) -> None:
    pass


@dataclass
class Course:
    """What long work reports to and waits for: `begin(total bytes)` once, then `advance(bytes)`."""

    begin: Callable[[int], None] = _nothing
    advance: Callable[[int], None] = _nothing
    limit: ReadLimit = field(default_factory=ReadLimit)

    def paced(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The same pieces, reported, and no faster than the limit."""
        for piece in pieces:
            self.limit.wait(len(piece))
            yield piece
            self.advance(len(piece))
