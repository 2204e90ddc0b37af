"""PostgreSQL connections: statements of `collector.store.sql` on libpq, through psycopg's own layer over it.

Each text is translated once and prepared once per connection. Values go as text, of types that the server infers from
where they stand, so that a statement is prepared once whatever it is given; a list is one array of any length.
psycopg's cursors would take two times the processor time per statement to find a type for every value.

Inside a transaction a statement that finds no rows waits for the next one that does, for the end, or for somebody who
wants to know how many rows it changed: all of them then travel together (libpq's pipeline mode), and what one of them
is refused with is raised there. Queries that are known to come next (`ahead`) travel with them; what they find is kept
until they are executed, or something is written to a table that they read.
"""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import pq

from collector.store.database import DatabaseDamaged, DatabaseFailed, ReadTooLong
from collector.store.postgres_rows import NoRows, Prepared, Rows, described
from collector.store.postgres_statements import Translated, encoded, translated
from collector.store.sql import Cursor, Query, Result, Statement, Values

CONNECT_SECONDS = 10
MAX_PREPARED = 1024  # more than there are texts in the collector; then a connection forgets all and begins anew
HINT = "Check that the PostgreSQL server runs and has free space, then try again."
# To compile a plan takes longer than our statements do. A plan made while a table was empty stays in use as it fills:
# one that reads the whole table would be slower with each row, one by an index is not.
_SETTINGS = (
    "SET client_encoding = 'UTF8'; SET jit = off; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan;"
)
MAX_ROUND_TRIPS, MAX_TRYING_SECONDS = 50, 0.1
MAX_WAITING = 256  # statements that travel together: what the server answers has to fit into its socket meanwhile
_DAMAGED = ("XX001", "XX002")  # of a page of a table, of an index
_Key = tuple[str, tuple[bytes | None, ...]]  # a text and its values


class _Sent(NamedTuple):
    """A statement with its values, ready to be sent."""

    made: Translated
    prepared: Prepared
    given: list[bytes | None]


class _Waiting(NoRows):
    """A statement that was not sent yet."""

    __slots__ = ("_connection", "changed", "given", "prepared")

    def __init__(self, connection: PostgresConnection, prepared: Prepared, given: list[bytes | None]) -> None:
        self._connection = connection
        self.prepared, self.given = prepared, given
        self.changed: int | None = None

    @property
    def rowcount(self) -> int:
        if self.changed is None:
            self._connection.send_waiting()
        return self.changed or 0


class _Several(NoRows):
    """A statement that was run with several values; how many rows they changed together is found when it is asked."""

    __slots__ = ("_cursors",)

    def __init__(self, cursors: list[Cursor]) -> None:
        self._cursors = cursors

    @property
    def rowcount(self) -> int:
        return sum(cursor.rowcount for cursor in self._cursors)


