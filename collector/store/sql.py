"""Statements and rows as every room of the collector uses them: SQL text with named parameters, rows with attributes.

    FIND = text("SELECT id, name FROM person WHERE role IN :roles AND created_at > :since")
    rows = conn.execute(FIND, {"roles": ["lead"], "since": "2026-01-01"}).all()
    rows[0].name

A statement goes to the driver's own cursor, whose cache keeps it prepared by its text: give it its values as
parameters, never as text. A name behind IN is a list of any length.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

Values = Mapping[str, Any]
_LIST = re.compile(r"\bIN :(\w+)", re.IGNORECASE)


class Row(tuple[Any, ...]):
    """One row: by place, by column (`row.name`), or taken apart."""

    if TYPE_CHECKING:

        def __getattr__(self, column: str) -> Any: ...


class Statement:
    """SQL text with `:name` parameters; `IN :name` takes a list. Make one with `text`."""

    __slots__ = ("_by_lengths", "_lists", "_row_maker", "text")

    def __init__(self, sql: str) -> None:
        self.text = sql
        self._lists = tuple(dict.fromkeys(_LIST.findall(sql)))
        self._by_lengths: dict[tuple[int, ...], str] = {}
        self._row_maker: RowMaker | None = None

    def __str__(self) -> str:
        return self.text

    def filled(self, values: Values) -> tuple[str, Values]:
        """The text and values with each list written out, one parameter per member."""
        if not self._lists:
            return self.text, values
        lengths = tuple(len(values[name]) for name in self._lists)
        sql = self._by_lengths.get(lengths)
        if sql is None:
            sql = self._by_lengths[lengths] = _LIST.sub(lambda found: _written_out(found, values), self.text)
        members = {f"{name}_{place}": one for name in self._lists for place, one in enumerate(values[name])}
        return sql, {**values, **members}

    def row_maker(self, cursor: Cursor) -> RowMaker:
        """What makes rows of its columns, which are the same each time."""
        if self._row_maker is None:
            self._row_maker = _row_maker(column_names(cursor))
        return self._row_maker


RowMaker = Callable[[Iterable[Any]], Row]


Query = tuple[Statement, Values]  # with the values that it is executed with


def text(sql: str) -> Statement:
    """A statement, written once and executed often."""
    return Statement(sql)


def _written_out(found: re.Match[str], values: Values) -> str:
    name = found[1]
    members = ", ".join(f":{name}_{place}" for place in range(len(values[name])))
    # Standard SQL has no empty list.
    return f"IN ({members})" if members else "IN (SELECT NULL WHERE 1 = 0)"


class Cursor(Protocol):
    """What a driver's cursor has after it executed a statement (PEP 249)."""

    @property
    def description(self) -> Any: ...
    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def close(self) -> object: ...
    def __iter__(self) -> Iterator[Any]: ...


class Result:
    """What a statement found. Rows are read as they are asked for; each method may be called once."""

    __slots__ = ("_cursor", "_statement")

    def __init__(self, cursor: Cursor, statement: Statement) -> None:
        self._cursor, self._statement = cursor, statement

    @property
    def rowcount(self) -> int:
        """How many rows an INSERT, UPDATE or DELETE changed."""
        return self._cursor.rowcount

    def __iter__(self) -> Iterator[Row]:
        return map(self._statement.row_maker(self._cursor), self._cursor)

    def all(self) -> list[Row]:
        return list(self)

    def first(self) -> Row | None:
        """The first row; what is behind it is not read."""
        found = self._cursor.fetchone()
        row = None if found is None else self._statement.row_maker(self._cursor)(found)
        self._cursor.close()
        return row

    def one_or_none(self) -> Row | None:
        """The only row. Raises RowsUnexpected: there are more."""
        found = self._cursor.fetchall()
        if len(found) > 1:
            raise RowsUnexpected(f"{len(found)} rows were found where at most one can be")
        return self._statement.row_maker(self._cursor)(found[0]) if found else None

    def one(self) -> Row:
        """The only row. Raises RowsUnexpected: there is none, or there are more."""
        row = self.one_or_none()
        if row is None:
            raise RowsUnexpected("no row was found where one must be")
        return row

    def scalar(self) -> Any:
        """The first value of the first row; None without a row."""
        found = self._cursor.fetchone()
        self._cursor.close()
        return None if found is None else found[0]

    def scalar_one(self) -> Any:
        """The first value of the only row. Raises RowsUnexpected."""
        return self.one()[0]

    def scalar_one_or_none(self) -> Any:
        """The first value of the only row; None without a row. Raises RowsUnexpected."""
        row = self.one_or_none()
        return None if row is None else row[0]

    def scalars(self) -> Iterator[Any]:
        """The first value of each row."""
        return (row[0] for row in self._cursor)

    def mappings(self) -> Iterator[dict[str, Any]]:
        """Each row as a dictionary by column."""
        names = column_names(self._cursor)
        return (dict(zip(names, row, strict=True)) for row in self._cursor)


class RowsUnexpected(RuntimeError):
    """A statement found more or fewer rows than the tables allow: a mistake in the program."""


def column_names(cursor: Cursor) -> tuple[str, ...]:
    """Of what a driver's cursor found."""
    return tuple(column[0] for column in cursor.description or ())


@lru_cache(maxsize=1024)
def _row_maker(names: tuple[str, ...]) -> RowMaker:
    # `count(*)` and the like are no names; namedtuple numbers those.
    made = namedtuple("Row", names, rename=True)  # type: ignore[misc]
    return made._make  # type: ignore[return-value]


class Connection(Protocol):
    """What an `fn` of `read` and `write` is given."""

    info: dict[str, Any]
    # What an `fn` has read of rows that never change, for the next one: a transaction that is given up empties it.
    lasting: dict[Any, Any]

    def execute(self, statement: Statement | str, values: Values | Sequence[Values] | None = None) -> Result:
        """Run a statement; with a sequence of values once for each. Errors are those of the engine's driver."""
        ...

    def ahead(self, asked: Sequence[Query]) -> None:
        """Say which queries come next, with these values: an engine behind a network fetches them in one round trip.

        Each is executed as ever. What is written in between must not change what they find.
        """
        ...

    def exec_driver_sql(self, sql: str) -> Result:
        """Run SQL text as it is: a colon in it begins no parameter."""
        ...
