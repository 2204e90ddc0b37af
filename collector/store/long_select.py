"""Rows of a table of any length, a piece at a time: a server sends the whole answer to a statement at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from collector.store.dialects import postgres_text
from collector.store.sql import Connection, text
from collector.store.sqlite_driver import SqliteConnection

PIECE_ROWS = 500
_numbers = count()


def stream(conn: Connection, select: str) -> Iterator[Sequence[Any]]:
    """The rows of a SELECT without parameters, inside the transaction of the connection.

    Several may be read at once. One that is not read to its end stays open until the transaction ends.
    """
    if isinstance(conn, SqliteConnection):
        yield from conn.execute(text(select))
        return
    cursor = f"stream_{next(_numbers)}"
    conn.exec_driver_sql(f"DECLARE {cursor} NO SCROLL CURSOR FOR {postgres_text(select)}")
    while rows := conn.exec_driver_sql(f"FETCH {PIECE_ROWS} FROM {cursor}").all():
        yield from rows
    conn.exec_driver_sql(f"CLOSE {cursor}")
