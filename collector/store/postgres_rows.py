"""What PostgreSQL answers: rows as a cursor of PEP 249 has them, each value as Python's own type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

_WHOLE, _REAL, _DECIMAL, _TRUTH = (20, 21, 23, 26), (700, 701), 1700, 16


class Prepared(NamedTuple):
    """A statement that the server has prepared, and how to read what it finds: the place and type of each column."""

    name: bytes
    description: tuple[tuple[str], ...]
    loaders: tuple[tuple[int, Callable[[bytes], Any]], ...]


class Rows:
    """What a statement found, as a cursor of PEP 249 has it."""

    __slots__ = ("_at", "_loaders", "_result", "description", "rowcount")

    def __init__(self, result: Any, prepared: Prepared, rowcount: int) -> None:
        self._result = result
        self._loaders = prepared.loaders
        self._at = 0
        self.description = prepared.description
        self.rowcount = rowcount

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(iter(self), None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self)

    def close(self) -> None:
        self._result = None

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        result = self._result
        if result is None:
            return
        value, columns = result.get_value, self._loaders
        while self._at < result.ntuples:
            row, self._at = self._at, self._at + 1
            yield tuple([None if (raw := value(row, at)) is None else load(raw) for at, load in columns])


class NoRows:
    """A cursor that found none."""

    __slots__ = ()
    description = ()

    def fetchone(self) -> None:
        return None

    def fetchall(self) -> list[Any]:
        return []

    def close(self) -> None:
        """There is nothing to give back."""

    def __iter__(self) -> Iterator[Any]:
        return iter(())


def described(name: bytes, shape: Any) -> Prepared:
    return Prepared(
        name,
        tuple((shape.fname(at).decode(),) for at in range(shape.nfields)),
        tuple((at, _loader(shape.ftype(at))) for at in range(shape.nfields)),
    )


def _loader(oid: int) -> Callable[[bytes], Any]:
    if oid in _WHOLE:
        return int
    if oid in _REAL:
        return float
    if oid == _DECIMAL:
        return _number
    return _is_true if oid == _TRUTH else bytes.decode


def _number(raw: bytes) -> int | float:
    """Sums of 64-bit columns come as decimals."""
    return float(raw) if b"." in raw else int(raw)


def _is_true(raw: bytes) -> bool:
    return raw == b"t"
