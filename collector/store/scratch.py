"""A table in memory for one command's own lists: a third of what a dictionary of the same needs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any


class ScratchTable:
    """SQL with `?` for values; gone with the command. One thread at a time may use it."""

    def __init__(self, create: str) -> None:
        """`create`: the CREATE TABLE statement."""
        self._driver = sqlite3.connect(":memory:", isolation_level=None)
        self._driver.execute(create)

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        return self._driver.execute(sql, values).fetchall()

    def first(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """The first row, None without one; what is behind it is not read."""
        return self._driver.execute(sql, values).fetchone()

    def change(self, sql: str, values: Sequence[Any] = ()) -> None:
        self._driver.execute(sql, values)

    def change_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """The same statement for each row, as the rows come."""
        self._driver.execute("BEGIN")
        try:
            self._driver.executemany(sql, rows)
        finally:
            self._driver.execute("COMMIT")
