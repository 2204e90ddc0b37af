"""Lists that are read page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar


class OnePage(Protocol):
    @property
    def next(self) -> str | None: ...


Found = TypeVar("Found", bound=OnePage)
RowOf = TypeVar("RowOf")


def all_rows(
    read: Callable[[str | None], Found], rows_of: Callable[[Found], Sequence[RowOf]], limit: int
) -> list[RowOf]:
    """The rows of every page. No page but the first is empty, and none has more than `limit`."""
    found = read(None)
    rows = list(rows_of(found))
    while found.next is not None:
        found = read(found.next)
        assert 1 <= len(rows_of(found)) <= limit
        rows += rows_of(found)
    return rows
