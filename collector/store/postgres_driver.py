"""PostgreSQL connections: statements of `collector.store.sql` on libpq, through psycopg's own layer over it.

Each text is translated once and prepared once per connection. Values go as text, of types that the server infers from
where they stand, so that a statement is prepared once whatever it is given; a list is one array of any length.
psycopg's cursors would take two times the processor time per statement to find a type for every value.

Inside a transaction a statement that finds no rows waits for the next one that does, for the end, or for somebody who
wants to know how many rows it changed: all of them then travel together (libpq's pipeline mode), and what one of them
is refused with is raised there.
"""

from __future__ import annotations

import re
import select
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import psycopg
from psycopg import pq

from collector.store.database import DatabaseFailed, ReadTooLong, TextUnusable
from collector.store.dialects import postgres_text
from collector.store.sql import Cursor, Result, Statement, Values

CONNECT_SECONDS = 10
MAX_PREPARED = 1024  # more than there are texts in the collector; then a connection forgets all and begins anew
HINT = "Check that the PostgreSQL server runs and has free space, then try again."
# To compile a plan takes longer than our statements do. A plan made while a table was empty stays in use as it fills:
# one that reads the whole table would be slower with each row, one by an index is not.
_SETTINGS = (
    "SET client_encoding = 'UTF8'; SET jit = off; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan;"
)
_PARAMETER = re.compile(
    r"'(?:[^']|'')*'|\"[^\"]*\"|::"
    r"|\b(?P<negated>NOT )?IN :(?P<list>\w+)"
    r"|(?<!:):(?P<null>\w+)(?= IS (?:NOT )?NULL\b)"
    r"|(?<!:):(?P<name>[A-Za-z_]\w*)",
    re.IGNORECASE,
)
_FINDS_ROWS = re.compile(r"\s*(?:SELECT|WITH|VALUES|SHOW|EXPLAIN)\b|.*\bRETURNING\b", re.IGNORECASE | re.DOTALL)
MAX_WAITING = 256  # statements that travel together: what the server answers has to fit into its socket meanwhile
_WHOLE, _REAL, _DECIMAL, _TRUTH = (20, 21, 23, 26), (700, 701), 1700, 16


class Translated(NamedTuple):
    """A statement as the server reads it: `$1`, `$2`, … stand for `names`, in this order."""

    sql: bytes
    names: tuple[str, ...]
    is_query: bool
    finds_rows: bool


@cache
def translated(sql: str) -> Translated:
    """SQL with `:name` parameters and words of SQLite, as PostgreSQL has it."""
    places: dict[str, int] = {}

    def mark(name: str) -> str:
        return f"${places.setdefault(name, len(places) + 1)}"

    def put(found: re.Match[str]) -> str:
        if found["list"]:
            return f"{'<> ALL' if found['negated'] else '= ANY'} ({mark(found['list'])})"
        if found["null"]:
            # Alone before IS NULL nothing says what type it has.
            return f"CAST({mark(found['null'])} AS text)"
        return mark(found["name"]) if found["name"] else found[0]

    made = _PARAMETER.sub(put, postgres_text(sql))
    is_query = made.lstrip().upper().startswith("SELECT")
    return Translated(made.encode(), tuple(places), is_query, _FINDS_ROWS.match(made) is not None)


class _Prepared(NamedTuple):
    name: bytes
    columns: tuple[str, ...]
    loaders: tuple[Callable[[bytes], Any], ...]


class Rows:
    """What a statement found, as a cursor of PEP 249 has it."""

    __slots__ = ("_at", "_loaders", "_result", "description", "rowcount")

    def __init__(self, result: Any, prepared: _Prepared | None, rowcount: int) -> None:
        self._result = result
        self._loaders = () if prepared is None else prepared.loaders
        self._at = 0
        self.description = () if prepared is None else tuple((name,) for name in prepared.columns)
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
        value, columns = result.get_value, tuple(enumerate(self._loaders))
        while self._at < result.ntuples:
            row, self._at = self._at, self._at + 1
            yield tuple([None if (raw := value(row, at)) is None else load(raw) for at, load in columns])


