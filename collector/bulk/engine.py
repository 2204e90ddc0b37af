"""What carries batches to the processes that do them, and their answers back."""

from __future__ import annotations

from typing import Any, Protocol

from wire.errors import GleanerError

Request = dict[str, Any]


class EngineClosed(GleanerError):
    """The engine was closed while somebody waited for answers: the work was cancelled, or the program ends."""

    code = "bulk-closed"
    hint = "Start the work again; what is done stays."


class BulkEngine(Protocol):
    """Three duties. A batch that is lost (its process or its machine ended) is answered with None, and is the caller's
    to send again.
    """

    @property
    def slots(self) -> int:
        """How many batches it can work on at once, now."""
        ...

    def send(self, number: int, request: Request) -> None:
        """Begin a batch for `collector.bulk.batch:do_batch`; `number` is the caller's, each used once."""
        ...

    def receive(self, seconds: float) -> list[tuple[int, dict[str, Any] | None]]:
        """The answers that have come, by number, waiting for one for so long at most.

        Raises:
            EngineClosed: `close` was called. And what is wrong with the engine as a whole.
        """
        ...

    def close(self) -> None:
        """End what is being done, at once. May be called by any thread, and again."""
        ...