class PostgresConnection:
    """See `collector.store.sql.Connection`. One thread at a time may use it.

    `has_written`: a statement that is no SELECT was run since somebody set it to False; `deadline`: of
    `time.monotonic`, after which statements raise ReadTooLong.
    """

    __slots__ = (
        "_found",
        "_is_ending",
        "_libpq",
        "_poll",
        "_prepared",
        "_waiting",
        "deadline",
        "driver",
        "has_written",
        "info",
        "lasting",
    )

    def __init__(self, address: str, *, settings: str = "") -> None:
        """Raises psycopg.Error."""
        self.driver = psycopg.connect(
            address, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="gleaner collector"
        )
        self._libpq = self.driver.pgconn
        self._prepared: dict[str, Prepared] = {}
        self._waiting: list[_Waiting] = []
        self._found: dict[_Key, tuple[Translated, Any]] = {}
        self._poll = select.poll()
        self._poll.register(self._libpq.socket, select.POLLIN)
        self.info: dict[str, Any] = {}
        self.lasting: dict[Any, Any] = {}
        self._is_ending = False
        self.has_written = False
        self.deadline: float | None = None
        self.exec_driver_sql(_SETTINGS + settings)

    def execute(self, statement: Statement | str, values: Values | Sequence[Values] | None = None) -> Result:
        sql = statement.text if isinstance(statement, Statement) else str(statement)
        made = statement if isinstance(statement, Statement) else Statement(sql)
        if values is None or isinstance(values, dict) or not isinstance(values, Sequence):
            return Result(self._run(sql, values or {}), made)
        return Result(_Several([self._run(sql, one) for one in values]), made)

    def exec_driver_sql(self, sql: str) -> Result:
        """Run SQL text as it is, also several statements: the rows are those of the last one."""
        self.send_waiting()
        self._found.clear()
        self.has_written = True
        result = _checked(self._libpq.exec_(sql.encode()))
        return Result(Rows(result, described(b"", result), result.command_tuples or 0), Statement(sql))

    def is_lost(self) -> bool:
        return bool(self._libpq.status != pq.ConnStatus.OK)

    def answers_within(self, seconds: float) -> bool:
        """Whether the server can answer a statement that has nothing to do so soon, where neither has to wait its turn
        for a processor: the quickest of several tries.
        """
        end = time.perf_counter() + MAX_TRYING_SECONDS
        for _ in range(MAX_ROUND_TRIPS):
            began = time.perf_counter()
            _checked(self._libpq.exec_(b"SELECT 1"))
            now = time.perf_counter()
            if now - began < seconds:
                return True
            if now > end:
                break
        return False

    def is_in_transaction(self) -> bool:
        """One that can go on: none of its statements failed."""
        return bool(self._libpq.transaction_status == pq.TransactionStatus.INTRANS)

    def begin_with_next(self, *statements: str) -> None:
        """Begin a transaction, with the first statement that finds rows. Raises psycopg.Error."""
        if self._is_ending:
            self._is_ending = False
            _checked(self._awaited())
        self._found.clear()
        for sql in statements:
            _, prepared, given = self._made_ready(sql, {})  # which may send what waits
            self._waiting.append(_Waiting(self, prepared, given))
        self.has_written = False

    def begin(self, *statements: str) -> str | None:
        """Statements that begin a transaction or a part of one, in one round trip. Returns what the last one found."""
        self._found.clear()
        result = self._run_all(statements)[-1]
        self.has_written = False
        found = result.get_value(0, 0) if result.ntuples else None
        return None if found is None else bytes(found).decode()

    def commit(self, before: Sequence[str] = (), behind: Sequence[str] = ()) -> None:
        """With statements before it and behind it, in one round trip.

        Raises:
            psycopg.Error: nothing was committed, or the connection was lost and nobody knows.
        """
        self._found.clear()
        results = self._run_all([*before, "COMMIT", *behind])
        if results[len(before)].command_status != b"COMMIT":
            raise psycopg.OperationalError("the transaction was rolled back")

    def _run_all(self, statements: Sequence[str]) -> list[Any]:
        """Statements without values, behind those that wait, in one round trip."""
        self._make_room(len(statements))
        return self._run_together([self._made_ready(sql, {}) for sql in statements])

    def roll_back(self) -> None:
        """End a transaction without a trace, if the server has not ended it itself."""
        self._waiting.clear()
        self._found.clear()
        self.lasting.clear()
        if self._libpq.transaction_status != pq.TransactionStatus.IDLE:
            _checked(self._libpq.exec_(b"ROLLBACK"))

    def roll_back_soon(self) -> None:
        """`roll_back` of a transaction that has only read, not waited for: `begin_with_next` comes next, or `close`."""
        if self._libpq.transaction_status != pq.TransactionStatus.INTRANS:
            self.roll_back()
            return
        self._waiting.clear()
        self._found.clear()
        self._libpq.send_query(b"ROLLBACK")
        self._is_ending = True

    def close(self) -> None:
        self.driver.close()

    def ahead(self, asked: Sequence[Query]) -> None:
        """See `collector.store.sql.Connection`. Raises psycopg.Error."""
        self._make_room(len(asked))
        wanted = dict[_Key, _Sent]()
        for statement, values in asked:
            sent = self._made_ready(statement.text, values)
            key = (statement.text, tuple(sent.given))
            if key not in self._found:
                wanted[key] = sent
        if wanted:
            results = self._run_together(list(wanted.values()))
            for (key, sent), result in zip(wanted.items(), results, strict=True):
                self._found[key] = (sent.made, result)

    def send_waiting(self) -> None:
        """Run the statements that wait. Raises psycopg.Error: of the first that the server refused."""
        if self._waiting:
            self._run_together([])

    def _run(self, sql: str, values: Values) -> Cursor:
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise ReadTooLong("This took too long and was stopped.")
        made, prepared, given = sent = self._made_ready(sql, values)
        if not made.is_query:
            self.has_written = True
            if self._found:
                self._found = {key: row for key, row in self._found.items() if not made.may_change(row[0])}
        elif self._found and (found := self._found.pop((sql, tuple(given)), None)) is not None:
            return Rows(found[1], prepared, found[1].command_tuples or 0)
        if not made.finds_rows and self._libpq.transaction_status == pq.TransactionStatus.INTRANS:
            waiting = _Waiting(self, prepared, given)
            self._waiting.append(waiting)
            if len(self._waiting) >= MAX_WAITING:
                self.send_waiting()
            return waiting
        if self._waiting:
            (result,) = self._run_together([sent])
        else:
            result = _checked(self._libpq.exec_prepared(prepared.name, given))
        return Rows(result, prepared, result.command_tuples or 0)

    def _made_ready(self, sql: str, values: Values) -> _Sent:
        made = translated(sql)
        given = [encoded(values[name]) for name in made.names]
        return _Sent(made, self._prepared.get(sql) or self._prepare(sql, made), given)

    def _run_together(self, queries: Sequence[_Sent]) -> list[Any]:
        """Send the statements that wait, and queries behind them, in one round trip; the results of the queries."""
        waiting, self._waiting = self._waiting, []
        libpq = self._libpq
        libpq.enter_pipeline_mode()
        for one in waiting:
            libpq.send_query_prepared(one.prepared.name, one.given)
        for query in queries:
            libpq.send_query_prepared(query.prepared.name, query.given)
        libpq.pipeline_sync()
        while libpq.flush():  # more than fits into the socket: the server reads on while its answers are taken
            self._poll.modify(libpq.socket, select.POLLIN | select.POLLOUT)
            self._poll.poll()
            self._poll.modify(libpq.socket, select.POLLIN)
            libpq.consume_input()
        results = [self._awaited() for _ in range(len(waiting) + len(queries))]
        self._awaited(is_sync=True)
        libpq.exit_pipeline_mode()
        for one, result in zip(waiting, results, strict=False):
            one.changed = _checked(result).command_tuples or 0
        return [_checked(result) for result in results[len(waiting) :]]

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

    def _make_room(self, more: int) -> None:
        """For so many more prepared statements."""
        if len(self._prepared) + more > MAX_PREPARED:
            self.send_waiting()
            self._prepared.clear()
            _checked(self._libpq.exec_(b"DEALLOCATE ALL"))

    def _prepare(self, sql: str, made: Translated) -> Prepared:
        self.send_waiting()
        self._make_room(1)
        name = b"s%d" % len(self._prepared)
        _checked(self._libpq.prepare(name, made.sql))
        prepared = self._prepared[sql] = described(name, _checked(self._libpq.describe_prepared(name)))
        return prepared


def failed(error: psycopg.Error) -> DatabaseFailed:
    """The engine's own error in the words of the service; libpq puts no password into its messages."""
    said = " ".join(str(error).split()) or type(error).__name__
    if error.sqlstate in _DAMAGED:
        return DatabaseDamaged(f"The database is damaged: {said}.")
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