class _Waiting:
    """A statement that was not sent yet, as a cursor that found no rows."""

    __slots__ = ("_connection", "changed", "given", "prepared")
    description = ()

    def __init__(self, connection: PostgresConnection, prepared: _Prepared, given: list[bytes | None]) -> None:
        self._connection = connection
        self.prepared, self.given = prepared, given
        self.changed: int | None = None

    @property
    def rowcount(self) -> int:
        if self.changed is None:
            self._connection.send_waiting()
        return self.changed or 0

    def fetchone(self) -> None:
        return None

    def fetchall(self) -> list[Any]:
        return []

    def close(self) -> None:
        """There is nothing to give back."""

    def __iter__(self) -> Iterator[Any]:
        return iter(())


class PostgresConnection:
    """See `collector.store.sql.Connection`. One thread at a time may use it.

    `has_written`: a statement that is no SELECT was run since somebody set it to False; `deadline`: of
    `time.monotonic`, after which statements raise ReadTooLong.
    """

    __slots__ = ("_libpq", "_poll", "_prepared", "_waiting", "deadline", "driver", "has_written", "info")

    def __init__(self, address: str, *, settings: str = "") -> None:
        """Raises psycopg.Error."""
        self.driver = psycopg.connect(
            address, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="gleaner collector"
        )
        self._libpq = self.driver.pgconn
        self._prepared: dict[str, _Prepared] = {}
        self._waiting: list[_Waiting] = []
        self._poll = select.poll()
        self._poll.register(self._libpq.socket, select.POLLIN)
        self.info: dict[str, Any] = {}
        self.has_written = False
        self.deadline: float | None = None
        self.exec_driver_sql(_SETTINGS + settings)

    def execute(self, statement: Statement | str, values: Values | Sequence[Values] | None = None) -> Result:
        sql = statement.text if isinstance(statement, Statement) else str(statement)
        made = statement if isinstance(statement, Statement) else Statement(sql)
        if values is None or isinstance(values, dict) or not isinstance(values, Sequence):
            return Result(self._run(sql, values or {}), made)
        changed = sum([cursor.rowcount for cursor in [self._run(sql, one) for one in values]])
        return Result(Rows(None, None, changed), made)

    def exec_driver_sql(self, sql: str) -> Result:
        """Run SQL text as it is, also several statements: the rows are those of the last one."""
        self.send_waiting()
        self.has_written = True
        result = _checked(self._libpq.exec_(sql.encode()))
        return Result(Rows(result, _described(b"", result), result.command_tuples or 0), Statement(sql))

    def is_lost(self) -> bool:
        return bool(self._libpq.status != pq.ConnStatus.OK)

    def round_trip_seconds(self) -> float:
        """How long the server takes for a statement that has nothing to do."""
        return min(self._timed_round_trip() for _ in range(3))

    def _timed_round_trip(self) -> float:
        began = time.perf_counter()
        _checked(self._libpq.exec_(b"SELECT 1"))
        return time.perf_counter() - began

    def is_in_transaction(self) -> bool:
        """One that can go on: none of its statements failed."""
        return bool(self._libpq.transaction_status == pq.TransactionStatus.INTRANS)

    def begin(self, sql: str = "BEGIN") -> str | None:
        """Statements that begin a transaction or a part of one, in one round trip. Returns what the last one found."""
        self.send_waiting()
        result = _checked(self._libpq.exec_(sql.encode()))
        self.has_written = False
        found = result.get_value(0, 0) if result.ntuples else None
        return None if found is None else bytes(found).decode()

    def commit(self, sql: str = "COMMIT") -> None:
        """Raises psycopg.Error: nothing was committed, or the connection was lost and nobody knows."""
        self.send_waiting()
        result = _checked(self._libpq.exec_(sql.encode()))
        if result.command_status != b"COMMIT":
            raise psycopg.OperationalError("the transaction was rolled back")

    def roll_back(self) -> None:
        """End a transaction without a trace, if the server has not ended it itself."""
        self._waiting.clear()
        if self._libpq.transaction_status != pq.TransactionStatus.IDLE:
            _checked(self._libpq.exec_(b"ROLLBACK"))

    def close(self) -> None:
        self.driver.close()

    def send_waiting(self) -> None:
        """Run the statements that wait. Raises psycopg.Error: of the first that the server refused."""
        if self._waiting:
            self._run_together(None, [])

    def _run(self, sql: str, values: Values) -> Cursor:
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise ReadTooLong("This took too long and was stopped.")
        made = translated(sql)
        self.has_written = self.has_written or not made.is_query
        given = [_encoded(values[name]) for name in made.names]
        prepared = self._prepared.get(sql) or self._prepare(sql, made)
        if not made.finds_rows and self._libpq.transaction_status == pq.TransactionStatus.INTRANS:
            waiting = _Waiting(self, prepared, given)
            self._waiting.append(waiting)
            if len(self._waiting) >= MAX_WAITING:
                self.send_waiting()
            return waiting
        if self._waiting:
            result = self._run_together(prepared, given)
        else:
            result = _checked(self._libpq.exec_prepared(prepared.name, given))
        return Rows(result, prepared, result.command_tuples or 0)

    def _run_together(self, last: _Prepared | None, given: list[bytes | None]) -> Any:
        """Send the statements that wait, and one behind them, in one round trip; the result of that one."""
        waiting, self._waiting = self._waiting, []
        libpq = self._libpq
        libpq.enter_pipeline_mode()
        for one in waiting:
            libpq.send_query_prepared(one.prepared.name, one.given)
        if last is not None:
            libpq.send_query_prepared(last.name, given)
        libpq.pipeline_sync()
        while libpq.flush():  # more than fits into the socket: the server reads on while its answers are taken
            self._poll.modify(libpq.socket, select.POLLIN | select.POLLOUT)
            self._poll.poll()
            self._poll.modify(libpq.socket, select.POLLIN)
            libpq.consume_input()
        results = [self._awaited() for _ in range(len(waiting) + (last is not None))]
        self._awaited(is_sync=True)
        libpq.exit_pipeline_mode()
        for one, result in zip(waiting, results, strict=False):
            one.changed = _checked(result).command_tuples or 0
        return _checked(results[-1])

    def _awaited(self, *, is_sync: bool = False) -> Any:
        """The result of the next statement in the pipeline. libpq would wait for it without letting threads run."""
        libpq = self._libpq
        while libpq.is_busy():
            self._poll.poll()
            libpq.consume_input()
        result = libpq.get_result()
        if not is_sync:
            libpq.get_result()  # None: the end of this statement
        return result

    def _prepare(self, sql: str, made: Translated) -> _Prepared:
        self.send_waiting()
        if len(self._prepared) >= MAX_PREPARED:
            self._prepared.clear()
            _checked(self._libpq.exec_(b"DEALLOCATE ALL"))
        name = b"s%d" % len(self._prepared)
        _checked(self._libpq.prepare(name, made.sql))
        prepared = self._prepared[sql] = _described(name, _checked(self._libpq.describe_prepared(name)))
        return prepared


def failed(error: psycopg.Error) -> DatabaseFailed:
    """The engine's own error in the words of the service; libpq puts no password into its messages."""
    said = " ".join(str(error).split()) or type(error).__name__
    return DatabaseFailed(f"The database could not do this: {said}.", hint=HINT)


def is_conflict(error: psycopg.Error) -> bool:
    """The transaction met another one that is not ours to wait for, and may be tried again."""
    return error.sqlstate in ("40001", "40P01")


def _checked(result: Any) -> Any:
    if result is None:
        raise psycopg.OperationalError("the connection to the server was lost")
    if result.status in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
        return result
    raise psycopg.errors.error_from_result(result)


def _described(name: bytes, shape: Any) -> _Prepared:
    return _Prepared(
        name,
        tuple(shape.fname(at).decode() for at in range(shape.nfields)),
        tuple(_loader(shape.ftype(at)) for at in range(shape.nfields)),
    )


def _encoded(value: Any) -> bytes | None:
    if isinstance(value, str):
        if "\0" in value:
            raise TextUnusable("A text holds the character U+0000, which this database cannot store.")
        return value.encode()
    if value is None:
        return None
    if isinstance(value, bool):
        return b"1" if value else b"0"  # good for a column of truth values and for one of numbers
    if isinstance(value, int | float):
        return repr(value).encode()
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return b"{%s}" % b",".join(_member(_encoded(one)) for one in value)
    raise TypeError(f"a {type(value).__name__} is no value of a statement")


def _member(value: bytes | None) -> bytes:
    return b"NULL" if value is None else b'"%s"' % value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


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
